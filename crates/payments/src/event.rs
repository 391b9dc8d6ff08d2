//! Events: what the world is told about each version of a payment, exactly one per version.

use crate::id::{MerchantId, Mode, PaymentId};
use crate::operation::Action;
use crate::payment::{Actor, Change, Payment};
use crate::secret::blot_digits;
use crate::stage::StageName;
use crate::view::{PaymentView, operation};
use serde::{Deserialize, Serialize};

/// The version of the envelope. A reader refuses another.
pub const ENVELOPE: u32 = 1;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[allow(missing_docs, reason = "each variant is the event of its name")]
pub enum EventKind {
    #[serde(rename = "payment.processing")]
    #[strum(serialize = "payment.processing")]
    Processing,
    #[serde(rename = "payment.authorized")]
    #[strum(serialize = "payment.authorized")]
    Authorized,
    #[serde(rename = "payment.declined")]
    #[strum(serialize = "payment.declined")]
    Declined,
    #[serde(rename = "payment.partially_captured")]
    #[strum(serialize = "payment.partially_captured")]
    PartiallyCaptured,
    #[serde(rename = "payment.requires_capture")]
    #[strum(serialize = "payment.requires_capture")]
    RequiresCapture,
    #[serde(rename = "payment.in_review")]
    #[strum(serialize = "payment.in_review")]
    InReview,
    #[serde(rename = "payment.succeeded")]
    #[strum(serialize = "payment.succeeded")]
    Succeeded,
    #[serde(rename = "payment.canceled")]
    #[strum(serialize = "payment.canceled")]
    Canceled,
    #[serde(rename = "payment.failed")]
    #[strum(serialize = "payment.failed")]
    Failed,
    #[serde(rename = "refund.processing")]
    #[strum(serialize = "refund.processing")]
    RefundProcessing,
    #[serde(rename = "refund.succeeded")]
    #[strum(serialize = "refund.succeeded")]
    RefundSucceeded,
    #[serde(rename = "refund.failed")]
    #[strum(serialize = "refund.failed")]
    RefundFailed,
}

/// The envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Payment id and version, `pay_...:3`: the same whenever it is sent again.
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// [`ENVELOPE`].
    pub version: u32,
    /// When (RFC 3339, UTC).
    pub occurred_at: String,
    /// Whose.
    pub merchant_id: MerchantId,
    /// In which world.
    pub mode: Mode,
    /// The payment as of this version.
    pub data: PaymentView,
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

impl Event {
    /// Reads an event that came over a topic or a queue.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|_| Unreadable::NotJson)?;
        if value.get("version").and_then(serde_json::Value::as_u64) != Some(u64::from(ENVELOPE)) {
            return Err(Unreadable::Version);
        }
        serde_json::from_value(value).map_err(|error| Unreadable::Shape(blot_digits(&error.to_string())))
    }

    /// The name of the event of that version.
    pub fn id(payment_id: &PaymentId, version: u32) -> String {
        format!("{payment_id}:{version}")
    }

    /// The event of this version of the payment.
    pub fn of(payment: &Payment) -> Self {
        let change = payment.latest_change();
        Self {
            id: Self::id(&payment.payment_id, payment.version),
            kind: kind(payment, change),
            version: ENVELOPE,
            occurred_at: change.at.to_rfc3339(),
            merchant_id: payment.owner.merchant_id.clone(),
            mode: payment.owner.mode,
            data: PaymentView { operation: operation(payment, change.v), ..PaymentView::of(payment) },
        }
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
        StageName::RequiresCapture => EventKind::RequiresCapture,
        StageName::InReview => EventKind::InReview,
        StageName::Declined => EventKind::Declined,
        StageName::Canceled => EventKind::Canceled,
        StageName::Failed => EventKind::Failed,
    }
}
