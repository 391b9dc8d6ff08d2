//! Reading what a client sent: each field by hand, so that every error names its field and says what would be right.

use crate::amount::{Amount, MAX_MINOR};
#[cfg(feature = "schema")]
use crate::authentication::MAX_REDIRECT_URL;
use crate::authentication::RedirectUrl;
use crate::card::{CardNumber, Cvc, Expiry};
use crate::currency::Currency;
use crate::fields::{Fields, holds_card_number, object};
use crate::id::{Owner, TokenId};
use crate::listing::{Cursor, DEFAULT_PAGE, ListFilter, MAX_PAGE, read_place};
use crate::operation::{RefundReason, ReviewDecision, Wanted};
use crate::payment::{CaptureMethod, Status};
use crate::problem::FieldError;
use crate::secret::Secret;
use crate::timestamp::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The longest reference, in characters.
pub const MAX_REFERENCE: usize = 64;
/// The most pairs of metadata.
pub const MAX_METADATA: usize = 16;
/// The longest name of one, in bytes.
pub const MAX_METADATA_NAME: usize = 40;
/// The longest value of one, in characters.
pub const MAX_METADATA_VALUE: usize = 200;

const EXPECTED_CURSOR: &str = "expected next_cursor of an earlier answer to the same key";
const EXPECTED_REFERENCE: &str = "expected 1 to 64 characters without control characters or a card number";
const EXPECTED_RETURN_URL: &str = "expected https:// with a host and no user name: at most 2048 visible ASCII characters, \
                                   no card number";
const EXPECTED_METADATA: &str = "expected an object of at most 16 texts: names of 1 to 40 letters, digits, _, - or ., \
                                 values of at most 200 characters, no card number";

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
    /// What else the merchant wants to keep with it.
    pub metadata: BTreeMap<String, String>,
    /// Where the cardholder comes back to, if they have to authenticate.
    pub return_url: Option<RedirectUrl>,
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for CreatePayment {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CreatePayment".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The body of `POST /v1/payments`.",
            "type": "object",
            "additionalProperties": false,
            "required": ["amount", "currency", "token"],
            "properties": {
                "amount": {
                    "description": "In minor units; 1999 is 19.99 EUR.", "type": "integer", "minimum": 1, "maximum": MAX_MINOR,
                },
                "currency": generator.subschema_for::<Currency>(),
                "token": generator.subschema_for::<TokenId>(),
                "capture_method": generator.subschema_for::<CaptureMethod>(),
                "reference": {
                    "description": "The merchant's own name for the payment. No card numbers.",
                    "type": "string", "minLength": 1, "maxLength": MAX_REFERENCE, "pattern": r"^[^\x00-\x1f\x7f-\x9f]*$",
                },
                "metadata": crate::schema::metadata(generator),
                "return_url": {
                    "description": "Where the cardholder comes back to, if they have to authenticate. Without it such a card is \
                                    declined with authentication_required.",
                    "type": "string", "maxLength": MAX_REDIRECT_URL,
                    "pattern": r"^https://[A-Za-z0-9\[][A-Za-z0-9.:\[\]-]*([/?#][!#-;=?-\[\]_a-z~]*)?$",
                },
            },
        })
    }
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

/// Reads a payment's request.
pub fn create_payment(body: &Value) -> Result<CreatePayment, Vec<FieldError>> {
    let object = object(body)?;
    let mut fields = Fields::of(
        object,
        "",
        &["amount", "currency", "token", "capture_method", "reference", "metadata", "return_url"],
    );
    let minor = fields.required("amount", &expected_amount(), minor_units);
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
    let reference = fields.optional("reference", EXPECTED_REFERENCE, |value| reference(value.as_str()?));
    let metadata = fields.optional("metadata", EXPECTED_METADATA, metadata).unwrap_or_default();
    let return_url = fields.optional("return_url", EXPECTED_RETURN_URL, |value| return_url(value.as_str()?));
    match (minor, currency, token) {
        (Some(minor), Some(currency), Some(token)) if fields.errors.is_empty() => {
            let amount = Amount::try_new(minor, currency).expect("the field's reader checked the limit");
            let capture_method = capture_method.unwrap_or_default();
            Ok(CreatePayment { amount, token, capture_method, reference, metadata, return_url })
        }
        _ => Err(fields.errors),
    }
}

/// What an amount field must be.
fn expected_amount() -> String {
    format!("expected a whole number of minor units from 1 to {MAX_MINOR}, such as 1999 for 19.99 EUR")
}

fn minor_units(value: &Value) -> Option<u64> {
    value.as_u64().filter(|minor| (1..=MAX_MINOR).contains(minor))
}

/// A reference, if the text can be one.
fn reference(text: &str) -> Option<String> {
    let fits = (1..=MAX_REFERENCE).contains(&text.chars().count());
    (fits && !text.chars().any(char::is_control) && !holds_card_number(text)).then(|| text.to_owned())
}

fn return_url(text: &str) -> Option<RedirectUrl> {
    RedirectUrl::parse(text).ok().filter(|_| !holds_card_number(text))
}

fn metadata(value: &Value) -> Option<BTreeMap<String, String>> {
    let object = value.as_object().filter(|object| object.len() <= MAX_METADATA)?;
    let pair = |(name, value): (&String, &Value)| {
        let value = value.as_str()?;
        let named = (1..=MAX_METADATA_NAME).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
        let fits = value.chars().count() <= MAX_METADATA_VALUE && !holds_card_number(value) && !holds_card_number(name);
        (named && fits).then(|| (name.clone(), value.to_owned()))
    };
    object.iter().map(pair).collect()
}

/// Reads a capture's request: the empty object takes all that is left.
pub fn capture(body: &Value) -> Result<Wanted, Vec<FieldError>> {
    let object = object(body)?;
    let mut fields = Fields::of(object, "", &["amount", "final_capture"]);
    let amount = fields.optional("amount", &expected_amount(), minor_units);
    let last = fields.optional("final_capture", "expected true or false", Value::as_bool).unwrap_or(true);
    fields.finish(Wanted::Capture { amount, last })
}

/// Reads a cancel's request: the empty object.
pub fn cancel(body: &Value) -> Result<Wanted, Vec<FieldError>> {
    let object = object(body)?;
    Fields::of(object, "", &[]).finish(Wanted::Cancel)
}

/// Reads a confirmation's request: the empty object.
pub fn confirm(body: &Value) -> Result<Wanted, Vec<FieldError>> {
    let object = object(body)?;
    Fields::of(object, "", &[]).finish(Wanted::Confirm)
}

/// Reads a refund's request: the empty object gives back all that is left.
pub fn refund(body: &Value) -> Result<Wanted, Vec<FieldError>> {
    let object = object(body)?;
    let mut fields = Fields::of(object, "", &["amount", "reason"]);
    let amount = fields.optional("amount", &expected_amount(), minor_units);
    let expected = "expected requested_by_customer, duplicate or fraudulent";
    let reason = fields.optional("reason", expected, |value| RefundReason::deserialize(value).ok());
    fields.finish(Wanted::Refund { amount, reason })
}

/// Reads a review's request.
pub fn review(body: &Value) -> Result<Wanted, Vec<FieldError>> {
    let object = object(body)?;
    let mut fields = Fields::of(object, "", &["decision"]);
    let decision = fields
        .required("decision", "expected approve or decline", |value| ReviewDecision::deserialize(value).ok())
        .ok_or_else(|| fields.errors.clone())?;
    fields.finish(Wanted::Review { decision })
}

/// Reads the query of a list. `cursor` is one that this API gave to `owner`.
pub fn list(query: &BTreeMap<String, String>, owner: &Owner) -> Result<(ListFilter, Option<Cursor>), Vec<FieldError>> {
    let query: Map<String, Value> =
        query.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str()))).collect();
    let known = ["limit", "cursor", "status", "reference", "created_from", "created_before"];
    let mut fields = Fields::of(&query, "", &known);
    let limit = fields.optional("limit", &expected_limit(), limit);
    let cursor = fields.optional("cursor", EXPECTED_CURSOR, |text| Cursor::read(text.as_str()?, owner));
    let expected =
        "expected processing, requires_action, requires_capture, in_review, succeeded, declined, canceled or failed";
    let status = fields.optional("status", expected, |text| Status::deserialize(text).ok());
    let reference = fields.optional("reference", EXPECTED_REFERENCE, |text| reference(text.as_str()?));
    let expected = "expected a moment as in RFC 3339, such as 2030-01-02T03:04:05Z";
    let moment = |text: &Value| Timestamp::parse_rfc3339(text.as_str()?).ok();
    let created_from = fields.optional("created_from", expected, moment);
    let created_before = fields.optional("created_before", expected, moment);
    let limit = limit.unwrap_or(DEFAULT_PAGE);
    fields.finish((ListFilter { limit, status, reference, created_from, created_before }, cursor))
}

/// Reads the query of the list of that name: how many, and behind which id. `cursor` is one that this API gave to `owner`.
pub fn page(
    list: &str,
    query: &BTreeMap<String, String>,
    owner: &Owner,
) -> Result<(usize, Option<String>), Vec<FieldError>> {
    let query: Map<String, Value> =
        query.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str()))).collect();
    let mut fields = Fields::of(&query, "", &["limit", "cursor"]);
    let limit = fields.optional("limit", &expected_limit(), limit);
    let cursor = fields.optional("cursor", EXPECTED_CURSOR, |text| read_place(list, owner, text.as_str()?));
    fields.finish((limit.unwrap_or(DEFAULT_PAGE), cursor))
}

fn limit(text: &Value) -> Option<usize> {
    text.as_str()?.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit))
}

fn expected_limit() -> String {
    format!("expected a whole number from 1 to {MAX_PAGE}")
}

/// Reads a token's request. No error repeats what was sent.
pub fn create_token(body: &Value, now: Timestamp) -> Result<CreateToken, Vec<FieldError>> {
    let object = object(body)?;
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
        check(json!({ "amount": 1, "currency": "EUR", "token": TOKEN, "reference": null }), "reference");
        for url in [json!("http://shop.example/"), json!("https://a:b@shop.example/"), json!(1)] {
            check(json!({ "amount": 1, "currency": "EUR", "token": TOKEN, "return_url": url }), "return_url");
        }
        check(
            json!({ "amount": 1, "currency": "EUR", "token": TOKEN, "return_url": "https://shop.example/4242424242424242" }),
            "return_url",
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
