//! Movements on our own bank account, as its statements tell them.

use crate::amount::Amount;
use crate::gateway::GatewayName;
use crate::id::{BankMovementId, Mode};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// A line of a bank statement that is not a payout's: a gateway's funding, or something that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BankMovement {
    /// Its id.
    pub id: BankMovementId,
    /// Into the account or out of it.
    pub direction: Direction,
    /// How much.
    #[serde(flatten)]
    pub amount: Amount,
    /// The account's number, as the bank writes it.
    pub account: String,
    /// The day on which the bank booked it, `YYYY-MM-DD`.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Day"))]
    pub booked_on: String,
    /// The bank's own reference of the line.
    pub reference: String,
    /// The statement that has it.
    pub statement: String,
    /// Which gateway's money it is, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayName>,
    /// What the other side wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remittance: Option<String>,
}

impl BankMovement {
    /// By what the payer knows it: what it wrote, or else the bank's own reference.
    pub fn payer_reference(&self) -> &str {
        self.remittance.as_deref().unwrap_or(&self.reference).trim()
    }
}

/// Which way money went, seen from our account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// In.
    Credit,
    /// Out.
    Debit,
}

/// A movement as it is stored: put once, on condition that its id is new, and never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookedMovement {
    /// The key.
    pub movement_id: BankMovementId,
    /// In which world.
    pub mode: Mode,
    /// When it was read.
    pub read_at: Timestamp,
    /// What the bank says.
    pub movement: BankMovement,
}
