//! Sealing and opening webhooks' signing secrets with their own KMS key. Who subscribes seals only, who sends opens only;
//! the key's users are told apart by their policies.
//!
//! The encryption context {purpose, merchant, endpoint} is bound into each ciphertext, so that a secret opens for its own
//! endpoint only. The context is public (CloudTrail writes it down): it holds no secret.

use crate::config::{StartError, sdk_config, variable};
use crate::table::unavailable;
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use payments::failure::Unavailable;
use payments::id::{EndpointId, Owner};
use payments::ports::{OpenSecret, SealSecret};
use payments::secret::Secret;
use payments::webhook::SealedSecret;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use zeroize::Zeroizing;

/// The name of the key in errors.
const WHAT: &str = "the webhooks' key";
/// How many opened secrets a process remembers; beyond that it starts anew.
const MAX_REMEMBERED: usize = 1000;

/// The key of signing secrets.
#[derive(Debug)]
pub struct SigningSecrets {
    client: Client,
    key: String,
    /// By ciphertext and context: what opened once opens again, and costs no call.
    opened: RefCell<BTreeMap<(String, EndpointId), Secret>>,
}

impl SigningSecrets {
    /// From `WEBHOOK_KEY`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self { client: Client::new(&sdk_config()?), key: variable("WEBHOOK_KEY")?, opened: RefCell::default() })
    }
}

fn context(owner: &Owner, endpoint_id: &EndpointId) -> HashMap<String, String> {
    let merchant = owner.merchant_id.as_str();
    let pairs = [("purpose", "webhook-signature"), ("merchant", merchant), ("endpoint", endpoint_id.as_str())];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

impl SealSecret for SigningSecrets {
    async fn seal(
        &self,
        owner: &Owner,
        endpoint_id: &EndpointId,
        secret: &Secret,
    ) -> Result<SealedSecret, Unavailable> {
        let answer = self
            .client
            .encrypt()
            .key_id(&self.key)
            .plaintext(Blob::new(secret.expose()))
            .set_encryption_context(Some(context(owner, endpoint_id)))
            .send()
            .await
            .map_err(|error| unavailable(WHAT, error))?;
        let sealed = answer.ciphertext_blob.ok_or_else(|| Unavailable::new(WHAT, "no ciphertext in the answer"))?;
        Ok(SealedSecret(BASE64.encode(sealed.into_inner())))
    }
}

impl OpenSecret for SigningSecrets {
    async fn open(
        &self,
        owner: &Owner,
        endpoint_id: &EndpointId,
        sealed: &SealedSecret,
    ) -> Result<Secret, Unavailable> {
        let name = (sealed.0.clone(), endpoint_id.clone());
        if let Some(secret) = self.opened.borrow().get(&name) {
            return Ok(secret.clone());
        }
        let broken = |what: &'static str| Unavailable::new(WHAT, what);
        let ciphertext = BASE64.decode(&sealed.0).map_err(|_| broken("a ciphertext that is not base64"))?;
        let answer = self
            .client
            .decrypt()
            .key_id(&self.key)
            .ciphertext_blob(Blob::new(ciphertext))
            .set_encryption_context(Some(context(owner, endpoint_id)))
            .send()
            .await
            .map_err(|error| unavailable(WHAT, error))?;
        let text = Zeroizing::new(answer.plaintext.ok_or_else(|| broken("no plaintext in the answer"))?.into_inner());
        let text = std::str::from_utf8(&text).map_err(|_| broken("a secret that is no text"))?;
        let secret = Secret::new(text.to_owned());
        let mut opened = self.opened.borrow_mut();
        if opened.len() >= MAX_REMEMBERED {
            opened.clear();
        }
        opened.insert(name, secret.clone());
        Ok(secret)
    }
}
