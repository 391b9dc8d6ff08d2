//! The settlement instruction: what the merchant is owed for a captured payment, and when; what a refund takes away from
//! it, and when.

use crate::amount::{Amount, AmountError};
use crate::calendar::{business_day_from, business_days_after};
use crate::currency::Currency;
use crate::fee::{CaptureTerms, FeeTerms, is_zero, share};
use crate::timestamp::{Timestamp, iso_date};
use serde::{Deserialize, Serialize};
use time::Duration;

/// Business days between the capture and the settlement, and between a refund and its deduction.
pub const SETTLEMENT_DAYS: u32 = 2;

/// Gross, fee, reserve and net of one captured amount; gross = fee + reserve + net.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Settlement {
    /// What was captured, in minor units of the payment's currency.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Minor"))]
    pub gross: u64,
    /// What we keep.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Minor"))]
    pub fee: u64,
    /// What we hold back until its release.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Minor"))]
    pub reserve: u64,
    /// What the merchant gets on the day of the settlement.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Minor"))]
    pub net: u64,
    /// What the fee was made of.
    pub terms: FeeTerms,
    /// The day on which it is settled, `YYYY-MM-DD`.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Day"))]
    pub date: String,
    /// The day on which the reserve is released, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Day"))]
    pub reserve_release_date: Option<String>,
}

/// What a refund takes away besides its amount, and when both are taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Deduction {
    /// What we keep, in minor units of the payment's currency.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Minor"))]
    pub fee: u64,
    /// The day on which amount and fee are deducted, `YYYY-MM-DD`.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Day"))]
    pub date: String,
}

/// Works out the instruction for an amount captured at `captured_at`. The fee comes first; the reserve is at most what it
/// leaves.
pub fn settle(gross: Amount, terms: &CaptureTerms, captured_at: Timestamp) -> Result<Settlement, AmountError> {
    let fee = terms.fee.fee(gross)?;
    let left = gross.checked_sub(fee)?;
    let wanted = terms.reserve.map_or(0, |reserve| share(gross.minor(), reserve.basis_points));
    let reserve = wanted.min(left.minor());
    let release = terms.reserve.filter(|_| reserve > 0).map(|reserve| {
        let day = captured_at.date().saturating_add(Duration::days(i64::from(reserve.days)));
        iso_date(business_day_from(gross.currency(), day))
    });
    Ok(Settlement {
        gross: gross.minor(),
        fee: fee.minor(),
        reserve,
        net: left.minor() - reserve,
        terms: terms.fee,
        date: settlement_date(gross.currency(), captured_at),
        reserve_release_date: release,
    })
}

/// The day on which what moved at that moment is settled.
pub fn settlement_date(currency: Currency, moved_at: Timestamp) -> String {
    iso_date(business_days_after(currency, moved_at.date(), SETTLEMENT_DAYS))
}

impl Settlement {
    /// Whether it says what follows from its own terms for that amount.
    pub fn adds_up(&self, gross: Amount) -> bool {
        let parts = self.fee.checked_add(self.reserve).and_then(|taken| taken.checked_add(self.net));
        let fee = self.terms.fee(gross).map(|fee| fee.minor());
        self.gross == gross.minor()
            && fee == Ok(self.fee)
            && parts == Some(self.gross)
            && (self.reserve > 0) == self.reserve_release_date.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fee::Reserve;

    #[test]
    fn gross_is_fee_and_reserve_and_net() {
        let check = |gross: u64,
                     basis_points,
                     reserve: Option<(u32, u32)>,
                     expected: (u64, u64, u64),
                     release: Option<&str>| {
            let gross = Amount::try_new(gross, "EUR".parse().expect("listed")).expect("small");
            let fee = FeeTerms { basis_points, fixed_minor: 25, minimum_minor: 0 };
            let reserve = reserve.map(|(basis_points, days)| Reserve { basis_points, days });
            let at = Timestamp::parse_rfc3339("2026-12-24T23:59:59Z").expect("a moment");
            let settlement = settle(gross, &CaptureTerms { fee, reserve }, at).expect("small");
            assert_eq!((settlement.fee, settlement.reserve, settlement.net), expected, "{gross}");
            assert_eq!(settlement.reserve_release_date.as_deref(), release, "{gross}");
            assert_eq!(settlement.date, "2026-12-29");
            assert!(settlement.adds_up(gross));
        };
        check(10_000, 290, None, (315, 0, 9_685), None);
        check(10_000, 290, Some((500, 90)), (315, 500, 9_185), Some("2027-03-24"));
        check(10_000, 290, Some((500, 1)), (315, 500, 9_185), Some("2026-12-28")); // Christmas Day, then a weekend
        check(30, 0, Some((5_000, 9)), (25, 5, 0), Some("2027-01-04")); // no more than the fee leaves
        check(20, 0, Some((5_000, 9)), (20, 0, 0), None);
    }
}
