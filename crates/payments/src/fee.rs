//! What a merchant pays: a share of the amount, a fixed part, and no less than a minimum.
//!
//! The rounding rule: the share is worked out exactly and rounded once, half to even, to a whole minor unit; the fixed part
//! and the minimum are whole minor units already; the fee is never more than the amount, so that a payment never leaves
//! the merchant in debt. Each captured part of a payment is priced by itself.

mod check;
mod plan;

pub use plan::{
    CaptureTerms, FeePlan, MAX_PERIODS, MAX_RESERVE_DAYS, MAX_RULES, MAX_TIERS, Period, Price, Reserve, Rule, Sale,
    Tier,
};

use crate::amount::{Amount, AmountError};
use serde::{Deserialize, Serialize};

/// Basis points in a whole.
pub const WHOLE: u32 = 10_000;

/// The numbers that a fee was made of, kept with the fee so that anyone can do the sum again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FeeTerms {
    /// Hundredths of a percent.
    pub basis_points: u32,
    /// Minor units of the payment's currency.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Minor"))]
    pub fixed_minor: u64,
    /// The least that is asked, in minor units of the payment's currency.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Minor"))]
    pub minimum_minor: u64,
}

/// For serde: what is nothing is not written.
pub(crate) fn is_zero(minor: &u64) -> bool {
    *minor == 0
}

impl FeeTerms {
    /// The fee on `gross`, at most `gross` itself.
    pub fn fee(self, gross: Amount) -> Result<Amount, AmountError> {
        let fee = self.asked(gross.minor()).min(u128::from(gross.minor()));
        let minor = u64::try_from(fee).map_err(|_| AmountError::TooLarge)?;
        Amount::try_new(minor, gross.currency())
    }

    /// What the terms ask for on that many minor units, even if it is more than they are.
    fn asked(self, gross: u64) -> u128 {
        let fee = u128::from(share(gross, self.basis_points)) + u128::from(self.fixed_minor);
        fee.max(u128::from(self.minimum_minor))
    }
}

/// So many basis points of so many minor units, rounded half to even. At most 10,000 basis points, so never more than
/// `minor`.
pub(crate) fn share(minor: u64, basis_points: u32) -> u64 {
    let whole = u128::from(WHOLE);
    let product = u128::from(minor) * u128::from(basis_points.min(WHOLE));
    let (share, rest) = (product / whole, product % whole);
    let up = 2 * rest > whole || (2 * rest == whole && share % 2 == 1);
    u64::try_from(share + u128::from(up)).expect("a share is at most what it is a share of")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount::MAX_MINOR;

    #[test]
    fn fee_is_share_rounded_half_to_even_plus_fixed_from_the_minimum_to_the_gross() {
        let check = |gross: u64, basis_points, fixed_minor, minimum_minor, expected: u64| {
            let gross = Amount::try_new(gross, "EUR".parse().expect("listed")).expect("small");
            let fee = FeeTerms { basis_points, fixed_minor, minimum_minor }.fee(gross).expect("small");
            assert_eq!(fee.minor(), expected, "{gross} at {basis_points} + {fixed_minor}, at least {minimum_minor}");
        };
        check(10_000, 290, 30, 0, 320);
        check(50, 100, 0, 0, 0); // 0.5 goes to the even 0
        check(150, 100, 0, 0, 2); // 1.5 goes to the even 2
        check(250, 100, 0, 0, 2); // 2.5 goes to the even 2
        check(251, 100, 0, 0, 3);
        check(150, 100, 1, 0, 3); // the fixed part does not sway the rounding
        check(10, 0, 30, 0, 10);
        check(1_000, 100, 5, 50, 50); // 15 is less than the minimum
        check(1_000, 100, 50, 50, 60); // 60 is more
        check(40, 100, 5, 50, 40); // never more than the gross
        check(MAX_MINOR, 10_000, 30, 0, MAX_MINOR);
        check(MAX_MINOR, 1, 0, MAX_MINOR, MAX_MINOR);
    }
}
