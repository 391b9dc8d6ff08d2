//! Where a card comes from, seen from where we acquire: a documented table of the first six digits. A number that is in
//! no row counts as far away, which is the dearest: nobody is charged too little by a gap in a table.

use crate::card::{Brand, CardSummary};
use serde::{Deserialize, Serialize};

/// Where a card was issued, seen from the country that we acquire in.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::Display, strum::EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Region {
    /// In the same country.
    Domestic,
    /// In another country of the European Economic Area.
    Eea,
    /// Anywhere else.
    Other,
}

/// What prices go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CardClass {
    /// The network.
    pub brand: Brand,
    /// Where it was issued.
    pub region: Region,
}

/// The issuers' ranges of first six digits, both ends inclusive, each in its region. They are the public test cards';
/// an operator who acquires real cards puts the schemes' own table here.
const RANGES: [(u32, u32, Region); 9] = [
    (222_100, 229_999, Region::Eea),
    (400_000, 400_099, Region::Domestic),
    (401_200, 401_299, Region::Eea),
    (411_111, 411_111, Region::Eea),
    (424_200, 424_299, Region::Domestic),
    (490_000, 499_999, Region::Eea),
    (510_510, 510_510, Region::Domestic),
    (520_000, 529_999, Region::Eea),
    (555_500, 555_599, Region::Domestic),
];

impl Region {
    /// The region of a card with those first digits.
    pub fn of(first6: &str) -> Self {
        let digits: u32 = first6.parse().unwrap_or_default();
        let range = RANGES.iter().find(|(from, to, _)| (*from..=*to).contains(&digits));
        range.map_or(Self::Other, |(.., region)| *region)
    }
}

impl CardClass {
    /// The class of a card.
    pub fn of(card: &CardSummary) -> Self {
        Self { brand: card.brand, region: Region::of(&card.first6) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_follow_the_first_six_digits() {
        let check = |first6, region| assert_eq!(Region::of(first6), region, "{first6}");
        check("424242", Region::Domestic);
        check("400000", Region::Domestic);
        check("555555", Region::Domestic);
        check("401288", Region::Eea);
        check("222300", Region::Eea);
        check("520082", Region::Eea);
        check("378282", Region::Other);
        check("601111", Region::Other);
        check("", Region::Other);
    }
}
