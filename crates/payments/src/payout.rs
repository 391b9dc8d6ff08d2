//! Payouts: what a merchant is sent of its balance. The record and its stages are in [`item`], the files that carry it in
//! [`bank_file`], what the bank sends in [`message`]; here is what merchants and consumers see.

pub mod bank_file;
pub mod item;
pub mod listing;
pub mod message;

pub use item::{Payout, PayoutKey, PayoutStage};

use crate::amount::Amount;
use crate::bank_account::BankAccountView;
use crate::id::PayoutId;
use serde::{Deserialize, Serialize};

/// A payout as merchants and consumers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PayoutView {
    /// Its id.
    pub id: PayoutId,
    /// How far it is.
    pub status: PayoutStatus,
    /// How much: the sum of its lines.
    #[serde(flatten)]
    pub amount: Amount,
    /// The day whose dues it pays, `YYYY-MM-DD`.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Day"))]
    pub day: String,
    /// What it is made of, frozen when it was created.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = item::MAX_LINES)))]
    pub lines: Vec<PayoutLine>,
    /// Where it goes.
    pub bank_account: BankAccountView,
    /// What the bank's statements call it.
    pub reference: String,
    /// Why the bank did not pay it, or gave it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<PayoutFailure>,
    /// When it was created (RFC 3339, UTC).
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Moment"))]
    pub created_at: String,
}

/// How far a payout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum PayoutStatus {
    /// Out of the balance, in no file yet.
    Created,
    /// In a file for the bank.
    Sent,
    /// The bank will pay it.
    Accepted,
    /// The bank's statement has it.
    Paid,
    /// The bank rejected it; it is in the balance again.
    Failed,
    /// It was paid and came back; it is in the balance again.
    Returned,
}

/// What a payout takes from one account and due date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PayoutLine {
    /// The account's text.
    pub account: String,
    /// The day on which it was due, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Day"))]
    pub due: Option<String>,
    /// Minor units that the merchant gets of it; negative for what it owes.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::SignedMinor"))]
    pub minor: i64,
}

/// Why a payout was not paid, or came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PayoutFailure {
    /// A stable word; the bank's reason code.
    pub code: String,
    /// A sentence.
    pub detail: String,
    /// The day from which the money is due to the merchant again, `YYYY-MM-DD`.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Day"))]
    pub due_again: String,
}

impl PayoutView {
    /// The payout as it is now.
    pub fn of(payout: &Payout) -> Self {
        Self::when(payout, payout.stage.status())
    }

    /// The payout as it was when it came to that status: what it is made of never changes.
    pub fn when(payout: &Payout, status: PayoutStatus) -> Self {
        Self {
            id: payout.payout_id.clone(),
            status,
            amount: payout.amount,
            day: payout.day.clone(),
            lines: payout.lines.clone(),
            bank_account: payout.to.view(),
            reference: payout.reference.clone(),
            failure: payout.failure().filter(|_| status == payout.stage.status()).cloned(),
            created_at: payout.created_at.to_rfc3339(),
        }
    }
}
