//! Sealing and opening cards: AES-256-GCM under a data key of the vault's KMS key, and a KMS MAC as fingerprint.
//!
//! Each token has a data key of its own. The encryption context {purpose, merchant, token} is bound into the data key
//! by KMS and into each ciphertext as associated data, so that a sealed card opens for its own token only. The context
//! is public (CloudTrail writes it down): it holds no secret.

use crate::config::{StartError, sdk_config, variable};
use crate::table::unavailable;
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, MacAlgorithmSpec};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use payments::card::{CardNumber, Cvc};
use payments::failure::Unavailable;
use payments::id::{CardFingerprint, MerchantId, Owner, TokenId};
use payments::ports::{OpenCard, SealCard, Sealed};
use payments::secret::Secret;
use payments::token::{PresentedCard, SealedCard};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::collections::HashMap;
use zeroize::Zeroizing;

/// What the number is sealed for: part of its associated data.
const NUMBER: &str = "card number";
/// What the verification code is sealed for.
const CODE: &str = "verification code";

/// The vault's keys. `fingerprint_key` is there for those who seal only.
#[derive(Clone, Debug)]
pub struct VaultKeys {
    client: Client,
    vault_key: String,
    fingerprint_key: Option<String>,
}

/// The card could not be opened.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    /// KMS did not open the data key.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The ciphertext is not what was sealed for this token.
    #[error("the sealed card does not belong to its token, or was changed")]
    Broken,
}

impl VaultKeys {
    /// From `VAULT_KEY` and, where it is given, `FINGERPRINT_KEY`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self {
            client: Client::new(&sdk_config()?),
            vault_key: variable("VAULT_KEY")?,
            fingerprint_key: variable("FINGERPRINT_KEY").ok(),
        })
    }

    async fn open_both(&self, card: &PresentedCard) -> Result<(Secret, Option<Secret>), OpenError> {
        let sealed = &card.sealed;
        let data_key = BASE64.decode(&sealed.data_key).map_err(|_| OpenError::Broken)?;
        let opened = self
            .client
            .decrypt()
            .key_id(&self.vault_key)
            .ciphertext_blob(Blob::new(data_key))
            .set_encryption_context(Some(context(&sealed.merchant_id, &sealed.token_id)))
            .send()
            .await
            .map_err(|error| unavailable("the vault's key", error))?;
        let key = opened.plaintext.ok_or(OpenError::Broken)?;
        let key = Zeroizing::new(key.into_inner());
        let number = open_text(&key, &associated(NUMBER, sealed), &sealed.number)?;
        let code =
            card.verification.as_ref().map(|code| open_text(&key, &associated(CODE, sealed), code)).transpose()?;
        Ok((number, code))
    }

    async fn fingerprint(&self, number: &CardNumber) -> Result<CardFingerprint, Unavailable> {
        let key = self.fingerprint_key.as_ref();
        let key = key.ok_or_else(|| Unavailable::new("the fingerprint key", "FINGERPRINT_KEY is not set"))?;
        let answer = self
            .client
            .generate_mac()
            .key_id(key)
            .mac_algorithm(MacAlgorithmSpec::HmacSha256)
            .message(Blob::new(number.expose()))
            .send()
            .await
            .map_err(|error| unavailable("the fingerprint key", error))?;
        let mac = answer.mac.map(Blob::into_inner).unwrap_or_default();
        let mac =
            <[u8; 32]>::try_from(mac).map_err(|_| Unavailable::new("the fingerprint key", "no MAC of 32 bytes"))?;
        Ok(CardFingerprint::from_mac(&mac))
    }
}

impl OpenCard for VaultKeys {
    async fn open(
        &self,
        card: &PresentedCard,
    ) -> Result<(Secret, Option<Secret>), Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.open_both(card).await?)
    }
}

impl SealCard for VaultKeys {
    async fn seal(
        &self,
        token_id: &TokenId,
        owner: &Owner,
        number: &CardNumber,
        cvc: Option<&Cvc>,
    ) -> Result<Sealed, Unavailable> {
        let fingerprint = self.fingerprint(number).await?;
        let data_key = self
            .client
            .generate_data_key()
            .key_id(&self.vault_key)
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(context(&owner.merchant_id, token_id)))
            .send()
            .await
            .map_err(|error| unavailable("the vault's key", error))?;
        let (Some(key), Some(wrapped)) = (data_key.plaintext, data_key.ciphertext_blob) else {
            return Err(Unavailable::new("the vault's key", "no data key in the answer"));
        };
        let key = Zeroizing::new(key.into_inner());
        let mut card = SealedCard {
            token_id: token_id.clone(),
            merchant_id: owner.merchant_id.clone(),
            number: String::new(),
            data_key: BASE64.encode(wrapped.into_inner()),
        };
        card.number = seal_text(&key, &associated(NUMBER, &card), number.expose())?;
        let verification = cvc.map(|cvc| seal_text(&key, &associated(CODE, &card), cvc.expose())).transpose()?;
        Ok(Sealed { card, verification, fingerprint })
    }
}

fn context(merchant_id: &MerchantId, token_id: &TokenId) -> HashMap<String, String> {
    let pairs = [("purpose", "card-vault"), ("merchant", merchant_id.as_str()), ("token", token_id.as_str())];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn associated(purpose: &str, card: &SealedCard) -> String {
    format!("{purpose}|{}|{}", card.merchant_id, card.token_id)
}

fn seal_text(key: &[u8], associated: &str, text: &str) -> Result<String, Unavailable> {
    let failed = |_| Unavailable::new("the vault's key", "a data key that is not 256 bits");
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(failed)?);
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).expect("Linux hands out randomness once it is up");
    let mut sealed = Zeroizing::new(text.as_bytes().to_vec());
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), &mut *sealed)
        .map_err(failed)?;
    Ok(BASE64.encode([&nonce, sealed.as_slice()].concat()))
}

fn open_text(key: &[u8], associated: &str, sealed: &str) -> Result<Secret, OpenError> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| OpenError::Broken)?);
    let bytes = BASE64.decode(sealed).map_err(|_| OpenError::Broken)?;
    let (nonce, text) = bytes.split_at_checked(NONCE_LEN).ok_or(OpenError::Broken)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError::Broken)?;
    let mut text = Zeroizing::new(text.to_vec());
    let opened = key.open_in_place(nonce, Aad::from(associated), &mut text).map_err(|_| OpenError::Broken)?;
    let opened = std::str::from_utf8(opened).map_err(|_| OpenError::Broken)?;
    Ok(Secret::new(opened.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_opens_with_its_key_and_its_context_only() {
        let key = [7; 32];
        let sealed = seal_text(&key, "token a", "4242424242424242").expect("sealed");
        assert!(!sealed.contains("4242"));
        assert_eq!(open_text(&key, "token a", &sealed).expect("opened").expose(), "4242424242424242");
        assert!(open_text(&key, "token b", &sealed).is_err());
        assert!(open_text(&[8; 32], "token a", &sealed).is_err());
    }
}
