//! What is done to an approved payment: captures, a cancel, refunds, reviews. Each is accepted by one version of the
//! payment, which is also its intent, and ends with the version in which the payment rests again; so at most one of them
//! is at the gateway at any time. The records are the operations' own idempotency.

mod refusal;

pub use refusal::Refusal;

use crate::amount::Amount;
use crate::id::{OperationId, OperationKind};
use crate::payment::{Actor, CaptureMethod, Payment};
use crate::settlement::{Deduction, Settlement};
use crate::stage::{Approved, Capturing, Refunding, Stage, StageName, VoidReason};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// The most operations that one payment takes.
pub const MAX_OPERATIONS: usize = 30;

/// An operation, as the payment keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// `pay` for the capture that is part of the payment itself; else derived from the client's key.
    pub id: OperationId,
    /// What is done.
    #[serde(flatten)]
    pub action: Action,
    /// Digest of the request, where a client asked: the same key with another body is refused by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_hash: Option<String>,
    /// The version that accepted it.
    pub v: u32,
    /// The gateway's name for its effect; there exactly when a capture or a refund took effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What the merchant is owed for a capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<Settlement>,
    /// What a refund takes away from what the merchant is owed, once it took effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deduction: Option<Deduction>,
    /// The version in which the payment rested afterwards; absent while the operation is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u32>,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// Money of the hold is taken.
    Capture {
        /// Minor units of the payment's currency.
        amount: u64,
        /// Whether the rest of the hold is let go with it.
        last: bool,
    },
    /// The hold, or what is left of it, is let go.
    Cancel,
    /// Captured money is given back.
    Refund {
        /// Minor units of the payment's currency.
        amount: u64,
        /// Why, in the merchant's eyes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<RefundReason>,
    },
    /// A person decided.
    Review {
        /// What.
        decision: ReviewDecision,
    },
    /// The gateway is asked whether the cardholder has authenticated.
    Confirm,
}

/// Why a merchant gives money back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefundReason {
    /// The customer asked for it.
    RequestedByCustomer,
    /// It was charged twice.
    Duplicate,
    /// It was not the cardholder's.
    Fraudulent,
}

/// What a reviewer decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReviewDecision {
    /// Go on.
    Approve,
    /// Let the hold go.
    Decline,
}

/// What a client asks for, checked by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Take money of the hold.
    Capture {
        /// Minor units; all that is left if absent.
        amount: Option<u64>,
        /// Whether the rest is let go with it.
        last: bool,
    },
    /// Let the hold, or the rest of it, go.
    Cancel,
    /// Give money back.
    Refund {
        /// Minor units; all that is left if absent.
        amount: Option<u64>,
        /// Why.
        reason: Option<RefundReason>,
    },
    /// Decide on a payment in review.
    Review {
        /// What.
        decision: ReviewDecision,
    },
    /// Go on with a payment whose cardholder came back.
    Confirm,
}

impl Wanted {
    /// Its kind.
    pub fn kind(self) -> OperationKind {
        match self {
            Self::Capture { .. } => OperationKind::Capture,
            Self::Cancel => OperationKind::Cancel,
            Self::Refund { .. } => OperationKind::Refund,
            Self::Review { .. } => OperationKind::Review,
            Self::Confirm => OperationKind::Confirm,
        }
    }
}

impl Operation {
    fn accepted(id: OperationId, action: Action, request_hash: Option<String>, v: u32) -> Self {
        Self { id, action, request_hash, v, reference: None, settlement: None, deduction: None, end: None }
    }

    fn capture_at_once(amount: Amount, v: u32) -> Self {
        let action = Action::Capture { amount: amount.minor(), last: true };
        Self::accepted(OperationId::pay(), action, None, v)
    }

    /// What a capture took, once it did.
    fn captured(&self) -> u64 {
        match self.action {
            Action::Capture { amount, .. } if self.reference.is_some() => amount,
            Action::Capture { .. }
            | Action::Cancel
            | Action::Refund { .. }
            | Action::Review { .. }
            | Action::Confirm => 0,
        }
    }

    /// What a refund gave back, once it did.
    fn refunded(&self) -> u64 {
        match self.action {
            Action::Refund { amount, .. } if self.reference.is_some() => amount,
            Action::Capture { .. }
            | Action::Cancel
            | Action::Refund { .. }
            | Action::Review { .. }
            | Action::Confirm => 0,
        }
    }
}

impl Payment {
    /// The operation of that id, whether under way or over.
    pub fn operation(&self, id: &OperationId) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == *id)
    }

    /// The capture that is under way, with its amount and whether it is the last.
    pub fn open_capture(&self) -> Option<(&Operation, Amount, bool)> {
        self.under_way().find_map(|operation| match operation.action {
            Action::Capture { amount, last } => Some((operation, self.minor(amount), last)),
            Action::Cancel | Action::Refund { .. } | Action::Review { .. } | Action::Confirm => None,
        })
    }

    /// The refund that is under way, with its amount.
    pub fn open_refund(&self) -> Option<(&Operation, Amount)> {
        self.under_way().find_map(|operation| match operation.action {
            Action::Refund { amount, .. } => Some((operation, self.minor(amount))),
            Action::Capture { .. } | Action::Cancel | Action::Review { .. } | Action::Confirm => None,
        })
    }

    /// What was taken in all, whether or not it is settled.
    pub fn captured(&self) -> Amount {
        self.minor(self.operations.iter().map(Operation::captured).sum())
    }

    /// What was given back in all.
    pub fn refunded(&self) -> Amount {
        self.minor(self.operations.iter().map(Operation::refunded).sum())
    }

    /// Accepts what a client asks for: the next version, which is the intent. Or says why not.
    pub fn accept(self, id: OperationId, wanted: Wanted, hash: String, now: Timestamp) -> Result<Self, Refusal> {
        if self.operations.len() >= MAX_OPERATIONS && StageName::from(&self.stage).is_rest() {
            return Err(Refusal::TooManyOperations);
        }
        let (action, stage) = match self.stage.clone() {
            Stage::Authenticating(stage) => self.accept_on_cardholder(stage, wanted)?,
            Stage::RequiresCapture(stage) => self.accept_on_hold(stage.0, wanted, now)?,
            Stage::InReview(stage) => self.accept_in_review(stage.0, wanted, now)?,
            Stage::Succeeded(stage) => self.accept_on_captured(stage.0, wanted)?,
            Stage::Declined(_) | Stage::Canceled(_) | Stage::Failed(_) => {
                return Err(self.not_possible("no operation: it is at its end"));
            }
            Stage::Created(_)
            | Stage::Authorizing(_)
            | Stage::Authorized(_)
            | Stage::Capturing(_)
            | Stage::Captured(_)
            | Stage::Voiding(_)
            | Stage::Refunding(_) => return Err(Refusal::Busy),
        };
        let v = self.version + 1;
        let mut next = self;
        let request_hash = Some(hash);
        let reviewed_to_capture = matches!((&action, &stage), (Action::Review { .. }, Stage::Capturing(_)));
        next.operations.push(Operation::accepted(id, action, request_hash, v));
        if reviewed_to_capture {
            next.operations.push(Operation::capture_at_once(next.amount, v));
        }
        Ok(next.begin(stage, Actor::Api, now))
    }

    fn accept_on_hold(&self, on: Approved, wanted: Wanted, now: Timestamp) -> Result<(Action, Stage), Refusal> {
        let left = self.amount.minor() - self.captured().minor();
        match wanted {
            Wanted::Capture { .. } if now >= on.hold.expires_at => Err(Refusal::HoldExpired(on.hold.expires_at)),
            Wanted::Capture { amount, last } => {
                let amount = amount.unwrap_or(left);
                if !(1..=left).contains(&amount) {
                    return Err(Refusal::CaptureExceedsHold { left });
                }
                let last = last || amount == left;
                if !last && on.hold.limits.one_capture {
                    return Err(Refusal::CaptureIsLast(on.hold.gateway));
                }
                Ok((Action::Capture { amount, last }, Stage::Capturing(Capturing(on))))
            }
            Wanted::Cancel => Ok((Action::Cancel, self.void(on, VoidReason::Requested))),
            Wanted::Refund { .. } | Wanted::Review { .. } | Wanted::Confirm => {
                Err(self.not_possible("capture or cancel"))
            }
        }
    }

    fn accept_in_review(&self, on: Approved, wanted: Wanted, now: Timestamp) -> Result<(Action, Stage), Refusal> {
        match wanted {
            Wanted::Review { .. } if now >= on.hold.expires_at => Err(Refusal::HoldExpired(on.hold.expires_at)),
            Wanted::Review { decision: decision @ ReviewDecision::Approve } => {
                let at_once = self.capture_method == CaptureMethod::Automatic;
                Ok((Action::Review { decision }, on.go_on(at_once)))
            }
            Wanted::Review { decision: decision @ ReviewDecision::Decline } => {
                Ok((Action::Review { decision }, self.void(on, VoidReason::Risk)))
            }
            Wanted::Cancel => Ok((Action::Cancel, self.void(on, VoidReason::Requested))),
            Wanted::Capture { .. } | Wanted::Refund { .. } | Wanted::Confirm => {
                Err(self.not_possible("review or cancel"))
            }
        }
    }

    fn accept_on_captured(&self, on: Approved, wanted: Wanted) -> Result<(Action, Stage), Refusal> {
        let left = self.captured().minor() - self.refunded().minor();
        match wanted {
            Wanted::Refund { amount, reason } => {
                let amount = amount.unwrap_or(left);
                if !(1..=left).contains(&amount) {
                    return Err(Refusal::RefundExceedsCaptured { left });
                }
                if amount < left && on.hold.limits.whole_refund {
                    return Err(Refusal::RefundIsWhole { gateway: on.hold.gateway, whole: left });
                }
                Ok((Action::Refund { amount, reason }, Stage::Refunding(Refunding(on))))
            }
            Wanted::Capture { .. } | Wanted::Cancel | Wanted::Review { .. } | Wanted::Confirm => {
                Err(self.not_possible(if left > 0 { "refund" } else { "no operation: all of it is refunded" }))
            }
        }
    }

    /// The risk side has spoken: what the payment becomes. An approval opens its capture.
    pub fn screened(mut self, stage: Stage, by: Actor, now: Timestamp) -> Self {
        if matches!(stage, Stage::Capturing(_)) {
            self.operations.push(Operation::capture_at_once(self.amount, self.version + 1));
        }
        self.advance(stage, by, now)
    }

    /// The effect of the open capture or refund, under the gateway's name, on the way to `stage`.
    pub fn took_effect(mut self, reference: String, stage: Stage, by: Actor, now: Timestamp) -> Self {
        let open = self.operations.iter_mut().find(|operation| {
            operation.end.is_none() && matches!(operation.action, Action::Capture { .. } | Action::Refund { .. })
        });
        if let Some(open) = open {
            open.reference = Some(reference);
        }
        self.advance(stage, by, now)
    }

    /// The open refund took effect under the gateway's name: the payment rests again.
    pub fn gave_back(
        mut self,
        reference: String,
        on: Approved,
        deduction: &Deduction,
        by: Actor,
        now: Timestamp,
    ) -> Self {
        for operation in self.operations.iter_mut().filter(|operation| operation.end.is_none()) {
            if let Action::Refund { .. } = operation.action {
                operation.deduction = Some(deduction.clone());
            }
        }
        self.took_effect(reference, Stage::Succeeded(crate::stage::Succeeded(on)), by, now)
    }

    /// The open capture is settled: the payment has succeeded, or waits for more captures.
    pub fn settled(mut self, on: Approved, settlement: Settlement, by: Actor, now: Timestamp) -> Self {
        let mut last = true;
        for operation in self.operations.iter_mut().filter(|operation| operation.end.is_none()) {
            if let Action::Capture { last: is_last, .. } = operation.action {
                operation.settlement = Some(settlement.clone());
                last = is_last;
            }
        }
        let stage = if last {
            Stage::Succeeded(crate::stage::Succeeded(on))
        } else {
            Stage::RequiresCapture(crate::stage::RequiresCapture(on))
        };
        self.advance(stage, by, now)
    }

    /// The intent to let go what is left of the hold.
    pub fn void(&self, on: Approved, because: VoidReason) -> Stage {
        let captures = self.operations.iter().filter(|operation| operation.captured() > 0).count();
        let attempt = u32::try_from(captures).unwrap_or(u32::MAX).saturating_add(1);
        Stage::Voiding(on.void(because, attempt))
    }

    /// What the workflow has to be run for next; nothing if the payment rests.
    pub fn next_operation(&self) -> Option<OperationId> {
        if StageName::from(&self.stage).is_rest() {
            return None;
        }
        // A review and a confirmation are steps of the payment itself.
        let of_payment = |id: &OperationId| matches!(id.kind(), OperationKind::Review | OperationKind::Confirm);
        let under_way = self.operations.iter().rev().find(|operation| operation.end.is_none());
        let own = under_way.map(|operation| operation.id.clone()).filter(|id| !of_payment(id));
        Some(match (own, &self.stage) {
            (Some(own), _) => own,
            (None, Stage::Voiding(_)) => OperationId::reverse(),
            (None, _) => OperationId::pay(),
        })
    }

    fn under_way(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(|operation| operation.end.is_none())
    }

    /// Minor units of the payment's currency. What is kept was checked against the payment's own amount.
    fn minor(&self, minor: u64) -> Amount {
        Amount::try_new(minor, self.amount.currency()).unwrap_or(self.amount)
    }

    fn not_possible(&self, expected: &'static str) -> Refusal {
        Refusal::NotPossible { status: self.status(), expected }
    }
}
