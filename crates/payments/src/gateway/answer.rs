//! What a gateway answers to each order, and the two ways in which there is no answer.

use super::{Checks, DeclineCode};
use serde::{Deserialize, Serialize};

/// A gateway's answer to a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drafted {
    /// It stands.
    Ready {
        /// The gateway's name for it, and for the hold that comes of it.
        reference: String,
    },
    /// It does not take such an order, now or later, whatever the card: nothing is held, and it is no failure of the gateway's.
    NotTaken {
        /// Why, in a word of the gateway's.
        reason: String,
    },
    /// Nobody would hold anything on this card.
    Declined {
        /// Why.
        code: DeclineCode,
    },
}

/// An issuer's answer to an authorisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authorization {
    /// A hold was placed.
    Approved {
        /// The gateway's name for it.
        reference: String,
        /// What the issuer checked.
        checks: Checks,
    },
    /// The issuer said no.
    Declined {
        /// Why.
        code: DeclineCode,
    },
    /// The issuer wants the cardholder to authenticate first: until then nothing is held.
    ActionRequired {
        /// The gateway's name for what waits.
        reference: String,
        /// The page that asks them, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
}

/// A gateway's answer to a capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureAnswer {
    /// The money is taken.
    Captured {
        /// The gateway's name for the capture.
        reference: String,
    },
    /// The hold is gone or too small: nothing was taken and nothing will be.
    Refused,
}

/// A gateway's answer to a void.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoidAnswer {
    /// Nothing is held any more, or nothing ever was; and nothing will be under the voided key.
    Voided,
    /// More was taken than the order knows of: a capture cannot be voided.
    AlreadyCaptured {
        /// The gateway's name for the capture.
        reference: String,
    },
}

/// A gateway's answer to a refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundAnswer {
    /// The money is on its way back.
    Refunded {
        /// The gateway's name for the refund.
        reference: String,
    },
    /// Nothing was given back and nothing will be.
    Refused,
}

/// What a gateway says when asked for the effect of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It authorised, or declined to.
    Authorized(Authorization),
    /// It captured, or refused to.
    Captured(CaptureAnswer),
    /// It voided, or could not.
    Voided(VoidAnswer),
    /// It gave money back, or refused to.
    Refunded(RefundAnswer),
}

/// No answer. The difference between the two decides whether money can be lost.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NoAnswer {
    /// The order certainly had no effect: it was refused before it was read, or never left.
    #[error("the gateway did not take the order: {0}")]
    Unavailable(String),
    /// The order may or may not have had its effect.
    #[error("the gateway's answer was lost: {0}")]
    Unknown(String),
}
