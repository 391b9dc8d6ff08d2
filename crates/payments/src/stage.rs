//! The stages of a payment's life. Each is a struct with only its own fields; a transition consumes it.
//!
//! ```text
//! Created ─> Authorizing ─> Authorized ─┬─> Capturing ─> Captured ─┬─> Succeeded <─> Refunding
//!    │         │  ^  │                   │       ^                   └─> RequiresCapture (several captures)
//!    └─> Failed│  │  ├─> Declined        ├─> RequiresCapture, InReview (at rest: capture, cancel, review, expiry)
//!              │  │  └─> Voiding ┐       └─> Voiding ─> Declined, Failed, Canceled
//!              v  │              └ (never resolved, never authenticated)  └─> Succeeded (the rest of a captured hold)
//!          Authenticating (at rest: confirm, cancel, the gateway's word, expiry)
//! ```
//! `Authorizing`, `Capturing`, `Voiding` and `Refunding` are intents: written before the gateway is called, so that
//! whoever comes next, at once or after a crash, sees that the call may have been made, and no other can begin.

mod end;

pub use end::{Canceled, Declined, Failed, Undone};

use crate::authentication::Authenticating;
use crate::fraud::{Decision, Screening};
use crate::gateway::{Checks, DeclineCode, GatewayName, HoldLimits};
use crate::payment::Status;
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
    #[serde(default, skip_serializing_if = "Checks::is_empty")]
    pub checks: Checks,
    /// Until when it may be captured.
    pub expires_at: Timestamp,
    /// What its gateway cannot do to it.
    #[serde(default, skip_serializing_if = "HoldLimits::is_empty")]
    pub limits: HoldLimits,
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
    /// The gateway's name for the draft of the hold, where it takes drafts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    /// It was or may have been sent more than once: that one sending did nothing says nothing of the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
}

/// The hold stands; the risk side has not spoken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorized {
    /// The hold.
    pub hold: Hold,
}

/// An approved hold: what every stage after the risk side's word knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// The hold.
    pub hold: Hold,
    /// What the risk side said.
    pub screening: Screening,
}

/// Intent: the money of the open capture may have been taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Capturing(pub Approved);

/// The money of the open capture is taken; what the merchant is owed for it is not yet worked out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Captured(pub Approved);

/// Intent: the hold, or what is left of it, may have been let go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voiding {
    /// Who holds it.
    pub gateway: GatewayName,
    /// The attempt of the authorisation to undo.
    pub hold_attempt: u32,
    /// The gateway's name for the draft of a hold whose placing was never confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    /// The hold, where its placing was ever confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// What the risk side had said, if it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screening: Option<Screening>,
    /// Why it is undone; decides where the payment ends.
    pub because: VoidReason,
    /// The attempt of the void's key: one more than captures were found by voiding.
    pub attempt: u32,
}

/// Why a hold is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoidReason {
    /// The risk side or a reviewer declined: the payment ends declined.
    Risk,
    /// The gateway refused to capture: the payment ends failed.
    CaptureRefused,
    /// The merchant canceled: the payment ends canceled.
    Requested,
    /// It waited too long for the merchant: the payment ends canceled.
    Expired,
    /// Its outcome could not be learnt in all its tries, or nobody can be asked for it: the payment ends failed.
    Unresolved,
    /// The cardholder would have to authenticate, and cannot be asked or did not come: the payment ends declined by the issuer.
    AuthenticationRequired,
}

/// At rest until the merchant captures, or captures more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequiresCapture(pub Approved);

/// At rest until a person decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InReview(pub Approved);

/// At rest: money was taken, nothing is held, each capture has its settlement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Succeeded(pub Approved);

/// Intent: the money of the open refund may have been given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Refunding(pub Approved);

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
    Authenticating(Authenticating),
    Authorized(Authorized),
    Capturing(Capturing),
    Captured(Captured),
    Voiding(Voiding),
    RequiresCapture(RequiresCapture),
    InReview(InReview),
    Succeeded(Succeeded),
    Refunding(Refunding),
    Declined(Declined),
    Canceled(Canceled),
    Failed(Failed),
}

impl Created {
    /// The intent to ask `gateway` for a hold, of which it may have a draft.
    pub fn authorize(self, gateway: GatewayName, attempt: u32, draft: Option<String>) -> Authorizing {
        Authorizing { gateway, attempt, draft, repeated: false }
    }

    /// The end of a payment that must not be tried.
    pub fn refuse(self, violation: Violation) -> Failed {
        Failed::Invalid { violation }
    }
}

impl Authorizing {
    /// The intent to send the same order again.
    pub fn again(self) -> Self {
        Self { repeated: true, ..self }
    }

    /// The intent to ask another gateway, after this one certainly placed no hold.
    pub fn elsewhere(self, gateway: GatewayName, attempt: u32, draft: Option<String>) -> Self {
        Self { gateway, attempt, draft, repeated: false }
    }

    /// The gateway placed the hold, within the limits of what can be done to it.
    pub fn approve(self, reference: String, checks: Checks, expires_at: Timestamp, limits: HoldLimits) -> Authorized {
        let Self { gateway, attempt, draft: _, repeated: _ } = self;
        Authorized { hold: Hold { gateway, attempt, reference, checks, expires_at, limits } }
    }

    /// The issuer said no.
    pub fn decline(self, code: DeclineCode) -> Declined {
        Declined::Issuer { gateway: self.gateway, code }
    }

    /// No answer in all its tries, or nobody to ask for it: undo whatever there is.
    pub fn give_up(self) -> Voiding {
        self.void(VoidReason::Unresolved)
    }

    /// The cardholder is asked to authenticate by what the gateway calls `reference`.
    pub fn ask(self, reference: String) -> Authenticating {
        Authenticating { intent: self, reference }
    }

    /// The cardholder would have to authenticate, and cannot be asked or did not come: undo what waits at the gateway.
    pub fn unauthenticated(self) -> Voiding {
        self.void(VoidReason::AuthenticationRequired)
    }

    fn void(self, because: VoidReason) -> Voiding {
        let Self { gateway, attempt: hold_attempt, draft, repeated: _ } = self;
        Voiding { gateway, hold_attempt, draft, hold: None, screening: None, because, attempt: 1 }
    }
}

impl Authorized {
    /// What the risk side's decision makes of the hold.
    pub fn screened(self, screening: Screening, capture_at_once: bool) -> Stage {
        let approved = Approved { hold: self.hold, screening };
        match approved.screening.decision {
            Decision::Approve => approved.go_on(capture_at_once),
            Decision::Review => Stage::InReview(InReview(approved)),
            Decision::Decline => Stage::Voiding(approved.void(VoidReason::Risk, 1)),
        }
    }

    /// Never screened: let the hold go.
    pub fn give_up(self) -> Voiding {
        self.hold.void(None, VoidReason::Unresolved, 1)
    }
}

impl Hold {
    fn void(self, screening: Option<Screening>, because: VoidReason, attempt: u32) -> Voiding {
        let (gateway, hold_attempt) = (self.gateway.clone(), self.attempt);
        Voiding { gateway, hold_attempt, draft: None, hold: Some(self), screening, because, attempt }
    }
}

impl Approved {
    /// Nothing stands in its way: it is captured, or waits for the merchant.
    pub fn go_on(self, capture_at_once: bool) -> Stage {
        if capture_at_once { Stage::Capturing(Capturing(self)) } else { Stage::RequiresCapture(RequiresCapture(self)) }
    }

    /// The intent to let the hold go, or what is left of it.
    pub fn void(self, because: VoidReason, attempt: u32) -> Voiding {
        self.hold.void(Some(self.screening), because, attempt)
    }
}

impl Voiding {
    /// Nothing is held any more, and nothing was ever taken.
    pub fn voided(self) -> Stage {
        let undone = Undone { hold: self.hold, screening: self.screening };
        match self.because {
            VoidReason::Risk => Stage::Declined(Declined::Risk(undone)),
            VoidReason::CaptureRefused => Stage::Failed(Failed::CaptureRefused(undone)),
            VoidReason::Unresolved => Stage::Failed(Failed::Unresolved(undone)),
            VoidReason::AuthenticationRequired => {
                let code = DeclineCode::AuthenticationRequired;
                Stage::Declined(Declined::Issuer { gateway: self.gateway, code })
            }
            because @ (VoidReason::Expired | VoidReason::Requested) => Stage::Canceled(Canceled { because, undone }),
        }
    }

    /// The gateway's name for what is undone, if it ever told.
    pub fn reference(&self) -> Option<String> {
        self.hold.as_ref().map(|hold| hold.reference.clone()).or_else(|| self.draft.clone())
    }

    /// The approved hold, for a payment of which money was taken: the payment goes on. `None` if the risk side never
    /// let it through: then the gateway contradicts us, and a person has to look.
    pub fn approved(self) -> Option<Approved> {
        Some(Approved { hold: self.hold?, screening: self.screening? })
    }
}

impl Stage {
    /// Whether the issuer holds nothing for this payment: it declined, or its cardholder did not authenticate.
    pub fn is_issuers_no(&self) -> bool {
        matches!(
            self,
            Self::Declined(Declined::Issuer { .. })
                | Self::Voiding(Voiding { because: VoidReason::AuthenticationRequired, .. })
        )
    }

    /// What was held and what the risk side said, as far as the stage knows.
    pub fn hold(&self) -> (Option<&Hold>, Option<&Screening>) {
        match self {
            Self::Capturing(Capturing(approved))
            | Self::Captured(Captured(approved))
            | Self::RequiresCapture(RequiresCapture(approved))
            | Self::InReview(InReview(approved))
            | Self::Succeeded(Succeeded(approved))
            | Self::Refunding(Refunding(approved)) => (Some(&approved.hold), Some(&approved.screening)),
            Self::Authorized(stage) => (Some(&stage.hold), None),
            Self::Voiding(stage) => (stage.hold.as_ref(), stage.screening.as_ref()),
            Self::Declined(Declined::Risk(undone))
            | Self::Canceled(Canceled { undone, .. })
            | Self::Failed(Failed::CaptureRefused(undone) | Failed::Unresolved(undone)) => {
                (undone.hold.as_ref(), undone.screening.as_ref())
            }
            Self::Created(_)
            | Self::Authorizing(_)
            | Self::Authenticating(_)
            | Self::Declined(Declined::Issuer { .. })
            | Self::Failed(Failed::Invalid { .. }) => (None, None),
        }
    }
}

impl StageName {
    /// Whether a payment may stay there.
    pub fn is_rest(self) -> bool {
        match self {
            Self::Authenticating
            | Self::RequiresCapture
            | Self::InReview
            | Self::Succeeded
            | Self::Declined
            | Self::Canceled
            | Self::Failed => true,
            Self::Created
            | Self::Authorizing
            | Self::Authorized
            | Self::Capturing
            | Self::Captured
            | Self::Voiding
            | Self::Refunding => false,
        }
    }

    /// What merchants see of it. Money that was taken stays taken while some of it is given back.
    pub fn status(self) -> Status {
        match self {
            Self::Created | Self::Authorizing | Self::Authorized | Self::Capturing | Self::Captured | Self::Voiding => {
                Status::Processing
            }
            Self::Authenticating => Status::RequiresAction,
            Self::RequiresCapture => Status::RequiresCapture,
            Self::InReview => Status::InReview,
            Self::Succeeded | Self::Refunding => Status::Succeeded,
            Self::Declined => Status::Declined,
            Self::Canceled => Status::Canceled,
            Self::Failed => Status::Failed,
        }
    }
}
