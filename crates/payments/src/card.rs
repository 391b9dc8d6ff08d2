//! Cards: the number and the code as secrets, and the little that may be shown (PCI DSS 4.0.1, requirement 3.4.1).

use crate::secret::Secret;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// A card network, by the number's first digits.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::Display, strum::EnumIter,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("x-extensible" = true)))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Brand {
    /// 4.
    Visa,
    /// 51 to 55, 2221 to 2720.
    Mastercard,
    /// 34, 37.
    AmericanExpress,
    /// 6011, 644 to 649, 65.
    Discover,
    /// Any other.
    Other,
}

/// A primary account number that passed its check digit. Never printed, serialised or logged.
#[derive(Clone, Debug)]
pub struct CardNumber(Secret);

/// Why a text is not a card number. It never repeats the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardNumberError {
    /// ISO/IEC 7812: 12 to 19 digits.
    #[error("expected 12 to 19 digits, without spaces")]
    NotDigits,
    /// ISO/IEC 7812-1 annex B: the Luhn check digit.
    #[error("the check digit is wrong: expected a number that passes the Luhn check")]
    CheckDigit,
}

impl CardNumber {
    /// Takes over a number of 12 to 19 digits with a right check digit.
    pub fn try_new(number: Secret) -> Result<Self, CardNumberError> {
        let digits = number.expose();
        if !(12..=19).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(CardNumberError::NotDigits);
        }
        if !passes_luhn(digits) {
            return Err(CardNumberError::CheckDigit);
        }
        Ok(Self(number))
    }

    /// The digits, for sealing and for the network only.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The network that the number belongs to.
    pub fn brand(&self) -> Brand {
        let prefix = |length: usize| self.expose()[..length].parse::<u32>().expect("a card number is digits");
        match (prefix(1), prefix(2), prefix(3), prefix(4)) {
            (4, ..) => Brand::Visa,
            (_, 51..=55, ..) | (.., 2221..=2720) => Brand::Mastercard,
            (_, 34 | 37, ..) => Brand::AmericanExpress,
            (_, 65, ..) | (_, _, 644..=649, _) | (.., 6011) => Brand::Discover,
            _ => Brand::Other,
        }
    }

    /// The first six digits.
    pub fn first6(&self) -> String {
        self.expose()[..6].to_owned()
    }

    /// The last four digits.
    pub fn last4(&self) -> String {
        let digits = self.expose();
        digits[digits.len() - 4..].to_owned()
    }
}

fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            match (place % 2, digit) {
                (0, digit) => digit,
                (_, digit) if digit > 4 => 2 * digit - 9,
                (_, digit) => 2 * digit,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// A card verification code: three or four digits. Never stored after authorisation (PCI DSS 3.3.1).
#[derive(Clone, Debug)]
pub struct Cvc(Secret);

/// The text is not a verification code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 3 or 4 digits")]
pub struct InvalidCvc;

impl Cvc {
    /// Takes over a code of three or four digits.
    pub fn try_new(code: Secret) -> Result<Self, InvalidCvc> {
        let digits = code.expose();
        if !(3..=4).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidCvc);
        }
        Ok(Self(code))
    }

    /// The digits, for sealing and for the network only.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// The month in which a card expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Expiry {
    /// Four digits.
    #[cfg_attr(feature = "schema", schemars(range(min = 1000, max = 9999)))]
    pub year: u16,
    /// 1 to 12.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 12)))]
    pub month: u8,
}

impl Expiry {
    /// Whether the card's last month is over.
    pub fn is_past(self, now: Timestamp) -> bool {
        let today = now.date();
        (i32::from(self.year), self.month) < (today.year(), u8::from(today.month()))
    }
}

/// What may be shown of a card: at most the first six and the last four digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CardSummary {
    /// The network.
    pub brand: Brand,
    /// The first six digits.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9]{6}$")))]
    pub first6: String,
    /// The last four digits.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9]{4}$")))]
    pub last4: String,
    /// The last month in which it is good.
    pub expiry: Expiry,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(digits: &str) -> Result<CardNumber, CardNumberError> {
        CardNumber::try_new(Secret::new(digits.to_owned()))
    }

    #[test]
    fn brands_follow_the_first_digits() {
        let check = |digits, brand| assert_eq!(number(digits).expect("valid").brand(), brand);
        check("4242424242424242", Brand::Visa);
        check("5555555555554444", Brand::Mastercard);
        check("2223003122003222", Brand::Mastercard);
        check("378282246310005", Brand::AmericanExpress);
        check("6011111111111117", Brand::Discover);
        check("3530111333300000", Brand::Other);
    }

    #[test]
    fn numbers_that_no_card_has_are_refused() {
        let check = |digits, error| assert_eq!(number(digits).expect_err("refused"), error);
        check("", CardNumberError::NotDigits);
        check("4242 4242 4242 4242", CardNumberError::NotDigits);
        check("42424242424242424242", CardNumberError::NotDigits);
        check("4242424242424241", CardNumberError::CheckDigit);
    }

    #[test]
    fn debug_shows_no_digit() {
        let shown = format!("{:?} {:?}", number("4242424242424242"), Cvc::try_new(Secret::new("123".into())));
        assert!(!shown.bytes().any(|byte| byte.is_ascii_digit()), "{shown}");
    }

    #[test]
    fn a_card_is_good_through_its_last_month() {
        let expiry = Expiry { year: 2026, month: 11 };
        let at = |text| Timestamp::parse_rfc3339(text).expect(text);
        assert!(!expiry.is_past(at("2026-11-30T23:59:59Z")));
        assert!(expiry.is_past(at("2026-12-01T00:00:00Z")));
    }
}
