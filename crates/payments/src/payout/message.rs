//! What the bank sends: each message is read once, whole, and what became of it is kept.

use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// A message that waits at the bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its name in the bank's mailbox.
    pub id: String,
    /// What it is, such as `camt.053.001.08`.
    pub kind: String,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadMessage {
    /// Its name in the bank's mailbox.
    pub message_id: String,
    /// What it is.
    pub kind: String,
    /// When it was read.
    pub read_at: Timestamp,
    /// Why nothing of it was taken, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

/// Why a message was refused, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The line, from 1.
    pub line: usize,
    /// The reason.
    pub reason: String,
}
