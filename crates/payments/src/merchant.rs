//! Merchants: what each may do and what it pays. Made by operators, read by every step.

mod fee_plan;
mod profile;

pub(crate) use fee_plan::list;
pub(crate) use profile::read_limits;

use crate::bank_account::BankAccount;
use crate::currency::Currency;
use crate::fee::FeePlan;
use crate::fraud::RiskRules;
use crate::id::{MerchantId, Mode, Owner};
use crate::routing::Routing;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many requests each key of a merchant may send per second, unless its operator says otherwise.
pub const REQUESTS_PER_SECOND: u32 = 100;
/// The most that an operator may allow.
pub const MAX_REQUESTS_PER_SECOND: u32 = 10_000;
/// The longest name, in characters.
pub const MAX_NAME: usize = 64;

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
    /// Where its payouts go, by currency. Without one, what is due stays in the balance.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bank_accounts: BTreeMap<Currency, BankAccount>,
    /// Which gateways its payments go to; without rules, the deployment's own choice.
    #[serde(default, skip_serializing_if = "Routing::is_empty")]
    pub routing: Routing,
    /// How many requests each of its keys may send per second, and at once.
    #[serde(default = "requests_per_second")]
    pub requests_per_second: u32,
}

fn requests_per_second() -> u32 {
    REQUESTS_PER_SECOND
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
