//! Why an operation is not accepted, in words for the merchant.

use super::MAX_OPERATIONS;
use crate::authentication::MAX_CONFIRMATIONS;
use crate::gateway::GatewayName;
use crate::payment::Status;
use crate::timestamp::Timestamp;

/// Why an operation is not accepted. The payment is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Something else is under way; it ends by itself.
    #[error("the payment is under way: send the request again a moment later")]
    Busy,
    /// The payment is where this cannot be done.
    #[error("the payment is {status}: expected {expected}")]
    NotPossible {
        /// Where it is.
        status: Status,
        /// What can be done there.
        expected: &'static str,
    },
    /// The hold's time is over.
    #[error("the hold expired at {0}: make a new payment")]
    HoldExpired(Timestamp),
    /// More than what is left of the hold.
    #[error("expected 1 to {left} minor units: that much of the hold is not captured yet")]
    CaptureExceedsHold {
        /// What is left.
        left: u64,
    },
    /// More than what was captured and not given back.
    #[error("expected 1 to {left} minor units: that much is captured and not refunded yet")]
    RefundExceedsCaptured {
        /// What is left.
        left: u64,
    },
    /// A part only, of a hold that its gateway captures once.
    #[error("expected true: {0} captures a hold once, and lets the rest go with it")]
    CaptureIsLast(GatewayName),
    /// A part only, at a gateway that gives back all or nothing.
    #[error("expected {whole} minor units, all of what was captured: {gateway} refunds no part of it")]
    RefundIsWhole {
        /// The gateway.
        gateway: GatewayName,
        /// What can be given back.
        whole: u64,
    },
    /// The payment's list is full.
    #[error("a payment takes at most {MAX_OPERATIONS} operations")]
    TooManyOperations,
    /// It was confirmed too often.
    #[error("a payment takes at most {MAX_CONFIRMATIONS} confirmations: look at it, or wait for its events")]
    TooManyConfirmations,
}
