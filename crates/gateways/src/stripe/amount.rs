//! Amounts in Stripe's minor units, which are not ISO 4217's for every currency.

use payments::amount::Amount;

/// Whole in ISO 4217, but written with two zeros by Stripe.
const WRITTEN_WITH_CENTS: [&str; 2] = ["ISK", "UGX"];
/// With cents in ISO 4217, but whole at Stripe.
const WITHOUT_CENTS: [&str; 1] = ["MGA"];
/// Three decimals, of which Stripe takes two: the last one is a zero.
const ROUND_TO_TEN: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];

/// What Stripe calls that amount; `None` for one that it cannot move.
pub(super) fn to_stripe(amount: Amount) -> Option<u64> {
    let (minor, currency) = (amount.minor(), amount.currency());
    let code = currency.code();
    if WRITTEN_WITH_CENTS.contains(&code) {
        minor.checked_mul(100)
    } else if WITHOUT_CENTS.contains(&code) {
        minor.is_multiple_of(100).then_some(minor / 100)
    } else if ROUND_TO_TEN.contains(&code) {
        minor.is_multiple_of(10).then_some(minor)
    } else {
        Some(minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_stripe_reads_them() {
        let check = |minor, code: &str, expected| {
            let amount = Amount::try_new(minor, code.parse().expect(code)).expect("an amount");
            assert_eq!(to_stripe(amount), expected, "{minor} {code}");
        };
        check(1999, "EUR", Some(1999));
        check(1999, "JPY", Some(1999));
        check(5, "ISK", Some(500));
        check(5, "UGX", Some(500));
        check(1000, "MGA", Some(10));
        check(1050, "MGA", None);
        check(1230, "KWD", Some(1230));
        check(1234, "KWD", None);
    }
}
