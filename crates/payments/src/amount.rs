//! Money: whole minor units of one currency, checked. No floats, no `Default`, no bare operators.

use crate::currency::Currency;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The largest amount: 2^53 - 1, what JSON numbers carry exactly through every client (RFC 8259, section 6).
pub const MAX_MINOR: u64 = (1 << 53) - 1;

/// An amount of money, zero or more, in minor units of its currency. `1999 EUR` is 19.99 euros.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(!try_from))]
#[serde(try_from = "Unchecked")]
pub struct Amount {
    /// Minor units of the currency: 1999 is 19.99 EUR.
    #[serde(rename = "amount")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Minor"))]
    minor: u64,
    /// Of which currency.
    currency: Currency,
}

#[derive(Deserialize)]
struct Unchecked {
    amount: u64,
    currency: Currency,
}

/// Why two amounts did not make a third.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// More than [`MAX_MINOR`].
    #[error("more than {MAX_MINOR} minor units")]
    TooLarge,
    /// The result would be below zero.
    #[error("less than zero")]
    Negative,
    /// The two are in different currencies.
    #[error("the currencies differ: {0} and {1}")]
    CurrenciesDiffer(Currency, Currency),
}

impl Amount {
    /// An amount of `minor` units.
    pub fn try_new(minor: u64, currency: Currency) -> Result<Self, AmountError> {
        if minor > MAX_MINOR {
            return Err(AmountError::TooLarge);
        }
        Ok(Self { minor, currency })
    }

    /// Nothing, in that currency.
    pub fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// The number of minor units.
    pub fn minor(&self) -> u64 {
        self.minor
    }

    /// Its currency.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The sum, in the same currency.
    pub fn checked_add(self, other: Self) -> Result<Self, AmountError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(AmountError::TooLarge)?;
        Self::try_new(minor, self.currency)
    }

    /// What is left after taking `other` away.
    pub fn checked_sub(self, other: Self) -> Result<Self, AmountError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(AmountError::Negative)?;
        Ok(Self { minor, ..self })
    }

    fn same_currency(self, other: Self) -> Result<(), AmountError> {
        if self.currency == other.currency {
            return Ok(());
        }
        Err(AmountError::CurrenciesDiffer(self.currency, other.currency))
    }
}

impl TryFrom<Unchecked> for Amount {
    type Error = AmountError;

    fn try_from(unchecked: Unchecked) -> Result<Self, AmountError> {
        Self::try_new(unchecked.amount, unchecked.currency)
    }
}

impl fmt::Display for Amount {
    /// In major units with the currency's decimals: `19.99 EUR`, `500 JPY`, `1.250 KWD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = self.currency.exponent();
        let unit = 10u64.pow(decimals);
        if decimals == 0 {
            return write!(f, "{} {}", self.minor, self.currency);
        }
        let width = decimals as usize;
        write!(f, "{}.{:0width$} {}", self.minor / unit, self.minor % unit, self.currency)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(minor: u64, code: &str) -> Amount {
        Amount::try_new(minor, code.parse().expect("a listed code")).expect("within the limit")
    }

    #[test]
    fn display_has_the_currency_s_decimals() {
        let check = |minor, code, expected: &str| assert_eq!(amount(minor, code).to_string(), expected);
        check(1999, "EUR", "19.99 EUR");
        check(5, "EUR", "0.05 EUR");
        check(500, "JPY", "500 JPY");
        check(1250, "KWD", "1.250 KWD");
    }

    #[test]
    fn arithmetic_refuses_overflow_underflow_and_mixed_currencies() {
        let euro: Currency = "EUR".parse().expect("listed");
        let yen: Currency = "JPY".parse().expect("listed");
        assert_eq!(Amount::try_new(MAX_MINOR + 1, euro), Err(AmountError::TooLarge));
        assert_eq!(amount(MAX_MINOR, "EUR").checked_add(amount(1, "EUR")), Err(AmountError::TooLarge));
        assert_eq!(amount(1, "EUR").checked_sub(amount(2, "EUR")), Err(AmountError::Negative));
        assert_eq!(amount(1, "EUR").checked_add(amount(1, "JPY")), Err(AmountError::CurrenciesDiffer(euro, yen)));
        assert_eq!(amount(1, "EUR").checked_add(amount(2, "EUR")), Ok(amount(3, "EUR")));
    }

    #[test]
    fn json_refuses_floats_negatives_and_what_is_too_large() {
        let check = |json: &str, accepted: bool| {
            assert_eq!(serde_json::from_str::<Amount>(json).is_ok(), accepted, "{json}");
        };
        check(r#"{"amount":1,"currency":"EUR"}"#, true);
        check(r#"{"amount":1.0,"currency":"EUR"}"#, false);
        check(r#"{"amount":-1,"currency":"EUR"}"#, false);
        check(r#"{"amount":9007199254740992,"currency":"EUR"}"#, false);
        check(r#"{"amount":1,"currency":"EUX"}"#, false);
    }
}
