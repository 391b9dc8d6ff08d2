//! What may be shown of a payment: to its merchant by the API, to consumers in events. Derived, never stored; how it was
//! at an earlier rest is derived too, so that a repeated request is answered with the same bytes.

use crate::amount::Amount;
use crate::authentication::{Liability, NextAction};
use crate::card::CardSummary;
use crate::fraud::{RiskReason, Screening};
use crate::gateway::{DeclineCode, GatewayName};
use crate::id::{OperationId, OperationKind, PaymentId, TokenId, digest};
use crate::operation::{Action, Operation, RefundReason, ReviewDecision};
use crate::payment::{CaptureMethod, Payment, Status};
use crate::settlement::{Deduction, Settlement};
use crate::stage::{Canceled, Declined, Failed, Stage, StageName, VoidReason};
#[cfg(feature = "schema")]
use crate::{operation::MAX_OPERATIONS, request::MAX_REFERENCE};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A payment as merchants and consumers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PaymentView {
    /// Its id.
    pub id: PaymentId,
    /// Where it is.
    pub status: Status,
    /// How much.
    #[serde(flatten)]
    pub amount: Amount,
    /// Minor units taken.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Minor"))]
    pub amount_captured: u64,
    /// Minor units that may still be taken.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Minor"))]
    pub amount_capturable: u64,
    /// Minor units given back.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Minor"))]
    pub amount_refunded: u64,
    /// When the money is taken.
    pub capture_method: CaptureMethod,
    /// Until when it may be captured or reviewed (RFC 3339, UTC), while it waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Moment"))]
    pub capture_before: Option<String>,
    /// What the cardholder has to do, while the payment waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_action: Option<NextAction>,
    /// The card's token.
    pub token: TokenId,
    /// What may be shown of the card.
    pub card: CardSummary,
    /// The merchant's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_REFERENCE)))]
    pub reference: Option<String>,
    /// What else the merchant keeps with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::metadata"))]
    pub metadata: BTreeMap<String, String>,
    /// Who holds or took the money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayName>,
    /// Who bears a fraud, where the cardholder was asked to authenticate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liability_shift: Option<Liability>,
    /// Who said no, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline: Option<DeclineView>,
    /// Why it failed or was canceled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureView>,
    /// What the risk side said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screening: Option<Screening>,
    /// The captures, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_OPERATIONS)))]
    pub captures: Vec<OperationView>,
    /// The refunds, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_OPERATIONS)))]
    pub refunds: Vec<OperationView>,
    /// In an event: what this version is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationView>,
    /// When it was opened (RFC 3339, UTC).
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Moment"))]
    pub created_at: String,
}

/// An operation as merchants and consumers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OperationView {
    /// Its id.
    #[cfg_attr(feature = "schema", schemars(with = "String", regex(pattern = "^(cap|can|con|ref|rev)_[0-9a-f]{32}$")))]
    pub id: OperationId,
    /// Its payment.
    pub payment_id: PaymentId,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: OperationType,
    /// How far it is.
    pub status: OperationStatus,
    /// How much, for a capture or a refund.
    #[serde(flatten)]
    pub amount: Option<Amount>,
    /// Why the merchant gave money back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RefundReason>,
    /// What the reviewer decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<ReviewDecision>,
    /// What the merchant is owed for a capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<Settlement>,
    /// What a refund takes away from it besides its amount, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deduction: Option<Deduction>,
    /// When it was accepted (RFC 3339, UTC).
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Moment"))]
    pub created_at: String,
}

/// What an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("x-extensible" = true)))]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is documented at the action of its name")]
pub enum OperationType {
    Capture,
    Cancel,
    Confirm,
    Refund,
    Review,
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OperationStatus {
    /// Under way; it ends by itself.
    Processing,
    /// Done.
    Succeeded,
    /// Not done, and never will be.
    Failed,
}

/// Who said no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum DeclineView {
    /// The card's issuer.
    Issuer {
        /// Why.
        code: DeclineCode,
        /// Whether the same card may be tried again later.
        retryable: bool,
    },
    /// The risk side, or a reviewer.
    Risk {
        /// The rules that spoke.
        reasons: Vec<RiskReason>,
    },
}

/// Why a payment failed or was canceled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FailureView {
    /// A stable word.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[a-z_]+$")))]
    pub code: String,
    /// A sentence.
    pub detail: String,
}

impl PaymentView {
    /// What may be shown of the payment as it is now.
    pub fn of(payment: &Payment) -> Self {
        Self::when(payment, payment.version)
    }

    /// What was to be shown of it in that version: the one in which it was opened, in which it rested, or which accepted
    /// an operation.
    pub fn when(payment: &Payment, version: u32) -> Self {
        let to = payment.change(version).to;
        let views = |kind| {
            let there = payment.operations.iter().filter(|operation| operation.v <= version);
            there
                .map(|operation| OperationView::when(payment, operation, version))
                .filter(move |view| view.kind == kind)
        };
        let sum = |kind| views(kind).filter(OperationView::has_effect).map(|view| view.minor()).sum::<u64>();
        let (captured, refunded) = (sum(OperationType::Capture), sum(OperationType::Refund));
        let waits = matches!(to, StageName::RequiresCapture | StageName::InReview);
        let is_new = to == StageName::Created;
        let held = !matches!(to, StageName::Created | StageName::Authorizing | StageName::Authenticating);
        let (hold, screening) = if held { payment.stage.hold() } else { (None, None) };
        let capturable = if waits { payment.amount.minor() - captured } else { 0 };
        let end = (to == StageName::from(&payment.stage)).then(|| ending(&payment.stage)).flatten();
        let (decline, failure) = end.unwrap_or_default();
        Self {
            id: payment.payment_id.clone(),
            status: to.status(),
            amount: payment.amount,
            amount_captured: captured,
            amount_capturable: capturable,
            amount_refunded: refunded,
            capture_method: payment.capture_method,
            capture_before: hold.filter(|_| waits).map(|hold| hold.expires_at.to_rfc3339()),
            next_action: payment.next_action().filter(|_| to == StageName::Authenticating),
            token: payment.token_id.clone(),
            card: payment.card.clone(),
            reference: payment.reference.clone(),
            metadata: payment.metadata.clone(),
            gateway: gateway(payment).filter(|_| !is_new),
            liability_shift: hold.and_then(|hold| hold.checks.liability_shift),
            decline,
            failure,
            screening: screening.cloned(),
            captures: views(OperationType::Capture).collect(),
            refunds: views(OperationType::Refund).collect(),
            operation: None,
            created_at: payment.created_at.to_rfc3339(),
        }
    }
}

impl OperationView {
    /// What may be shown of an operation of the payment.
    pub fn of(payment: &Payment, operation: &Operation) -> Self {
        Self::when(payment, operation, payment.version)
    }

    fn when(payment: &Payment, operation: &Operation, version: u32) -> Self {
        let over = operation.end.is_some_and(|end| end <= version);
        let effect = operation.reference.is_some();
        let (kind, minor, reason, decision, done) = match operation.action {
            Action::Capture { amount, .. } => (OperationType::Capture, Some(amount), None, None, effect),
            Action::Cancel => (OperationType::Cancel, None, None, None, true),
            Action::Confirm => (OperationType::Confirm, None, None, None, true),
            Action::Refund { amount, reason } => (OperationType::Refund, Some(amount), reason, None, effect),
            Action::Review { decision } => (OperationType::Review, None, None, Some(decision), true),
        };
        let status = match (over, done) {
            (false, _) => OperationStatus::Processing,
            (true, true) => OperationStatus::Succeeded,
            (true, false) => OperationStatus::Failed,
        };
        Self {
            id: public_id(payment, operation),
            payment_id: payment.payment_id.clone(),
            kind,
            status,
            amount: minor.and_then(|minor| Amount::try_new(minor, payment.amount.currency()).ok()),
            reason,
            decision,
            settlement: operation.settlement.clone().filter(|_| over),
            deduction: operation.deduction.clone().filter(|_| over),
            created_at: payment.change(operation.v).at.to_rfc3339(),
        }
    }

    fn has_effect(&self) -> bool {
        self.status == OperationStatus::Succeeded
    }

    fn minor(&self) -> u64 {
        self.amount.map_or(0, |amount| amount.minor())
    }
}

/// What the version is about: the operation that it began or ended; of two, the one that moves money.
pub(crate) fn operation(payment: &Payment, version: u32) -> Option<OperationView> {
    let about = |operation: &&Operation| operation.v == version || operation.end == Some(version);
    let view = |operation| OperationView::when(payment, operation, version);
    let mut views = payment.operations.iter().filter(about).map(view);
    views.next_back()
}

/// The capture that is part of the payment itself has no name of its own in storage.
fn public_id(payment: &Payment, operation: &Operation) -> OperationId {
    if operation.id.kind() != OperationKind::Pay {
        return operation.id.clone();
    }
    capture_id(&payment.payment_id)
}

/// The public id of the capture that is part of the payment itself.
pub(crate) fn capture_id(payment_id: &PaymentId) -> OperationId {
    let bits = digest(&[b"capture", payment_id.as_str().as_bytes()]);
    format!("cap_{}", hex::encode(&bits[..16])).parse().expect("a prefix and 32 hexadecimal digits are an id")
}

/// Who was asked. One whose page the cardholder saw is never changed for another.
fn gateway(payment: &Payment) -> Option<GatewayName> {
    if let Some(asked) = &payment.authentication {
        return Some(asked.gateway.clone());
    }
    match &payment.stage {
        Stage::Authorizing(stage) => Some(stage.gateway.clone()),
        Stage::Authenticating(stage) => Some(stage.intent.gateway.clone()),
        Stage::Voiding(stage) => Some(stage.gateway.clone()),
        Stage::Declined(Declined::Issuer { gateway, .. }) => Some(gateway.clone()),
        stage @ (Stage::Created(_)
        | Stage::Authorized(_)
        | Stage::Capturing(_)
        | Stage::Captured(_)
        | Stage::RequiresCapture(_)
        | Stage::InReview(_)
        | Stage::Succeeded(_)
        | Stage::Refunding(_)
        | Stage::Declined(_)
        | Stage::Canceled(_)
        | Stage::Failed(_)) => stage.hold().0.map(|hold| hold.gateway.clone()),
    }
}

/// Why a payment is at its end, if someone said no or it was not carried out.
fn ending(stage: &Stage) -> Option<(Option<DeclineView>, Option<FailureView>)> {
    match stage {
        Stage::Declined(declined) => Some((Some(decline(declined)), None)),
        Stage::Canceled(canceled) => Some((None, Some(cancellation(canceled)))),
        Stage::Failed(failed) => Some((None, Some(failure(failed)))),
        Stage::Created(_)
        | Stage::Authorizing(_)
        | Stage::Authenticating(_)
        | Stage::Authorized(_)
        | Stage::Capturing(_)
        | Stage::Captured(_)
        | Stage::Voiding(_)
        | Stage::RequiresCapture(_)
        | Stage::InReview(_)
        | Stage::Succeeded(_)
        | Stage::Refunding(_) => None,
    }
}

fn decline(declined: &Declined) -> DeclineView {
    match declined {
        Declined::Issuer { code, .. } => DeclineView::Issuer { code: *code, retryable: code.is_soft() },
        Declined::Risk(undone) => {
            let reasons = undone.screening.as_ref().map(|screening| screening.reasons.clone()).unwrap_or_default();
            DeclineView::Risk { reasons }
        }
    }
}

fn cancellation(canceled: &Canceled) -> FailureView {
    let (code, detail) = match canceled.because {
        VoidReason::Expired => ("expired", "the hold expired before it was captured"),
        VoidReason::Requested => ("canceled", "the merchant canceled it"),
        VoidReason::Risk | VoidReason::CaptureRefused | VoidReason::Unresolved | VoidReason::AuthenticationRequired => {
            ("undone", "the hold was let go")
        }
    };
    FailureView { code: code.to_owned(), detail: detail.to_owned() }
}

fn failure(failed: &Failed) -> FailureView {
    let (code, detail) = match failed {
        Failed::Invalid { violation } => ("invalid", violation.to_string()),
        Failed::CaptureRefused(_) => ("capture_refused", "the gateway refused to capture its own hold".to_owned()),
        Failed::Unresolved(_) => ("unresolved", "the gateway gave no final answer; the payment was undone".to_owned()),
    };
    FailureView { code: code.to_owned(), detail }
}
