//! Events: what the world is told about each version of a payment or payout and each movement at the bank, exactly one per
//! version. The type's family (what comes before its dot) says what `data` is.

mod kind;

pub use kind::{EventKind, Family};

use crate::bank::{BankMovement, BookedMovement, Direction};
use crate::id::{MerchantId, Mode, Owner, PaymentId};
use crate::operation::Action;
use crate::payment::{Actor, Change, Payment};
use crate::payout::item::PayoutChange;
use crate::payout::{Payout, PayoutStatus, PayoutView};
use crate::secret::blot_digits;
use crate::stage::StageName;
use crate::view::{PaymentView, operation};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The version of the envelope. A reader refuses another.
pub const ENVELOPE: u32 = 1;

/// What an event says, by its type's family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Data {
    /// The payment as of this version.
    Payment(Box<PaymentView>),
    /// The payout as of this version.
    Payout(PayoutView),
    /// The movement.
    Bank(BankMovement),
}

impl Data {
    /// Reads `data` as the family says.
    fn read(family: Family, data: &str) -> Result<Self, serde_json::Error> {
        match family {
            Family::Payment => serde_json::from_str(data).map(Self::Payment),
            Family::Payout => serde_json::from_str(data).map(Self::Payout),
            Family::Bank => serde_json::from_str(data).map(Self::Bank),
        }
    }
}

/// The envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Event {
    /// The subject's id and version, `pay_...:3`: the same whenever it is sent again.
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))]
    pub kind: EventKind,
    /// The version of the envelope and of what is in it.
    #[cfg_attr(feature = "schema", schemars(extend("const" = ENVELOPE)))]
    pub version: u32,
    /// When (RFC 3339, UTC).
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Moment"))]
    pub occurred_at: String,
    /// Whose; absent for what is our own, which only the bank's movements are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_id: Option<MerchantId>,
    /// In which world.
    pub mode: Mode,
    /// What it is about, as of this version.
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))]
    pub data: Data,
}

/// An event of which it is not known yet what its data is.
#[derive(Deserialize)]
struct Envelope<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: EventKind,
    version: u32,
    occurred_at: String,
    #[serde(default)]
    merchant_id: Option<MerchantId>,
    mode: Mode,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// What every version of the envelope has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// A record that is not an event of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not JSON at all.
    #[error("the record is not JSON")]
    NotJson,
    /// No version, or another than [`ENVELOPE`].
    #[error("version: expected {ENVELOPE}")]
    Version,
    /// A type that this code does not know, or a field that does not fit.
    #[error("{0}")]
    Shape(String),
}

/// Why these bytes are no envelope.
fn misfit(bytes: &[u8], error: &serde_json::Error) -> Unreadable {
    // Its category does not say: a number where a name has to be is bad syntax to serde_json.
    if serde_json::from_slice::<IgnoredAny>(bytes).is_err() {
        return Unreadable::NotJson;
    }
    match serde_json::from_slice(bytes) {
        Ok(Versioned { version: ENVELOPE }) => Unreadable::Shape(blot_digits(&error.to_string())),
        Ok(Versioned { .. }) | Err(_) => Unreadable::Version,
    }
}

impl Event {
    /// Reads an event that came over a topic or a queue.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let envelope: Envelope = serde_json::from_slice(bytes).map_err(|error| misfit(bytes, &error))?;
        let Envelope { id, kind, version, occurred_at, merchant_id, mode, data } = envelope;
        // An array of the same values would be read, too; an event is an object.
        if version != ENVELOPE || !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(Unreadable::Version);
        }
        let family = kind.family();
        if merchant_id.is_none() && family != Family::Bank {
            return Err(Unreadable::Shape("missing field `merchant_id`".to_owned()));
        }
        let data = Data::read(family, data.get())
            .map_err(|error| Unreadable::Shape(blot_digits(&format!("data: {error}"))))?;
        Ok(Self { id, kind, version, occurred_at, merchant_id, mode, data })
    }

    /// The name of the event of that version.
    pub fn id(payment_id: &PaymentId, version: u32) -> String {
        format!("{payment_id}:{version}")
    }

    /// The event of this version of the payment.
    pub fn of(payment: &Payment) -> Self {
        Self::when(payment, payment.latest_change())
    }

    /// The events of all its versions, oldest first, told from what the latest one remembers: ids, types, times and what
    /// each says about money are the same as when they were new.
    pub fn all_of(payment: &Payment) -> Vec<Self> {
        payment.history.iter().map(|change| Self::when(payment, change)).collect()
    }

    fn when(payment: &Payment, change: &Change) -> Self {
        Self {
            id: Self::id(&payment.payment_id, change.v),
            kind: kind(payment, change),
            version: ENVELOPE,
            occurred_at: change.at.to_rfc3339(),
            merchant_id: Some(payment.owner.merchant_id.clone()),
            mode: payment.owner.mode,
            data: Data::Payment(Box::new(PaymentView {
                operation: operation(payment, change.v),
                ..PaymentView::when(payment, change.v)
            })),
        }
    }

    /// The event of this version of the payout.
    pub fn of_payout(payout: &Payout) -> Self {
        Self::when_payout(payout, payout.latest_change())
    }

    /// The events of all its versions, oldest first: what they said when they were new, to the letter, since all of a
    /// payout but its stage is fixed.
    pub fn all_of_payout(payout: &Payout) -> Vec<Self> {
        payout.history.iter().map(|change| Self::when_payout(payout, change)).collect()
    }

    fn when_payout(payout: &Payout, change: &PayoutChange) -> Self {
        let kind = match change.to {
            PayoutStatus::Created => EventKind::PayoutCreated,
            PayoutStatus::Sent => EventKind::PayoutSent,
            PayoutStatus::Accepted => EventKind::PayoutAccepted,
            PayoutStatus::Paid => EventKind::PayoutPaid,
            PayoutStatus::Failed => EventKind::PayoutFailed,
            PayoutStatus::Returned => EventKind::PayoutReturned,
        };
        Self {
            id: payout.event_id(change.v),
            kind,
            version: ENVELOPE,
            occurred_at: change.at.to_rfc3339(),
            merchant_id: Some(payout.owner.merchant_id.clone()),
            mode: payout.owner.mode,
            data: Data::Payout(PayoutView::when(payout, change.to)),
        }
    }

    /// The event of a movement at the bank: there is one, since a movement never changes.
    pub fn of_movement(booked: &BookedMovement) -> Self {
        let kind = match (&booked.movement.gateway, booked.movement.direction) {
            (Some(_), Direction::Credit) => EventKind::BankCredited,
            (Some(_), Direction::Debit) => EventKind::BankDebited,
            (None, _) => EventKind::BankUnmatched,
        };
        Self {
            id: format!("{}:1", booked.movement.id),
            kind,
            version: ENVELOPE,
            // It happened when the bank booked it, however late we read that: reconciliation goes by days.
            occurred_at: format!("{}T00:00:00Z", booked.movement.booked_on),
            merchant_id: None,
            mode: booked.mode,
            data: Data::Bank(booked.movement.clone()),
        }
    }

    /// The payment that it is about, if it is about one.
    pub fn payment(&self) -> Option<&PaymentView> {
        match &self.data {
            Data::Payment(view) => Some(view),
            Data::Payout(_) | Data::Bank(_) => None,
        }
    }

    /// The id of what it is about: events of one subject stay in order.
    pub fn subject(&self) -> &str {
        match &self.data {
            Data::Payment(view) => view.id.as_str(),
            Data::Payout(view) => view.id.as_str(),
            Data::Bank(movement) => movement.id.as_str(),
        }
    }

    /// Whose it is, unless it is our own.
    pub fn owner(&self) -> Option<Owner> {
        Some(Owner { merchant_id: self.merchant_id.clone()?, mode: self.mode })
    }
}

/// What happened in the version that `change` made.
pub fn kind(payment: &Payment, change: &Change) -> EventKind {
    let of_refund = payment
        .operations
        .iter()
        .find(|operation| matches!(operation.action, Action::Refund { .. }) && operation.end == Some(change.v));
    match change.to {
        StageName::Authorized if change.by != Actor::Sweep => EventKind::Authorized,
        StageName::Refunding => EventKind::RefundProcessing,
        StageName::RequiresCapture if change.by == Actor::Settle => EventKind::PartiallyCaptured,
        StageName::Succeeded => match of_refund {
            Some(refund) if refund.reference.is_some() => EventKind::RefundSucceeded,
            Some(_) => EventKind::RefundFailed,
            None => EventKind::Succeeded,
        },
        StageName::Created
        | StageName::Authorizing
        | StageName::Authorized
        | StageName::Capturing
        | StageName::Captured
        | StageName::Voiding => EventKind::Processing,
        StageName::Authenticating => EventKind::RequiresAction,
        StageName::RequiresCapture => EventKind::RequiresCapture,
        StageName::InReview => EventKind::InReview,
        StageName::Declined => EventKind::Declined,
        StageName::Canceled => EventKind::Canceled,
        StageName::Failed => EventKind::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn event(kind: &str, data: &Value) -> Value {
        json!({
            "id": "x:1", "type": kind, "version": ENVELOPE, "occurred_at": "2026-11-23T00:00:00Z",
            "merchant_id": "mer_a", "mode": "test", "data": data,
        })
    }

    fn payout() -> Value {
        json!({
            "id": format!("po_{}", "0".repeat(32)), "status": "created", "amount": 100, "currency": "EUR",
            "day": "2026-11-23", "created_at": "2026-11-23T00:00:00Z",
            "lines": [{ "account": "test:merchant:mer_a:payable", "due": "2026-11-23", "minor": 100 }],
            "bank_account": { "type": "iban", "name": "A", "country": "NL", "last4": "0001" }, "reference": "0",
        })
    }

    fn movement() -> Value {
        json!({
            "id": format!("bnk_{}", "0".repeat(32)), "direction": "credit", "amount": 100, "currency": "EUR",
            "account": "DE00", "booked_on": "2026-11-23", "reference": "1", "statement": "s", "gateway": "simulated",
        })
    }

    #[test]
    fn the_type_says_what_data_is() {
        for (kind, data, reads) in [
            ("payout.created", payout(), true),
            ("payout.created", movement(), false),
            ("bank.credited", movement(), true),
            ("bank.credited", payout(), false),
            ("payment.succeeded", payout(), false),
        ] {
            let text = event(kind, &data).to_string();
            let read = Event::read(text.as_bytes());
            assert_eq!(read.is_ok(), reads, "{kind} {read:?}");
            if let Ok(event) = read {
                assert_eq!(serde_json::to_value(&event).expect("plain data"), event_value(&text), "{kind}");
                assert_eq!(event.subject(), data["id"].as_str().expect("an id"));
            }
        }
    }

    #[test]
    fn what_is_no_event_is_refused_for_what_it_is() {
        let good = event("bank.credited", &movement());
        let change = |field: &str, value: Value| {
            let mut event = good.clone();
            event[field] = value;
            event.to_string()
        };
        let values = ["id", "type", "version", "occurred_at", "merchant_id", "mode", "data"].map(|name| &good[name]);
        let shape = |what: &str| Unreadable::Shape(what.to_owned());
        for (text, reason) in [
            ("{".to_owned(), Unreadable::NotJson),
            (format!("{good} {good}"), Unreadable::NotJson),
            ("{}".to_owned(), Unreadable::Version),
            ("7".to_owned(), Unreadable::Version),
            (json!(values).to_string(), Unreadable::Version),
            (change("version", json!(2)), Unreadable::Version),
            (change("version", json!("1")), Unreadable::Version),
            (change("mode", json!(7)), shape("expected value")),
            (change("type", json!("bank.exploded")), shape("unknown variant `bank.exploded`")),
            (change("data", json!({})), shape("data: missing field")),
        ] {
            let read = Event::read(text.as_bytes()).expect_err(&text);
            match (&read, &reason) {
                (Unreadable::Shape(said), Unreadable::Shape(begins)) => {
                    assert!(said.starts_with(begins), "{text}: {said}")
                }
                _ => assert_eq!(read, reason, "{text}"),
            }
        }
        assert!(Event::read(format!(" \n{good}\n").as_bytes()).is_ok());
    }

    #[test]
    fn only_what_is_the_bank_s_is_nobody_s() {
        for (kind, data, reads) in [("payout.paid", payout(), false), ("bank.unmatched", movement(), true)] {
            let mut event = event(kind, &data);
            event.as_object_mut().expect("an object").remove("merchant_id");
            let read = Event::read(event.to_string().as_bytes());
            assert_eq!(read.is_ok(), reads, "{read:?}");
        }
    }

    fn event_value(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }
}
