//! Bank accounts: where payouts go and where they come from. Their numbers carry check digits, and these are checked;
//! whether a bank knows the account, only the bank can say.

mod own;

pub use own::{OwnAccount, OwnAccounts};

use crate::fields::{Fields, holds_card_number};
use crate::id::{InvalidId, string_serde};
use crate::problem::FieldError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;

/// The longest name of an account's holder, in characters: what a SEPA credit transfer carries.
pub const MAX_HOLDER: usize = 70;

/// Countries and the lengths of their IBANs (SWIFT's IBAN registry).
const IBAN_LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 \
    EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 \
    LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 \
    SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20";

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $accepts:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Its text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let accepts: fn(&str) -> bool = $accepts;
                if accepts(text) { Ok(Self(text.to_owned())) } else { Err(InvalidId($expected)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        /// Only its end: an account's number has no place in a log.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "*{}", last_four(&self.0))
            }
        }

        string_serde!($name);
    };
}

checked_text!(
    /// An international bank account number (ISO 13616), in capitals and without blanks.
    Iban, "an IBAN in capitals without blanks, with its country's length and right check digits", is_iban
);
checked_text!(
    /// A bank's identifier (ISO 9362): 8 or 11 characters.
    Bic, "a BIC of 8 or 11 capitals and digits, with a country at 5 and 6", is_bic
);
checked_text!(
    /// An ABA routing number: nine digits, the last a check digit.
    RoutingNumber, "nine digits with a right check digit", is_routing_number
);
checked_text!(
    /// An account's number at a bank in the United States.
    AccountNumber, "4 to 17 digits", |text| (4..=17).contains(&text.len()) && digits(text)
);

fn digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn last_four(text: &str) -> &str {
    text.get(text.len().saturating_sub(4)..).unwrap_or_default()
}

/// Moved by four to the left and letters counted from 10, the number leaves 1 when divided by 97.
fn is_iban(text: &str) -> bool {
    let Some((country, length)) = text.get(..2).zip(iban_length(text)) else { return false };
    let shaped = text.len() == length
        && country.bytes().all(|byte| byte.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && digits(&text[2..4]);
    let turned = text.bytes().cycle().skip(4).take(text.len());
    let rest = turned.fold(0, |rest: u32, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.wrapping_sub(b'A')) + 10) % 97,
    });
    shaped && rest == 1
}

fn iban_length(text: &str) -> Option<usize> {
    let country = text.get(..2)?;
    let listed = IBAN_LENGTHS.split_ascii_whitespace().find_map(|entry| entry.strip_prefix(country))?;
    listed.parse().ok()
}

fn is_bic(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    matches!(text.len(), 8 | 11)
        && text.bytes().all(good)
        && text.bytes().skip(4).take(2).all(|byte| byte.is_ascii_uppercase())
}

/// The digits weighed 3, 7, 1 sum to a multiple of ten.
fn is_routing_number(text: &str) -> bool {
    let weighed = text.bytes().zip([3, 7, 1].into_iter().cycle()).map(|(byte, weight)| u32::from(byte & 15) * weight);
    text.len() == 9 && digits(text) && text != "000000000" && weighed.sum::<u32>() % 10 == 0
}

/// Checking or savings: ACH pays them by different codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A checking account.
    #[default]
    Checking,
    /// A savings account.
    Savings,
}

/// Who holds an account: ACH pays companies and persons in batches of different classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolderKind {
    /// A company (CCD).
    #[default]
    Company,
    /// A person (PPD).
    Person,
}

/// A bank account that money can be sent to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BankAccount {
    /// One with an IBAN.
    Iban {
        /// Whose.
        name: String,
        /// Its number.
        iban: Iban,
        /// Its bank; a SEPA transfer finds it without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bic: Option<Bic>,
    },
    /// One in the United States, reached by ACH.
    Ach {
        /// Whose.
        name: String,
        /// Its bank.
        routing_number: RoutingNumber,
        /// Its number there.
        account_number: AccountNumber,
        /// Checking or savings.
        #[serde(default)]
        account_kind: AccountKind,
        /// A company's or a person's.
        #[serde(default)]
        holder_kind: HolderKind,
    },
}

impl BankAccount {
    /// Reads an account as an operator sends it; every wrong field is named behind `path`.
    pub fn read(account: &Map<String, Value>, path: &str) -> Result<Self, Vec<FieldError>> {
        let kind = account.get("type").and_then(Value::as_str).unwrap_or_default();
        let known: &[&str] = match kind {
            "ach" => &["type", "name", "routing_number", "account_number", "account_kind", "holder_kind"],
            _ => &["type", "name", "iban", "bic"],
        };
        let mut fields = Fields::of(account, path, known);
        fields.required("type", "expected iban or ach", |value| {
            matches!(value.as_str(), Some("iban" | "ach")).then_some(())
        });
        let expected = format!("expected 1 to {MAX_HOLDER} characters without a card number");
        let name = fields.required("name", &expected, |value| {
            let name = value.as_str()?;
            let good = (1..=MAX_HOLDER).contains(&name.chars().count()) && !name.chars().any(char::is_control);
            (good && !name.trim().is_empty() && !holds_card_number(name)).then(|| name.to_owned())
        });
        let account = if kind == "ach" { read_ach(&mut fields, name) } else { read_iban(&mut fields, name) };
        account.filter(|_| fields.errors.is_empty()).ok_or(fields.errors)
    }
}

fn parsed<T: FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

fn read_iban(fields: &mut Fields<'_>, name: Option<String>) -> Option<BankAccount> {
    let expected = "expected an IBAN in capitals without blanks, with its country's length and right check digits";
    let iban = fields.required("iban", expected, parsed);
    let expected = "expected a BIC of 8 or 11 capitals and digits, with a country at 5 and 6";
    let bic = fields.optional("bic", expected, parsed);
    Some(BankAccount::Iban { name: name?, iban: iban?, bic })
}

fn read_ach(fields: &mut Fields<'_>, name: Option<String>) -> Option<BankAccount> {
    let routing_number = fields.required("routing_number", "expected nine digits with a right check digit", parsed);
    let account_number = fields.required("account_number", "expected 4 to 17 digits", parsed);
    let account_kind = fields
        .optional("account_kind", "expected checking or savings", |value| serde_json::from_value(value.clone()).ok());
    let holder_kind = fields
        .optional("holder_kind", "expected company or person", |value| serde_json::from_value(value.clone()).ok());
    Some(BankAccount::Ach {
        name: name?,
        routing_number: routing_number?,
        account_number: account_number?,
        account_kind: account_kind.unwrap_or_default(),
        holder_kind: holder_kind.unwrap_or_default(),
    })
}

/// What may be shown of a bank account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BankAccountView {
    /// `iban` or `ach`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["iban", "ach"])))]
    pub kind: String,
    /// Whose.
    pub name: String,
    /// Its country's code, for an IBAN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[A-Z]{2}$")))]
    pub country: Option<String>,
    /// The last four characters of its number.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9A-Z]{4}$")))]
    pub last4: String,
}

impl BankAccount {
    /// What may be shown of it.
    pub fn view(&self) -> BankAccountView {
        let (kind, name, country, number) = match self {
            Self::Iban { name, iban, .. } => ("iban", name, iban.as_str().get(..2), iban.as_str()),
            Self::Ach { name, account_number, .. } => ("ach", name, None, account_number.as_str()),
        };
        BankAccountView {
            kind: kind.to_owned(),
            name: name.clone(),
            country: country.map(str::to_owned),
            last4: last_four(number).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_held_to_their_check_digits() {
        fn check<T: FromStr>(text: &str, good: bool) {
            assert_eq!(text.parse::<T>().is_ok(), good, "{text}");
        }
        check::<Iban>("NL41MOCK0000000001", true);
        check::<Iban>("DE89370400440532013000", true);
        check::<Iban>("GB82WEST12345698765432", true);
        check::<Iban>("NL42MOCK0000000001", false); // wrong check digits
        check::<Iban>("NL41MOCK000000001", false); // too short
        check::<Iban>("ZZ41MOCK0000000001", false); // no such country
        check::<Iban>("nl41mock0000000001", false);
        check::<Iban>("NL41 MOCK 0000 0000 01", false);
        check::<Iban>("é", false);
        check::<Iban>("", false);
        check::<Bic>("INGBNL2A", true);
        check::<Bic>("INGBNL2AXXX", true);
        check::<Bic>("INGB12AA", false);
        check::<Bic>("INGBNL2AX", false);
        check::<RoutingNumber>("021000021", true);
        check::<RoutingNumber>("999999992", true);
        check::<RoutingNumber>("021000022", false);
        check::<RoutingNumber>("000000000", false);
        check::<RoutingNumber>("02100002", false);
        check::<RoutingNumber>("02100002a", false);
        check::<AccountNumber>("1234", true);
        check::<AccountNumber>("123", false);
        check::<AccountNumber>("12-34", false);
    }

    #[test]
    fn only_the_end_of_a_number_is_shown() {
        let iban: Iban = "NL41MOCK0000000001".parse().expect("good");
        assert_eq!(format!("{iban:?}"), "*0001");
        let view = BankAccount::Iban { name: "Harbor Books".to_owned(), iban, bic: None }.view();
        assert_eq!((view.country.as_deref(), view.last4.as_str()), (Some("NL"), "0001"));
    }
}
