//! The stages of a payment's life. Each is a struct with only its own fields; a transition consumes it.
//!
//! ```text
//! Created ─> Authorizing ─> Authorized ─┬─> Capturing ─> Captured ─> Succeeded
//!    │            │                     ├─> RequiresCapture, InReview (at rest)
//!    └─> Failed   ├─> Declined          └─> Voiding ─> Declined, Failed, Canceled
//!                 └─> Voiding (never resolved)
//! ```
//! `Authorizing`, `Capturing` and `Voiding` are intents: written before the gateway is called, so that whoever comes
//! next, at once or after a crash, sees that the call may have been made.

use crate::fraud::{Decision, RiskReason, Screening};
use crate::gateway::{Checks, DeclineCode, GatewayName, GatewayOperation};
use crate::settlement::Settlement;
use crate::timestamp::Timestamp;
use crate::validation::Violation;
use serde::{Deserialize, Serialize};

/// A placed hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who holds it.
    pub gateway: GatewayName,
    /// The attempt whose key placed it.
    pub attempt: u32,
    /// The gateway's name for it.
    pub reference: String,
    /// What the issuer checked.
    #[serde(default)]
    pub checks: Checks,
}

/// A capture that took effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// The attempt whose key took the money.
    pub attempt: u32,
    /// The gateway's name for it.
    pub reference: String,
    /// When we learnt of it.
    pub at: Timestamp,
}

/// Recorded; nobody outside was asked for anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {}

/// Intent: a hold may exist at the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorizing {
    /// Who was or will be asked.
    pub gateway: GatewayName,
    /// The attempt of the key.
    pub attempt: u32,
}

/// The hold stands; the risk side has not spoken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorized {
    /// The hold.
    pub hold: Hold,
}

/// Intent: the risk side approved, the money may have been taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capturing {
    /// The hold.
    pub hold: Hold,
    /// The approval.
    pub screening: Screening,
    /// The attempt of the capture's key.
    pub attempt: u32,
}

/// The money is taken; what the merchant is owed is not yet worked out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// The hold.
    pub hold: Hold,
    /// The approval.
    pub screening: Screening,
    /// The capture.
    pub capture: Capture,
}

/// Intent: the hold may have been let go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voiding {
    /// Who holds it.
    pub gateway: GatewayName,
    /// The attempt of the authorisation to undo.
    pub hold_attempt: u32,
    /// The hold, where its placing was ever confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// What the risk side had said, if it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screening: Option<Screening>,
    /// Why it is undone; decides where the payment ends.
    pub because: VoidReason,
}

/// Why a hold is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoidReason {
    /// The risk side declined: the payment ends declined.
    Risk,
    /// The gateway refused to capture: the payment ends failed.
    CaptureRefused,
    /// It waited too long for the merchant: the payment ends canceled.
    Expired,
    /// Its outcome could not be learnt in all its tries: the payment ends failed.
    Unresolved,
}

/// At rest until the merchant captures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiresCapture {
    /// The hold.
    pub hold: Hold,
    /// The approval.
    pub screening: Screening,
}

/// At rest until a person decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InReview {
    /// The hold.
    pub hold: Hold,
    /// Why it is looked at.
    pub screening: Screening,
}

/// Terminal: captured, with its settlement instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succeeded {
    /// The hold.
    pub hold: Hold,
    /// The approval.
    pub screening: Screening,
    /// The capture.
    pub capture: Capture,
    /// What the merchant is owed.
    pub settlement: Settlement,
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
    /// Our risk side, after a hold that was let go.
    Risk {
        /// The rules that spoke.
        reasons: Vec<RiskReason>,
    },
}

/// Terminal: undone before any money was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canceled {
    /// Why.
    pub because: VoidReason,
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
    CaptureRefused,
    /// No final answer in all its tries; the gateway was told to undo it.
    Unresolved,
}

/// A stage, for storage. Every reader matches it exhaustively.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, strum::EnumDiscriminants)]
#[serde(tag = "name", rename_all = "snake_case")]
#[strum_discriminants(name(StageName))]
#[strum_discriminants(derive(Serialize, Deserialize, strum::Display, strum::EnumIter, PartialOrd, Ord))]
#[strum_discriminants(serde(rename_all = "snake_case"), strum(serialize_all = "snake_case"))]
#[strum_discriminants(doc = "A stage's name, as stored and as handed to the workflow.")]
#[strum_discriminants(allow(missing_docs, reason = "each variant is the struct of its name"))]
#[allow(missing_docs, reason = "each variant is the struct of its name")]
pub enum Stage {
    Created(Created),
    Authorizing(Authorizing),
    Authorized(Authorized),
    Capturing(Capturing),
    Captured(Captured),
    Voiding(Voiding),
    RequiresCapture(RequiresCapture),
    InReview(InReview),
    Succeeded(Succeeded),
    Declined(Declined),
    Canceled(Canceled),
    Failed(Failed),
}

impl Created {
    /// The intent to ask `gateway` for a hold.
    pub fn authorize(self, gateway: GatewayName) -> Authorizing {
        Authorizing { gateway, attempt: 1 }
    }

    /// The end of a payment that must not be tried.
    pub fn refuse(self, violation: Violation) -> Failed {
        Failed::Invalid { violation }
    }
}

impl Authorizing {
    /// The gateway placed the hold.
    pub fn approve(self, reference: String, checks: Checks) -> Authorized {
        Authorized { hold: Hold { gateway: self.gateway, attempt: self.attempt, reference, checks } }
    }

    /// The issuer said no.
    pub fn decline(self, code: DeclineCode) -> Declined {
        Declined::Issuer { gateway: self.gateway, code }
    }

    /// No answer in all its tries: undo whatever there is.
    pub fn give_up(self) -> Voiding {
        let Self { gateway, attempt } = self;
        Voiding { gateway, hold_attempt: attempt, hold: None, screening: None, because: VoidReason::Unresolved }
    }
}

impl Authorized {
    /// What the risk side's decision makes of the hold.
    pub fn screened(self, screening: Screening, capture_at_once: bool) -> Stage {
        let hold = self.hold;
        match screening.decision {
            Decision::Approve if capture_at_once => Stage::Capturing(Capturing { hold, screening, attempt: 1 }),
            Decision::Approve => Stage::RequiresCapture(RequiresCapture { hold, screening }),
            Decision::Review => Stage::InReview(InReview { hold, screening }),
            Decision::Decline => Stage::Voiding(hold.void(Some(screening), VoidReason::Risk)),
        }
    }
}

impl Hold {
    /// The intent to let it go.
    pub fn void(self, screening: Option<Screening>, because: VoidReason) -> Voiding {
        Voiding { gateway: self.gateway.clone(), hold_attempt: self.attempt, hold: Some(self), screening, because }
    }
}

impl Capturing {
    /// The gateway took the money.
    pub fn captured(self, reference: String, at: Timestamp) -> Captured {
        let Self { hold, screening, attempt } = self;
        Captured { hold, screening, capture: Capture { attempt, reference, at } }
    }

    /// The gateway refused: let the hold go.
    pub fn refused(self) -> Voiding {
        self.hold.void(Some(self.screening), VoidReason::CaptureRefused)
    }
}

impl Captured {
    /// The merchant's claim is worked out.
    pub fn settled(self, settlement: Settlement) -> Succeeded {
        let Self { hold, screening, capture } = self;
        Succeeded { hold, screening, capture, settlement }
    }
}

impl Voiding {
    /// Nothing is held any more.
    pub fn voided(self) -> Stage {
        match self.because {
            VoidReason::Risk => {
                let reasons = self.screening.map(|screening| screening.reasons).unwrap_or_default();
                Stage::Declined(Declined::Risk { reasons })
            }
            VoidReason::CaptureRefused => Stage::Failed(Failed::CaptureRefused),
            VoidReason::Unresolved => Stage::Failed(Failed::Unresolved),
            VoidReason::Expired => Stage::Canceled(Canceled { because: VoidReason::Expired }),
        }
    }

    /// The capture whose answer was lost had taken the money: the payment goes on from there. `None` if we never meant
    /// to capture: then the gateway contradicts us, and a person has to look.
    pub fn already_captured(self, reference: String, at: Timestamp) -> Option<Captured> {
        let (hold, screening) = (self.hold?, self.screening?);
        (screening.decision == Decision::Approve).then_some(Captured {
            hold,
            screening,
            capture: Capture { attempt: 1, reference, at },
        })
    }
}

impl Stage {
    /// The gateway call that may be under way, with its attempt.
    pub fn open_call(&self) -> Option<(GatewayOperation, u32)> {
        match self {
            Self::Authorizing(stage) => Some((GatewayOperation::Authorize, stage.attempt)),
            Self::Capturing(stage) => Some((GatewayOperation::Capture, stage.attempt)),
            Self::Voiding(_) => Some((GatewayOperation::Void, 1)),
            Self::Created(_)
            | Self::Authorized(_)
            | Self::Captured(_)
            | Self::RequiresCapture(_)
            | Self::InReview(_)
            | Self::Succeeded(_)
            | Self::Declined(_)
            | Self::Canceled(_)
            | Self::Failed(_) => None,
        }
    }
}
