//! What a merchant pays for a payment: basis points of the amount and a fixed part.

use crate::amount::{Amount, AmountError};
use crate::currency::Currency;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Basis points in a whole.
const WHOLE: u128 = 10_000;

/// A merchant's prices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeePlan {
    /// Hundredths of a percent of the captured amount, at most 10,000.
    pub basis_points: u32,
    /// Minor units added to each payment, by currency. None for a currency that is not listed.
    #[serde(default)]
    pub fixed_minor: BTreeMap<Currency, u64>,
}

/// The two numbers that a fee was made of, kept with the fee so that anyone can do the sum again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeTerms {
    /// Hundredths of a percent.
    pub basis_points: u32,
    /// Minor units of the payment's currency.
    pub fixed_minor: u64,
}

impl FeePlan {
    /// The terms for one currency.
    pub fn terms(&self, currency: Currency) -> FeeTerms {
        FeeTerms { basis_points: self.basis_points, fixed_minor: self.fixed_minor.get(&currency).copied().unwrap_or(0) }
    }
}

impl FeeTerms {
    /// The fee on `gross`: the share rounded half to even to a whole minor unit, and the fixed part; never more than
    /// `gross` itself, so that a payment never leaves the merchant in debt.
    pub fn fee(self, gross: Amount) -> Result<Amount, AmountError> {
        let product = u128::from(gross.minor()) * u128::from(self.basis_points);
        let (share, rest) = (product / WHOLE, product % WHOLE);
        let half_up = 2 * rest > WHOLE || (2 * rest == WHOLE && share % 2 == 1);
        let share = share + u128::from(half_up);
        let fee = (share + u128::from(self.fixed_minor)).min(u128::from(gross.minor()));
        let minor = u64::try_from(fee).map_err(|_| AmountError::TooLarge)?;
        Amount::try_new(minor, gross.currency())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fee_is_share_rounded_half_to_even_plus_fixed_and_at_most_the_gross() {
        let check = |gross: u64, basis_points, fixed_minor, expected: u64| {
            let gross = Amount::try_new(gross, "EUR".parse().expect("listed")).expect("small");
            let fee = FeeTerms { basis_points, fixed_minor }.fee(gross).expect("small");
            assert_eq!(fee.minor(), expected, "{gross} at {basis_points} + {fixed_minor}");
        };
        check(10_000, 290, 30, 320);
        check(50, 100, 0, 0); // 0.5 goes to the even 0
        check(150, 100, 0, 2); // 1.5 goes to the even 2
        check(250, 100, 0, 2); // 2.5 goes to the even 2
        check(251, 100, 0, 3);
        check(10, 0, 30, 10);
        check(crate::amount::MAX_MINOR, 10_000, 30, crate::amount::MAX_MINOR);
    }
}
