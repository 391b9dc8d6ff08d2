//! Merchants: what each may do and what it pays. Made by operators, read by every step.

use crate::currency::Currency;
use crate::fee::FeePlan;
use crate::fraud::RiskRules;
use crate::id::{MerchantId, Mode, Owner};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A merchant's settings in one mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchant {
    /// Its id.
    pub merchant_id: MerchantId,
    /// The world that these settings are for.
    pub mode: Mode,
    /// What people call it.
    pub name: String,
    /// Whether it may take payments now.
    pub active: bool,
    /// The enabled currencies, with the least and the most that one payment may be in minor units.
    pub currencies: BTreeMap<Currency, Limits>,
    /// Its prices.
    pub fee_plan: FeePlan,
    /// Its fraud rules.
    #[serde(default)]
    pub risk: RiskRules,
}

/// Bounds of one payment, in minor units, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// At least 1.
    pub min: u64,
    /// At most 2^53 - 1.
    pub max: u64,
}

impl Merchant {
    /// The owner of this merchant's records.
    pub fn owner(&self) -> Owner {
        Owner { merchant_id: self.merchant_id.clone(), mode: self.mode }
    }
}

/// An API key as stored: only a hash of its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// SHA-256 of the key's text, 64 hexadecimal digits.
    pub key_hash: String,
    /// Whom it speaks for.
    pub merchant_id: MerchantId,
    /// In which world.
    pub mode: Mode,
    /// Whether it still opens anything.
    pub active: bool,
}

impl ApiKey {
    /// The hash that a key of this text is found by; `None` if the text is no key: `fk_test_` or `fk_live_` and 16 to
    /// 64 letters or digits.
    pub fn hash(text: &str) -> Option<String> {
        let (mode, rest) = if let Some(rest) = text.strip_prefix("fk_test_") {
            (Mode::Test, rest)
        } else {
            (Mode::Live, text.strip_prefix("fk_live_")?)
        };
        let good = (16..=64).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        good.then(|| hex::encode(crate::id::digest(&[b"api key", mode.as_str().as_bytes(), rest.as_bytes()])))
    }
}
