//! How often a card that was declined may be asked for again: the schemes fine merchants for more.

use crate::card::Brand;
use crate::gateway::DeclineCode;

/// A day and thirty, in milliseconds.
pub const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// Declines are remembered for so long.
pub const REMEMBERED_MILLIS: i64 = 30 * DAY_MILLIS;

/// How often a card was declined softly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Declines {
    /// Within the last day.
    pub day: u32,
    /// Within the last thirty.
    pub month: u32,
}

impl Declines {
    /// Whether the card may be asked for once more. Visa: 15 times within 30 days after a decline (Visa Rules, "Excessive
    /// reattempts"). Mastercard: 10 within a day, 35 within 30 days (Transaction Processing Excellence). Of other networks we
    /// know no numbers: the lesser of both.
    pub fn allow_another(self, brand: Brand) -> bool {
        let (day, month) = match brand {
            Brand::Visa => (15, 15),
            Brand::Mastercard => (10, 35),
            Brand::AmericanExpress | Brand::Discover | Brand::Other => (10, 15),
        };
        self.day < day && self.month < month
    }
}

impl DeclineCode {
    /// Whether another gateway may be asked at once. Hard declines are never tried again; authentication has to come first
    /// where it is asked for.
    pub fn may_be_tried_elsewhere(self) -> bool {
        self.is_soft() && self != Self::AuthenticationRequired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemes_bounds_end_retries() {
        let check =
            |brand, day, month, allowed| assert_eq!(Declines { day, month }.allow_another(brand), allowed, "{brand}");
        check(Brand::Visa, 14, 14, true);
        check(Brand::Visa, 15, 15, false);
        check(Brand::Visa, 0, 15, false);
        check(Brand::Mastercard, 9, 34, true);
        check(Brand::Mastercard, 10, 10, false);
        check(Brand::Mastercard, 0, 35, false);
        check(Brand::Other, 9, 14, true);
        check(Brand::Other, 10, 14, false);
        check(Brand::Other, 9, 15, false);
    }

    #[test]
    fn hard_declines_are_never_tried_elsewhere() {
        let check = |code: DeclineCode, again| assert_eq!(code.may_be_tried_elsewhere(), again, "{code}");
        check(DeclineCode::ProcessingError, true);
        check(DeclineCode::InsufficientFunds, true);
        check(DeclineCode::AuthenticationRequired, false);
        check(DeclineCode::DoNotHonor, false);
        check(DeclineCode::LostCard, false);
        check(DeclineCode::StolenCard, false);
        check(DeclineCode::ExpiredCard, false);
        check(DeclineCode::IncorrectCvc, false);
    }
}
