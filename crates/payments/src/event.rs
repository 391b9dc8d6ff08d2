//! Events: what the world is told about each version of a payment, exactly one per version.

use crate::amount::Amount;
use crate::card::CardSummary;
use crate::fraud::{RiskReason, Screening};
use crate::gateway::{DeclineCode, GatewayName};
use crate::id::{MerchantId, Mode, PaymentId, TokenId};
use crate::payment::{Actor, CaptureMethod, Payment, Status};
use crate::secret::blot_digits;
use crate::settlement::Settlement;
use crate::stage::{Declined, Failed, Stage, VoidReason};
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

/// A payment as merchants and consumers see it. The HTTP API answers with the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentView {
    /// Its id.
    pub id: PaymentId,
    /// Where it is.
    pub status: Status,
    /// How much.
    #[serde(flatten)]
    pub amount: Amount,
    /// When the money is taken.
    pub capture_method: CaptureMethod,
    /// The card's token.
    pub token: TokenId,
    /// What may be shown of the card.
    pub card: CardSummary,
    /// The merchant's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Who holds or took the money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayName>,
    /// Who said no, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline: Option<DeclineView>,
    /// Why it failed or was canceled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureView>,
    /// What the risk side said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screening: Option<Screening>,
    /// What the merchant is owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<Settlement>,
    /// When it was opened (RFC 3339, UTC).
    pub created_at: String,
}

/// Who said no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum DeclineView {
    /// The card's issuer.
    Issuer {
        /// Why.
        code: DeclineCode,
        /// Whether the same card may be tried again later.
        retryable: bool,
    },
    /// The risk side.
    Risk {
        /// The rules that spoke.
        reasons: Vec<RiskReason>,
    },
}

/// Why a payment failed or was canceled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureView {
    /// A stable word.
    pub code: String,
    /// A sentence.
    pub detail: String,
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

    /// The event of this version of the payment.
    pub fn of(payment: &Payment) -> Self {
        let change = payment.latest_change();
        Self {
            id: format!("{}:{}", payment.payment_id, payment.version),
            kind: kind(payment, change.by),
            version: ENVELOPE,
            occurred_at: change.at.to_rfc3339(),
            merchant_id: payment.merchant_id.clone(),
            mode: payment.mode,
            data: PaymentView::of(payment),
        }
    }
}

fn kind(payment: &Payment, by: Actor) -> EventKind {
    match payment.status() {
        Status::Processing if matches!(payment.stage, Stage::Authorized(_)) && by != Actor::Sweep => {
            EventKind::Authorized
        }
        Status::Processing => EventKind::Processing,
        Status::RequiresCapture => EventKind::RequiresCapture,
        Status::InReview => EventKind::InReview,
        Status::Succeeded => EventKind::Succeeded,
        Status::Declined => EventKind::Declined,
        Status::Canceled => EventKind::Canceled,
        Status::Failed => EventKind::Failed,
    }
}

impl PaymentView {
    /// What may be shown of the payment.
    pub fn of(payment: &Payment) -> Self {
        let mut view = Self {
            id: payment.payment_id.clone(),
            status: payment.status(),
            amount: payment.amount,
            capture_method: payment.capture_method,
            token: payment.token_id.clone(),
            card: payment.card.clone(),
            reference: payment.reference.clone(),
            gateway: None,
            decline: None,
            failure: None,
            screening: None,
            settlement: None,
            created_at: payment.created_at.to_rfc3339(),
        };
        view.add_stage(&payment.stage);
        view
    }

    fn add_stage(&mut self, stage: &Stage) {
        match stage {
            Stage::Created(_) => {}
            Stage::Authorizing(stage) => self.gateway = Some(stage.gateway.clone()),
            Stage::Authorized(stage) => self.gateway = Some(stage.hold.gateway.clone()),
            Stage::Capturing(stage) => self.add_screened(&stage.hold.gateway, &stage.screening),
            Stage::Captured(stage) => self.add_screened(&stage.hold.gateway, &stage.screening),
            Stage::RequiresCapture(stage) => self.add_screened(&stage.hold.gateway, &stage.screening),
            Stage::InReview(stage) => self.add_screened(&stage.hold.gateway, &stage.screening),
            Stage::Voiding(stage) => {
                self.gateway = Some(stage.gateway.clone());
                self.screening = stage.screening.clone();
            }
            Stage::Succeeded(stage) => {
                self.add_screened(&stage.hold.gateway, &stage.screening);
                self.settlement = Some(stage.settlement.clone());
            }
            Stage::Declined(stage) => self.decline = Some(decline(stage)),
            Stage::Canceled(stage) => self.failure = Some(canceled(stage.because)),
            Stage::Failed(stage) => self.failure = Some(failed(stage)),
        }
    }

    fn add_screened(&mut self, gateway: &GatewayName, screening: &Screening) {
        self.gateway = Some(gateway.clone());
        self.screening = Some(screening.clone());
    }
}

fn decline(declined: &Declined) -> DeclineView {
    match declined {
        Declined::Issuer { code, .. } => DeclineView::Issuer { code: *code, retryable: code.is_soft() },
        Declined::Risk { reasons } => DeclineView::Risk { reasons: reasons.clone() },
    }
}

fn canceled(because: VoidReason) -> FailureView {
    let detail = match because {
        VoidReason::Expired => "the hold expired before it was captured",
        VoidReason::Risk | VoidReason::CaptureRefused | VoidReason::Unresolved => "the hold was let go",
    };
    FailureView { code: "expired".to_owned(), detail: detail.to_owned() }
}

fn failed(failed: &Failed) -> FailureView {
    let (code, detail) = match failed {
        Failed::Invalid { violation } => ("invalid", violation.to_string()),
        Failed::CaptureRefused => ("capture_refused", "the gateway refused to capture its own hold".to_owned()),
        Failed::Unresolved => ("unresolved", "the gateway gave no final answer; the payment was undone".to_owned()),
    };
    FailureView { code: code.to_owned(), detail }
}
