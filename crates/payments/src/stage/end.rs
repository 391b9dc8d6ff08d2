//! Where a payment ends without its money being taken. Nothing follows.

use super::{Hold, VoidReason};
use crate::fraud::Screening;
use crate::gateway::{DeclineCode, GatewayName};
use crate::validation::Violation;
use serde::{Deserialize, Serialize};

/// What is left of a hold that was let go: for showing only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// The hold, where its placing was ever confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// What the risk side had said, if it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screening: Option<Screening>,
}

/// Terminal: someone said no, and nothing is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Declined {
    /// The card's issuer.
    Issuer {
        /// Who asked it.
        gateway: GatewayName,
        /// Why.
        code: DeclineCode,
    },
    /// Our risk side or a reviewer, after a hold that was let go.
    Risk(Undone),
}

/// Terminal: undone before any money was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canceled {
    /// Why.
    pub because: VoidReason,
    /// What was held.
    #[serde(flatten)]
    pub undone: Undone,
}

/// Terminal: could not be carried out; nothing is held, nothing was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Failed {
    /// What `validate` found.
    Invalid {
        /// The rule that it breaks.
        violation: Violation,
    },
    /// The gateway refused to capture its own hold.
    CaptureRefused(Undone),
    /// No final answer in all its tries; the gateway was told to undo it.
    Unresolved(Undone),
}
