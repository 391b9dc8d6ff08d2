//! Tokens: what stands for a card outside the vault. A token's record is not secret; the card's number is elsewhere.

use crate::card::CardSummary;
use crate::id::{CardFingerprint, MerchantId, Mode, Owner, TokenId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// How long a token can start payments: one day.
pub const LIFETIME_SECONDS: i64 = 24 * 60 * 60;

/// The public half of a tokenised card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its name.
    pub token_id: TokenId,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// In which world.
    pub mode: Mode,
    /// What may be shown of the card.
    pub card: CardSummary,
    /// The same for the same card.
    pub fingerprint: CardFingerprint,
    /// From this moment on it starts no payment.
    pub expires_at: Timestamp,
    /// When the table drops the record, in seconds since the epoch: DynamoDB's time to live.
    pub delete_at: i64,
}

impl Token {
    /// Whether the token is that owner's.
    pub fn belongs_to(&self, owner: &Owner) -> bool {
        self.merchant_id == owner.merchant_id && self.mode == owner.mode
    }
}

/// A card as the vault keeps it: ciphertext, and what is needed to open it by those whom the key's policy allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedCard {
    /// The token that it belongs to; bound into the ciphertext.
    pub token_id: TokenId,
    /// The merchant; bound into the ciphertext.
    pub merchant_id: MerchantId,
    /// AES-256-GCM of the number under a data key, base64: nonce, ciphertext, tag.
    pub number: String,
    /// The data key under the vault's KMS key, base64.
    pub data_key: String,
}

/// A sealed card with the verification code, if it is still there, for one authorisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresentedCard {
    /// The number.
    pub sealed: SealedCard,
    /// AES-256-GCM of the code under the same data key, base64. Absent once it was used or its minutes were over.
    pub verification: Option<String>,
    /// The card's last month.
    pub expiry: crate::card::Expiry,
}
