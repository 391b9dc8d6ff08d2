//! Cards: tokens, the vault, verification codes.

use crate::card::{CardNumber, Cvc};
use crate::failure::Unavailable;
use crate::id::{CardFingerprint, Owner, TokenId};
use crate::secret::Secret;
use crate::timestamp::Timestamp;
use crate::token::{PresentedCard, SealedCard, Token};

/// Reads tokens' public halves.
pub trait Tokens {
    /// The token of that id, whoever owns it.
    async fn token(&self, token_id: &TokenId) -> Result<Option<Token>, Unavailable>;
}

/// Stores tokens' public halves.
pub trait StoreToken {
    /// Stores a new token.
    async fn store(&self, token: &Token) -> Result<(), Unavailable>;
}

/// A card, sealed for the vault.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The number, for the vault.
    pub card: SealedCard,
    /// The verification code under the same data key, base64.
    pub verification: Option<String>,
    /// The keyed MAC of the number.
    pub fingerprint: CardFingerprint,
}

/// Seals cards: the only port that is handed a card number.
pub trait SealCard {
    /// Encrypts number and code for that token of that owner, and works out the number's fingerprint.
    async fn seal(
        &self,
        token_id: &TokenId,
        owner: &Owner,
        number: &CardNumber,
        cvc: Option<&Cvc>,
    ) -> Result<Sealed, Unavailable>;
}

/// Opens sealed cards: for the process that hands them to a network, and for nobody else.
pub trait OpenCard {
    /// The number, and the verification code if there is one.
    async fn open(
        &self,
        card: &PresentedCard,
    ) -> Result<(Secret, Option<Secret>), Box<dyn std::error::Error + Send + Sync>>;
}

/// Stores sealed cards.
pub trait StoreCard {
    /// Stores a sealed card until `delete_at`.
    async fn store(&self, card: &SealedCard, delete_at: Timestamp) -> Result<(), Unavailable>;
}

/// Reads sealed cards, still sealed.
pub trait LoadCard {
    /// The sealed card of that token.
    async fn load(&self, token_id: &TokenId) -> Result<Option<SealedCard>, Unavailable>;
}

/// Keeps sealed verification codes in memory, for minutes, never on disk.
pub trait VerificationCodes {
    /// Keeps the sealed code for [`VERIFICATION_SECONDS`].
    async fn keep(&self, token_id: &TokenId, sealed: &str) -> Result<(), Unavailable>;
    /// The sealed code, if it is still there.
    async fn find(&self, token_id: &TokenId) -> Result<Option<String>, Unavailable>;
    /// Forgets it. Forgetting twice is harmless.
    async fn forget(&self, token_id: &TokenId) -> Result<(), Unavailable>;
}

/// How long a sealed verification code is kept: 15 minutes.
pub const VERIFICATION_SECONDS: u64 = 15 * 60;
