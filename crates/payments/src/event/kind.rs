//! What can happen, and what an event is about by what happened.

use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumIter)]
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
    #[serde(rename = "payment.requires_action")]
    #[strum(serialize = "payment.requires_action")]
    RequiresAction,
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
    #[serde(rename = "payout.created")]
    #[strum(serialize = "payout.created")]
    PayoutCreated,
    #[serde(rename = "payout.sent")]
    #[strum(serialize = "payout.sent")]
    PayoutSent,
    #[serde(rename = "payout.accepted")]
    #[strum(serialize = "payout.accepted")]
    PayoutAccepted,
    #[serde(rename = "payout.paid")]
    #[strum(serialize = "payout.paid")]
    PayoutPaid,
    #[serde(rename = "payout.failed")]
    #[strum(serialize = "payout.failed")]
    PayoutFailed,
    #[serde(rename = "payout.returned")]
    #[strum(serialize = "payout.returned")]
    PayoutReturned,
    #[serde(rename = "bank.credited")]
    #[strum(serialize = "bank.credited")]
    BankCredited,
    #[serde(rename = "bank.debited")]
    #[strum(serialize = "bank.debited")]
    BankDebited,
    #[serde(rename = "bank.unmatched")]
    #[strum(serialize = "bank.unmatched")]
    BankUnmatched,
}

/// What an event is about: it decides the shape of `data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A payment or one of its refunds: [`PaymentView`].
    Payment,
    /// A payout: [`PayoutView`].
    Payout,
    /// A movement on our own bank account, which is no merchant's: [`BankMovement`].
    Bank,
}

impl EventKind {
    /// What events of this kind are about.
    pub fn family(self) -> Family {
        match self {
            Self::Processing
            | Self::Authorized
            | Self::Declined
            | Self::PartiallyCaptured
            | Self::RequiresAction
            | Self::RequiresCapture
            | Self::InReview
            | Self::Succeeded
            | Self::Canceled
            | Self::Failed
            | Self::RefundProcessing
            | Self::RefundSucceeded
            | Self::RefundFailed => Family::Payment,
            Self::PayoutCreated
            | Self::PayoutSent
            | Self::PayoutAccepted
            | Self::PayoutPaid
            | Self::PayoutFailed
            | Self::PayoutReturned => Family::Payout,
            Self::BankCredited | Self::BankDebited | Self::BankUnmatched => Family::Bank,
        }
    }
}
