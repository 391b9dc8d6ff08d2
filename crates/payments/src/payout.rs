//! Payouts: what a merchant is sent of its balance, as consumers see it.

use crate::amount::Amount;
use crate::id::PayoutId;
use serde::{Deserialize, Serialize};

/// A payout as merchants and consumers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutView {
    /// Its id.
    pub id: PayoutId,
    /// How far it is.
    pub status: PayoutStatus,
    /// How much: the sum of its lines.
    #[serde(flatten)]
    pub amount: Amount,
    /// The day whose dues it pays, `YYYY-MM-DD`.
    pub day: String,
    /// What it is made of, frozen when it was created.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<PayoutLine>,
    /// Why the bank did not pay it, or gave it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<PayoutFailure>,
    /// When it was created (RFC 3339, UTC).
    pub created_at: String,
}

/// How far a payout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum PayoutStatus {
    /// On its way: out of the balance, not yet on the bank's statement.
    Processing,
    /// The bank's statement has it.
    Paid,
    /// The bank rejected it; it is in the balance again.
    Failed,
    /// It was paid and came back; it is in the balance again.
    Returned,
}

/// What a payout takes from one account and due date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutLine {
    /// The account's text.
    pub account: String,
    /// The day on which it was due, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// Minor units that the merchant gets of it; negative for what it owes.
    pub minor: i64,
}

/// Why a payout was not paid, or came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutFailure {
    /// A stable word; the bank's reason code.
    pub code: String,
    /// A sentence.
    pub detail: String,
}
