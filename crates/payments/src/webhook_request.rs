//! Reading what a client sent to `/v1/webhook_endpoints`, so that every error names its field and says what would be
//! right.

use crate::fields::{Fields, holds_card_number};
use crate::id::DeliveryId;
use crate::problem::FieldError;
use crate::webhook::{EventFilter, MAX_FILTERS};
use crate::webhook_url::{TestReceiver, WebhookUrl};
use serde_json::Value;

/// The longest description, in characters.
pub const MAX_DESCRIPTION: usize = 200;
/// Entries of a page, if the client does not say, and at most.
pub const USUAL_PAGE: usize = 20;
/// Entries of a page at most.
pub const MAX_PAGE: usize = 100;

/// `POST /v1/webhook_endpoints`, checked by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateEndpoint {
    /// Where to.
    pub url: WebhookUrl,
    /// Which events.
    pub events: Vec<EventFilter>,
    /// The merchant's own words.
    pub description: Option<String>,
}

/// Reads an endpoint's request.
pub fn create_endpoint(body: &Value, receiver: Option<&TestReceiver>) -> Result<CreateEndpoint, Vec<FieldError>> {
    let object = body.as_object().ok_or_else(|| vec![FieldError::new("(body)", "expected a JSON object")])?;
    let mut fields = Fields::of(object, "", &["url", "events", "description"]);
    let text = fields.required("url", "expected an https URL", |value| value.as_str().map(str::to_owned));
    let url = text.and_then(|text| {
        let read = WebhookUrl::parse(&text, receiver);
        read.map_err(|refused| fields.errors.push(FieldError::new("url", refused.to_string()))).ok()
    });
    let expected = "expected a list of 1 to 20 different filters: *, payment.*, payout.*, refund.*, webhook_endpoint.*, or \
                    an event's name such as payment.succeeded";
    let events = fields.optional("events", expected, |value| {
        let filters: Option<Vec<EventFilter>> =
            value.as_array()?.iter().map(|filter| filter.as_str()?.parse().ok()).collect();
        filters.filter(|filters| (1..=MAX_FILTERS).contains(&filters.len()) && all_different(filters))
    });
    let description = fields.optional("description", "expected 1 to 200 characters without a card number", |value| {
        let text = value.as_str()?;
        let good = (1..=MAX_DESCRIPTION).contains(&text.chars().count()) && !holds_card_number(text);
        good.then(|| text.to_owned())
    });
    match url {
        Some(url) if fields.errors.is_empty() => {
            Ok(CreateEndpoint { url, events: events.unwrap_or_else(|| vec![EventFilter::all()]), description })
        }
        _ => Err(fields.errors),
    }
}

fn all_different(filters: &[EventFilter]) -> bool {
    filters.iter().enumerate().all(|(place, filter)| !filters[..place].contains(filter))
}

/// The entries that a page may have.
pub fn page_limit(text: Option<&str>) -> Result<usize, FieldError> {
    let Some(text) = text else { return Ok(USUAL_PAGE) };
    let digits = !text.is_empty() && text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let limit = digits.then(|| text.parse().ok()).flatten().filter(|limit| (1..=MAX_PAGE).contains(limit));
    limit.ok_or_else(|| FieldError::new("limit", format!("expected a whole number from 1 to {MAX_PAGE}")))
}

/// Where a page of deliveries begins: behind the one that the last page ended with.
pub fn delivery_cursor(text: Option<&str>) -> Result<Option<DeliveryId>, FieldError> {
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|_| FieldError::new("cursor", "expected next_cursor of the page before"))
}

/// Where a page of endpoints begins: behind the one that the last page ended with.
pub fn endpoint_cursor(text: Option<&str>) -> Result<Option<crate::id::EndpointId>, FieldError> {
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|_| FieldError::new("cursor", "expected next_cursor of the page before"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_wrong_field_is_named() {
        let check = |change: &str, value: Value| {
            let mut body = json!({ "url": "https://example.com/", "events": ["payment.*"], "description": "x" });
            body[change] = value;
            let errors = create_endpoint(&body, None).expect_err("refused");
            assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), [change], "{body}");
        };
        check("url", json!(null));
        check("url", json!(7));
        check("url", json!("http://example.com/"));
        check("url", json!("https://10.0.0.1/"));
        for events in [json!([]), json!("*"), json!([1]), json!(["card.*"]), json!(["*", "*"]), json!(vec!["*"; 21])] {
            check("events", events);
        }
        check("description", json!(""));
        check("description", json!("x".repeat(201)));
        check("description", json!("4242 4242 4242 4242"));
        check("secret", json!("mine"));
    }

    #[test]
    fn what_is_left_out_means_every_event() {
        let read = create_endpoint(&json!({ "url": "https://example.com/" }), None).expect("taken");
        assert_eq!((read.events, read.description), (vec![EventFilter::all()], None));
    }

    #[test]
    fn a_page_has_1_to_100_entries() {
        for (text, limit) in [(None, Some(20)), (Some("1"), Some(1)), (Some("100"), Some(100))] {
            assert_eq!(page_limit(text).ok(), limit);
        }
        for text in ["", "0", "101", "-1", "+1", "1.0", "ten", "99999999999999999999"] {
            assert!(page_limit(Some(text)).is_err(), "{text}");
        }
    }
}
