//! API keys: what is kept of one, and an owner's set of keys: at most two active, rotated with grace, ended for ever.
//!
//! The set is one value with a version, so that one conditional write decides who gets the last place. No key's text is
//! in it.

use crate::fields::{Fields, object};
use crate::id::{KeyId, MerchantId, Mode, Owner, digest};
use crate::problem::FieldError;
use crate::secret::Secret;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How many keys of one owner may be active at once: two, so that one can take over from the other.
pub const MAX_ACTIVE: usize = 2;
/// How many keys of one owner are remembered: of those that ended, the oldest are forgotten.
pub const MAX_KEPT: usize = 20;
/// How long a rotated key lives on unless its operator says otherwise: one day.
pub const GRACE_SECONDS: i64 = 24 * 60 * 60;
/// How long it may live on at most: 30 days.
pub const MAX_GRACE_SECONDS: i64 = 30 * GRACE_SECONDS;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Digits of base 62 that hold 128 bits.
const DIGITS: usize = 22;

/// An API key as stored: only a hash of its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its name, which opens nothing.
    pub key_id: KeyId,
    /// SHA-256 of the key's text, 64 hexadecimal digits.
    pub key_hash: String,
    /// Whom it speaks for.
    pub merchant_id: MerchantId,
    /// In which world.
    pub mode: Mode,
    /// The last four characters of its text, to tell it by.
    pub last4: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From this moment on it opens nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// A new key of that owner from 256 random bits, and its text, which is shown once and kept nowhere.
    pub fn new(owner: &Owner, bits: [[u8; 16]; 2], expires_at: Option<Timestamp>, now: Timestamp) -> (Self, Secret) {
        let secret = bits.map(base62).concat();
        let key_hash = hash(owner.mode, &secret);
        let key = Self {
            key_id: KeyId::derive(&key_hash),
            key_hash,
            merchant_id: owner.merchant_id.clone(),
            mode: owner.mode,
            last4: secret[secret.len() - 4..].to_owned(),
            created_at: now,
            expires_at,
            revoked_at: None,
        };
        (key, Secret::new(format!("{}{secret}", prefix(owner.mode))))
    }

    /// The hash that a key of this text is found by; `None` if the text is no key: `fk_test_` or `fk_live_` and 16 to
    /// 64 letters or digits.
    pub fn hash(text: &str) -> Option<String> {
        let named =
            [Mode::Test, Mode::Live].into_iter().find_map(|mode| Some((mode, text.strip_prefix(prefix(mode))?)));
        let (mode, rest) = named?;
        let good = (16..=64).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        good.then(|| hash(mode, rest))
    }

    /// Whether it opens anything at that moment.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }

    /// Whose it is.
    pub fn owner(&self) -> Owner {
        Owner { merchant_id: self.merchant_id.clone(), mode: self.mode }
    }

    /// What operators see of it: neither text nor hash.
    pub fn view(&self, now: Timestamp) -> Value {
        let mut view = json!({
            "id": self.key_id,
            "merchant_id": self.merchant_id,
            "mode": self.mode,
            "last4": self.last4,
            "active": self.is_active(now),
            "created_at": self.created_at.to_rfc3339(),
        });
        for (name, moment) in [("expires_at", self.expires_at), ("revoked_at", self.revoked_at)] {
            if let Some(moment) = moment {
                view[name] = json!(moment.to_rfc3339());
            }
        }
        view
    }
}

fn prefix(mode: Mode) -> &'static str {
    match mode {
        Mode::Test => "fk_test_",
        Mode::Live => "fk_live_",
    }
}

fn hash(mode: Mode, rest: &str) -> String {
    hex::encode(digest(&[b"api key", mode.as_str().as_bytes(), rest.as_bytes()]))
}

fn base62(bits: [u8; 16]) -> String {
    let mut left = u128::from_be_bytes(bits);
    let mut text = String::with_capacity(DIGITS);
    for _ in 0..DIGITS {
        text.push(char::from(ALPHABET[(left % 62) as usize]));
        left /= 62;
    }
    text
}

/// Why a set of keys stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// There is no place for one more.
    #[error("revoke one of the two active keys, or wait until one has expired")]
    TwoActive,
    /// The owner has no key of that id.
    #[error("there is no such key")]
    Unknown,
    /// It opens nothing any more, so nothing can take over from it.
    #[error("make a new key instead")]
    Ended,
}

/// The keys of one owner, oldest first: those active, and some of those that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRing {
    /// Whose they are.
    pub merchant_id: MerchantId,
    /// In which world.
    pub mode: Mode,
    /// 0 before the first key; each change adds one.
    pub version: u32,
    /// The keys.
    pub keys: Vec<ApiKey>,
}

impl KeyRing {
    /// The set of an owner without keys.
    pub fn empty(owner: &Owner) -> Self {
        Self { merchant_id: owner.merchant_id.clone(), mode: owner.mode, version: 0, keys: Vec::new() }
    }

    /// With one more key, if less than [`MAX_ACTIVE`] are active.
    pub fn with(mut self, key: ApiKey, now: Timestamp) -> Result<Self, KeyRefusal> {
        if self.keys.iter().filter(|key| key.is_active(now)).count() >= MAX_ACTIVE {
            return Err(KeyRefusal::TwoActive);
        }
        self.keys.push(key);
        while self.keys.len() > MAX_KEPT
            && let Some(oldest) = self.keys.iter().position(|key| !key.is_active(now))
        {
            self.keys.remove(oldest);
        }
        Ok(self.next())
    }

    /// With a new key beside an active one, which now ends at `ends_at` if it does not end before.
    pub fn rotated(mut self, old: &KeyId, new: ApiKey, ends_at: Timestamp, now: Timestamp) -> Result<Self, KeyRefusal> {
        let key = self.find(old)?;
        if !key.is_active(now) {
            return Err(KeyRefusal::Ended);
        }
        key.expires_at = Some(key.expires_at.map_or(ends_at, |end| end.min(ends_at)));
        self.with(new, now)
    }

    /// With that key revoked; `None` if it was revoked before.
    pub fn revoked(mut self, key_id: &KeyId, now: Timestamp) -> Result<Option<Self>, KeyRefusal> {
        let key = self.find(key_id)?;
        if key.revoked_at.is_some() {
            return Ok(None);
        }
        key.revoked_at = Some(now);
        Ok(Some(self.next()))
    }

    /// The owner.
    pub fn owner(&self) -> Owner {
        Owner { merchant_id: self.merchant_id.clone(), mode: self.mode }
    }

    fn find(&mut self, key_id: &KeyId) -> Result<&mut ApiKey, KeyRefusal> {
        self.keys.iter_mut().find(|key| key.key_id == *key_id).ok_or(KeyRefusal::Unknown)
    }

    fn next(mut self) -> Self {
        self.version += 1;
        self
    }
}

/// Reads the request for a new key: until when it is to live, if not for ever.
pub fn create_key(body: &Value, now: Timestamp) -> Result<Option<Timestamp>, Vec<FieldError>> {
    let mut fields = Fields::of(object(body)?, "", &["expires_at"]);
    let expires_at = fields.optional(
        "expires_at",
        "expected a moment to come, as in RFC 3339, such as 2030-01-02T03:04:05Z",
        |value| Timestamp::parse_rfc3339(value.as_str()?).ok().filter(|moment| *moment > now),
    );
    if fields.errors.is_empty() { Ok(expires_at) } else { Err(fields.errors) }
}

/// Reads the request for a rotation: how many seconds the old key lives on.
pub fn rotate_key(body: &Value) -> Result<i64, Vec<FieldError>> {
    let mut fields = Fields::of(object(body)?, "", &["grace_seconds"]);
    let grace = fields.optional(
        "grace_seconds",
        &format!("expected a whole number from 0 (the old key ends at once) to {MAX_GRACE_SECONDS}"),
        |value| value.as_i64().filter(|seconds| (0..=MAX_GRACE_SECONDS).contains(seconds)),
    );
    if fields.errors.is_empty() { Ok(grace.unwrap_or(GRACE_SECONDS)) } else { Err(fields.errors) }
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
