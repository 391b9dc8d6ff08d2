//! Where a card comes from, seen from where we acquire: a documented table of the first six digits. A number that is in
//! no row counts as far away, which is the dearest: nobody is charged too little by a gap in a table.

use crate::card::{Brand, CardSummary};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

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

/// A country, by its two capitals (ISO 3166-1 alpha-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

/// The text is no country's code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected two capitals of ISO 3166-1, such as NL")]
pub struct InvalidCountry;

impl FromStr for Country {
    type Err = InvalidCountry;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let code: [u8; 2] = text.as_bytes().try_into().map_err(|_| InvalidCountry)?;
        if code.iter().all(u8::is_ascii_uppercase) { Ok(Self(code)) } else { Err(InvalidCountry) }
    }
}

impl TryFrom<String> for Country {
    type Error = InvalidCountry;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.to_string()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

/// The country that we acquire in.
const HOME: Country = Country(*b"NL");

/// The European Economic Area without [`HOME`]: the EU's 26 others, Iceland, Liechtenstein and Norway.
const EEA: &str = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NO PL PT RO SE SI SK";

/// The issuers' ranges of first six digits, both ends inclusive, each in its country. They are the public test cards';
/// an operator who acquires real cards puts the schemes' own table here.
const RANGES: [(u32, u32, Country); 9] = [
    (222_100, 229_999, Country(*b"DE")),
    (400_000, 400_099, HOME),
    (401_200, 401_299, Country(*b"FR")),
    (411_111, 411_111, Country(*b"IE")),
    (424_200, 424_299, HOME),
    (490_000, 499_999, Country(*b"ES")),
    (510_510, 510_510, HOME),
    (520_000, 529_999, Country(*b"DE")),
    (555_500, 555_599, HOME),
];

impl Country {
    /// The country of a card with those first six digits; `None` where the table has no such card.
    pub fn of(first6: &str) -> Option<Self> {
        let digits: u32 = first6.parse().ok()?;
        let range = RANGES.iter().find(|(from, to, _)| (*from..=*to).contains(&digits));
        range.map(|(.., country)| *country)
    }
}

impl Region {
    /// The region of a card with those first digits.
    pub fn of(first6: &str) -> Self {
        match Country::of(first6) {
            Some(HOME) => Self::Domestic,
            Some(country) if EEA.split(' ').any(|code| code == country.to_string()) => Self::Eea,
            Some(_) | None => Self::Other,
        }
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

    #[test]
    fn a_country_is_two_capitals() {
        let check = |text: &str, good| assert_eq!(text.parse::<Country>().is_ok(), good, "{text}");
        check("NL", true);
        check("nl", false);
        check("NLD", false);
        check("", false);
        assert_eq!(Country::of("401288"), "FR".parse().ok());
        assert_eq!(Country::of("378282"), None);
    }
}
