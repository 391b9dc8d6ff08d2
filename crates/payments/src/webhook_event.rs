//! An event of any kind as the webhooks see it: whose it is, what it is called, and the bytes that are sent. What it is
//! about they do not know, so that a new kind of event needs no change here.

use crate::event::{ENVELOPE, Unreadable};
use crate::id::{MerchantId, Mode, Owner};
use crate::secret::blot_digits;
use crate::timestamp::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// The longest body: 64 KiB.
pub const MAX_BODY: usize = 64 * 1024;
/// The longest event id and the longest name of a kind of event.
const MAX_NAME: usize = 128;
/// What is about our own bank account is no merchant's.
const OWN: &str = "bank.";

/// An event, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The same whenever the event is sent again.
    pub event_id: String,
    /// `payment.succeeded`.
    pub event_type: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Whose it is.
    pub owner: Owner,
    /// What is sent, byte for byte the same at each attempt.
    pub body: String,
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    version: u32,
    occurred_at: String,
    #[serde(default)]
    merchant_id: Option<MerchantId>,
    mode: Mode,
}

impl Notice {
    /// Reads an event that came over the bus; `None` for one that is no merchant's.
    pub fn read(event: &Value) -> Result<Option<Self>, Unreadable> {
        let envelope: Envelope = serde_json::from_value(event.clone())
            .map_err(|error| Unreadable::Shape(blot_digits(&error.to_string())))?;
        if envelope.version != ENVELOPE {
            return Err(Unreadable::Version);
        }
        let shape = |what: &str| Unreadable::Shape(what.to_owned());
        // The id becomes a header and is signed between dots.
        let header = |byte: u8| byte.is_ascii_graphic() && byte != b'.';
        if !(1..=MAX_NAME).contains(&envelope.id.len()) || !envelope.id.bytes().all(header) {
            return Err(shape("id: expected 1 to 128 visible ASCII characters without a dot"));
        }
        if !(1..=MAX_NAME).contains(&envelope.kind.len()) {
            return Err(shape("type: expected 1 to 128 characters"));
        }
        let occurred_at =
            Timestamp::parse_rfc3339(&envelope.occurred_at).map_err(|_| shape("occurred_at: expected RFC 3339"))?;
        let body = event.to_string();
        if body.len() > MAX_BODY {
            return Err(shape("expected at most 64 KiB"));
        }
        let Some(merchant_id) = envelope.merchant_id else {
            let own = envelope.kind.starts_with(OWN);
            return if own { Ok(None) } else { Err(shape("merchant_id: expected whose it is")) };
        };
        let owner = Owner { merchant_id, mode: envelope.mode };
        Ok(Some(Self { event_id: envelope.id, event_type: envelope.kind, occurred_at, owner, body }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(field: &str, value: Value) -> Value {
        let mut event = json!({
            "id": "pay_1:2", "type": "refund.of_some_new_kind", "version": 1, "occurred_at": "2026-11-23T00:00:00Z",
            "merchant_id": "mer_a", "mode": "test", "data": { "anything": 1 },
        });
        event[field] = value;
        event
    }

    #[test]
    fn any_kind_of_event_is_read_and_a_broken_envelope_is_not() {
        let notice = Notice::read(&event("mode", json!("live"))).expect("an event").expect("a merchant's");
        assert_eq!((notice.event_type.as_str(), notice.owner.mode), ("refund.of_some_new_kind", Mode::Live));
        for (field, value) in [
            ("id", json!("a.b")),
            ("id", json!("a\nb")),
            ("id", json!("")),
            ("type", json!("")),
            ("version", json!(2)),
            ("occurred_at", json!("yesterday")),
            ("merchant_id", json!("a")),
            ("mode", json!("both")),
            ("data", json!("x".repeat(MAX_BODY))),
        ] {
            assert!(Notice::read(&event(field, value)).is_err(), "{field}");
        }
    }

    #[test]
    fn only_our_own_bank_s_events_are_no_merchant_s() {
        let mut own = event("type", json!("bank.credited"));
        own.as_object_mut().expect("an object").remove("merchant_id");
        assert_eq!(Notice::read(&own), Ok(None));
        own["type"] = json!("payout.paid");
        assert!(Notice::read(&own).is_err());
    }
}
