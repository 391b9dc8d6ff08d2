//! Reading what a client sent: each field by hand, so that every error names its field and says what would be right.

use crate::amount::{Amount, MAX_MINOR};
use crate::card::{CardNumber, Cvc, Expiry};
use crate::currency::Currency;
use crate::id::TokenId;
use crate::payment::CaptureMethod;
use crate::problem::FieldError;
use crate::secret::Secret;
use crate::timestamp::Timestamp;
use serde_json::{Map, Value};

/// The longest reference, in characters.
pub const MAX_REFERENCE: usize = 64;

/// `POST /v1/payments`, checked by itself.
#[derive(Clone, Debug)]
pub struct CreatePayment {
    /// How much: at least one minor unit.
    pub amount: Amount,
    /// The card.
    pub token: TokenId,
    /// When to take the money.
    pub capture_method: CaptureMethod,
    /// The merchant's own name for it.
    pub reference: Option<String>,
}

/// `POST /v1/tokens`, checked by itself.
#[derive(Debug)]
pub struct CreateToken {
    /// The card's number.
    pub number: CardNumber,
    /// Its verification code, if the payer gave one.
    pub cvc: Option<Cvc>,
    /// Its last month.
    pub expiry: Expiry,
}

/// Reads fields of a JSON object and remembers what was wrong.
pub(crate) struct Fields<'a> {
    object: &'a Map<String, Value>,
    prefix: &'static str,
    pub(crate) errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(object: &'a Map<String, Value>, prefix: &'static str, known: &[&str]) -> Self {
        let unknown = object.keys().filter(|name| !known.contains(&name.as_str()));
        let expected = format!("unknown field: expected {}", known.join(", "));
        let errors = unknown.map(|name| FieldError::new(format!("{prefix}{}", shown(name)), &expected)).collect();
        Self { object, prefix, errors }
    }

    /// The field read by `read`; an error saying `expected` if it is missing or not read.
    pub(crate) fn required<T>(&mut self, name: &str, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let value = self.object.get(name).filter(|value| !value.is_null()).and_then(read);
        if value.is_none() {
            self.errors.push(FieldError::new(format!("{}{name}", self.prefix), expected));
        }
        value
    }

    pub(crate) fn optional<T>(&mut self, name: &str, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        match self.object.get(name) {
            None | Some(Value::Null) => None,
            Some(_) => self.required(name, expected, read),
        }
    }
}

/// A name that a client made up, cut short: it may hold anything, a card number too.
fn shown(name: &str) -> &str {
    let harmless = name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if harmless { name } else { "(another field)" }
}

/// Reads a payment's request.
pub fn create_payment(body: &Value) -> Result<CreatePayment, Vec<FieldError>> {
    let object = body.as_object().ok_or_else(|| vec![FieldError::new("(body)", "expected a JSON object")])?;
    let mut fields = Fields::of(object, "", &["amount", "currency", "token", "capture_method", "reference"]);
    let minor = fields.required(
        "amount",
        &format!("expected a whole number of minor units from 1 to {MAX_MINOR}, such as 1999 for 19.99 EUR"),
        |value| value.as_u64().filter(|minor| (1..=MAX_MINOR).contains(minor)),
    );
    let currency =
        fields.required("currency", "expected a three-letter ISO 4217 code in capitals, such as EUR", |value| {
            value.as_str()?.parse::<Currency>().ok()
        });
    let token = fields.required(
        "token",
        "expected tok_ and 32 lower-case hexadecimal digits, as POST /v1/tokens gave it",
        |value| value.as_str()?.parse().ok(),
    );
    let capture_method =
        fields.optional("capture_method", "expected automatic or manual", |value| match value.as_str()? {
            "automatic" => Some(CaptureMethod::Automatic),
            "manual" => Some(CaptureMethod::Manual),
            _ => None,
        });
    let reference = fields.optional("reference", "expected 1 to 64 characters without a card number", |value| {
        let text = value.as_str()?;
        let length = text.chars().count();
        ((1..=MAX_REFERENCE).contains(&length) && !holds_card_number(text)).then(|| text.to_owned())
    });
    match (minor, currency, token) {
        (Some(minor), Some(currency), Some(token)) if fields.errors.is_empty() => {
            let amount = Amount::try_new(minor, currency).expect("the field's reader checked the limit");
            Ok(CreatePayment { amount, token, capture_method: capture_method.unwrap_or_default(), reference })
        }
        _ => Err(fields.errors),
    }
}

/// Reads a token's request. No error repeats what was sent.
pub fn create_token(body: &Value, now: Timestamp) -> Result<CreateToken, Vec<FieldError>> {
    let object = body.as_object().ok_or_else(|| vec![FieldError::new("(body)", "expected a JSON object")])?;
    let mut outer = Fields::of(object, "", &["card"]);
    let card = outer.required("card", "expected an object with number, exp_month, exp_year and cvc", |value| {
        value.as_object().cloned()
    });
    let Some(card) = card else { return Err(outer.errors) };
    let mut fields = Fields::of(&card, "card.", &["number", "exp_month", "exp_year", "cvc"]);
    fields.errors.append(&mut outer.errors);
    let number = fields.required("number", "expected 12 to 19 digits that pass the Luhn check", |value| {
        CardNumber::try_new(Secret::new(value.as_str()?.to_owned())).ok()
    });
    let month = fields.required("exp_month", "expected a whole number from 1 to 12", |value| {
        value.as_u64().and_then(|month| u8::try_from(month).ok()).filter(|month| (1..=12).contains(month))
    });
    let year = fields.required("exp_year", "expected a year of four digits, such as 2030", |value| {
        value.as_u64().and_then(|year| u16::try_from(year).ok()).filter(|year| (2000..=2100).contains(year))
    });
    let cvc = fields
        .optional("cvc", "expected 3 or 4 digits", |value| Cvc::try_new(Secret::new(value.as_str()?.to_owned())).ok());
    let expiry = month.zip(year).map(|(month, year)| Expiry { year, month });
    if expiry.is_some_and(|expiry| expiry.is_past(now)) {
        fields.errors.push(FieldError::new("card.exp_year", "the card has expired: expected a month that is not over"));
    }
    match (number, expiry) {
        (Some(number), Some(expiry)) if fields.errors.is_empty() => Ok(CreateToken { number, cvc, expiry }),
        _ => Err(fields.errors),
    }
}

/// Whether a free text holds a run of digits that could be a card number (PCI DSS 3.5.1: it must not be stored so).
pub(crate) fn holds_card_number(text: &str) -> bool {
    let digits: String = text.chars().filter(|sign| !matches!(sign, ' ' | '-' | '.')).collect();
    digits
        .split(|sign: char| !sign.is_ascii_digit())
        .any(|run| CardNumber::try_new(Secret::new(run.to_owned())).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TOKEN: &str = "tok_00000000000000000000000000000001";

    #[test]
    fn a_wrong_field_is_named() {
        let check = |body: Value, field: &str| {
            let errors = create_payment(&body).expect_err("refused");
            assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), [field], "{body}");
        };
        for amount in [json!(0), json!(-1), json!(1.5), json!("1"), json!(MAX_MINOR + 1), Value::Null] {
            check(json!({ "amount": amount, "currency": "EUR", "token": TOKEN }), "amount");
        }
        check(json!({ "amount": 1, "currency": "EUX", "token": TOKEN }), "currency");
        check(json!({ "amount": 1, "currency": "EUR", "token": "tok_1" }), "token");
        check(json!({ "amount": 1, "currency": "EUR", "token": TOKEN, "tip": 1 }), "tip");
        check(json!({ "amount": 1, "currency": "EUR", "token": TOKEN, "capture_method": "later" }), "capture_method");
        check(
            json!({ "amount": 1, "currency": "EUR", "token": TOKEN, "reference": "x 4242 4242-4242 4242" }),
            "reference",
        );
        check(json!([]), "(body)");
        let good = json!({ "amount": MAX_MINOR, "currency": "EUR", "token": TOKEN, "reference": "order 7" });
        assert!(create_payment(&good).is_ok());
    }

    #[test]
    fn a_wrong_card_is_refused_without_being_repeated() {
        let now = Timestamp::parse_rfc3339("2026-11-23T00:00:00Z").expect("a moment");
        let check = |card: Value, field: &str| {
            let errors = create_token(&json!({ "card": card }), now).expect_err("refused");
            assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), [field]);
            assert!(!format!("{errors:?}").contains("4242"));
        };
        check(json!({ "number": "4242424242424241", "exp_month": 1, "exp_year": 2030 }), "card.number");
        check(json!({ "number": "4242424242424242", "exp_month": 13, "exp_year": 2030 }), "card.exp_month");
        check(json!({ "number": "4242424242424242", "exp_month": 10, "exp_year": 2026 }), "card.exp_year");
        check(json!({ "number": "4242424242424242", "exp_month": 1, "exp_year": 2030, "cvc": "12" }), "card.cvc");
        check(
            json!({ "number": "4242424242424242", "exp_month": 1, "exp_year": 2030, "4242424242424242": 1 }),
            "card.(another field)",
        );
    }
}
