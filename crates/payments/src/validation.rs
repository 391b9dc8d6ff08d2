//! Whether a payment may be tried at all: the merchant's settings and the token, looked at together.

use crate::amount::Amount;
use crate::id::Owner;
use crate::merchant::Merchant;
use crate::timestamp::Timestamp;
use crate::token::Token;
use serde::{Deserialize, Serialize};

/// The rule that a payment breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Violation {
    /// The merchant may not take payments now.
    #[error("the merchant may not take payments now")]
    MerchantInactive,
    /// The merchant does not take that currency.
    #[error("the merchant does not take this currency; it takes {enabled}")]
    CurrencyNotEnabled {
        /// Those that it takes, separated by commas.
        enabled: String,
    },
    /// Outside the merchant's bounds.
    #[error("must be from {min} to {max} minor units for this merchant and currency")]
    AmountOutOfLimits {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// No such token, or not this merchant's: the two look the same from outside.
    #[error("there is no such token: make one with POST /v1/tokens")]
    TokenUnknown,
    /// The token's time is over.
    #[error("the token has expired: make a new one with POST /v1/tokens")]
    TokenExpired,
}

impl Violation {
    /// The field of the request that is wrong; `None` when it is not in the request.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::MerchantInactive => None,
            Self::CurrencyNotEnabled { .. } => Some("currency"),
            Self::AmountOutOfLimits { .. } => Some("amount"),
            Self::TokenUnknown | Self::TokenExpired => Some("token"),
        }
    }
}

/// Checks a payment of `amount` with `token` at the moment `at`, and returns the first rule that it breaks.
pub fn check(
    merchant: Option<&Merchant>,
    owner: &Owner,
    amount: Amount,
    token: Option<&Token>,
    at: Timestamp,
) -> Result<(), Violation> {
    let merchant = merchant.filter(|merchant| merchant.active).ok_or(Violation::MerchantInactive)?;
    let limits = merchant.currencies.get(&amount.currency()).ok_or_else(|| {
        let enabled: Vec<&str> = merchant.currencies.keys().map(|currency| currency.code()).collect();
        Violation::CurrencyNotEnabled { enabled: enabled.join(", ") }
    })?;
    if !(limits.min..=limits.max).contains(&amount.minor()) {
        return Err(Violation::AmountOutOfLimits { min: limits.min, max: limits.max });
    }
    let token = token.filter(|token| token.belongs_to(owner)).ok_or(Violation::TokenUnknown)?;
    if token.expires_at <= at {
        return Err(Violation::TokenExpired);
    }
    Ok(())
}
