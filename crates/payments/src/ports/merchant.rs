//! Merchants: settings, keys, limits.

use super::Saved;
use crate::currency::Currency;
use crate::failure::Unavailable;
use crate::id::{KeyId, Owner};
use crate::key::{ApiKey, KeyRing};
use crate::merchant::Merchant;
use crate::month::Month;
use std::collections::BTreeMap;

/// Reads merchants' settings; they may be a minute old.
pub trait Merchants {
    /// The settings of that owner.
    async fn merchant(&self, owner: &Owner) -> Result<Option<Merchant>, Unavailable>;
}

/// Reads what merchants took in whole months; it may be a minute old.
pub trait Volumes {
    /// What the owner captured in that month, by currency, as its invoice has it; `None` if the month is not invoiced.
    async fn volume(&self, owner: &Owner, month: Month) -> Result<Option<BTreeMap<Currency, u64>>, Unavailable>;
}

/// Reads API keys.
pub trait ApiKeys {
    /// The key of that hash.
    async fn api_key(&self, key_hash: &str) -> Result<Option<ApiKey>, Unavailable>;
}

/// Keeps merchants' settings for operators: never from memory.
pub trait Profiles {
    /// The settings of that owner as they are now.
    async fn profile(&self, owner: &Owner) -> Result<Option<Merchant>, Unavailable>;
    /// Stores the settings over whatever is there.
    async fn save_profile(&self, merchant: &Merchant) -> Result<(), Unavailable>;
    /// At most `limit` settings in the order of their ids, from behind `after` on; a moment old.
    async fn profiles(&self, after: Option<&Owner>, limit: usize) -> Result<Vec<Merchant>, Unavailable>;
}

/// Keeps owners' sets of API keys. A key opens something only if it is in its owner's set: saving the set decides.
pub trait KeyRings {
    /// The set of that owner, empty if it has none.
    async fn key_ring(&self, owner: &Owner) -> Result<KeyRing, Unavailable>;
    /// Lets the owner of a key be found by the key's hash. Alone, it opens nothing.
    async fn index_key(&self, key: &ApiKey) -> Result<(), Unavailable>;
    /// Stores the set on condition that the stored version is the one before.
    async fn save_key_ring(&self, ring: &KeyRing) -> Result<Saved, Unavailable>;
}

/// Whether a request may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is within its key's limit, and counted.
    Admitted,
    /// It is beyond the limit, and not counted.
    Exceeded,
}

/// Counts requests by key.
pub trait RateLimit {
    /// Whether one more request of that key is within its limit: so many at once, and so many per second from then on.
    async fn admit(&self, key_id: &KeyId, limit_per_second: u32) -> Result<Admission, Unavailable>;
}
