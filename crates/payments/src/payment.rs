//! The payment: one record, one version per change, its history inside. No I/O: saving it on condition of its version
//! is the store's part ([`crate::ports`]).

use crate::amount::Amount;
use crate::authentication::{Authentication, RedirectUrl};
use crate::card::CardSummary;
use crate::gateway::{GatewayKey, GatewayOperation};
use crate::id::{CardFingerprint, Owner, PaymentId, TokenId};
use crate::operation::{MAX_OPERATIONS, Operation};
use crate::routing::{Facts, Routed};
use crate::stage::{Created, Failed, Stage, StageName, Undone, VoidReason};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The layout of the stored record. A reader refuses a newer one.
pub const SCHEMA: u32 = 1;
/// A payment that is under way is taken over by `sweep` this long after it was opened, and then at growing intervals.
const FIRST_DUE_SECONDS: i64 = 90;
/// The longest interval between two takeovers: one hour.
const LONGEST_DUE_SECONDS: i64 = 60 * 60;
/// How long a hold waits for the merchant: seven days, what the schemes allow for most card payments.
pub const HOLD_SECONDS: i64 = 7 * 24 * 60 * 60;
/// After so many takeovers (about six hours) a payment without a final answer is reversed.
pub const MAX_TAKEOVERS: u32 = 8;
/// The history keeps this many changes: three for each operation and ten more. Takeovers are forgotten first.
pub(crate) const MAX_HISTORY: usize = 3 * MAX_OPERATIONS + 10;
/// Partitions of the index of due payments, so that no single one takes every write.
pub const DUE_SHARDS: u8 = 8;

/// When to take the money of an approved hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CaptureMethod {
    /// At once.
    #[default]
    Automatic,
    /// When the merchant says so.
    Manual,
}

/// Who changed a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
#[allow(missing_docs, reason = "each variant is the function of its name")]
pub enum Actor {
    Api,
    Validate,
    Authorize,
    FraudCheck,
    Execute,
    Settle,
    Void,
    Refund,
    Sweep,
    HearStripe,
}

/// One line of a payment's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The version that it made.
    pub v: u32,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// The stage that the payment came to.
    pub to: StageName,
}

/// What merchants see of where a payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::Display)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("x-extensible" = true)))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// Under way; it will come to rest by itself.
    Processing,
    /// Waits for the cardholder to authenticate.
    RequiresAction,
    /// Waits for the merchant's capture.
    RequiresCapture,
    /// Waits for a person's decision.
    InReview,
    /// The money is taken.
    Succeeded,
    /// The issuer or the risk side said no.
    Declined,
    /// Undone before any money was taken.
    Canceled,
    /// Could not be carried out.
    Failed,
}

/// A card payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Derived from (merchant, mode, Idempotency-Key).
    pub payment_id: PaymentId,
    /// [`SCHEMA`] when it was written.
    pub schema: u32,
    /// 1 when opened, one more with each change; every save is on condition of the one before.
    pub version: u32,
    /// Whose it is, as `mer_...#test`: also the partition of the index by owner and time.
    pub owner: Owner,
    /// Digest of the request, 32 hexadecimal digits: the same key with another body is refused by it.
    pub request_hash: String,
    /// How much.
    #[serde(flatten)]
    pub amount: Amount,
    /// When to take it.
    pub capture_method: CaptureMethod,
    /// The card's token.
    pub token_id: TokenId,
    /// What may be shown of the card.
    pub card: CardSummary,
    /// The same for the same card.
    pub fingerprint: CardFingerprint,
    /// The merchant's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Owner and reference in one: the partition of the index by reference and time; there exactly when a reference is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_key: Option<String>,
    /// What else the merchant wants to keep with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Where the cardholder comes back to, if they have to authenticate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<RedirectUrl>,
    /// What the cardholder was asked for, if they had to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When `sweep` takes it over; absent while nothing is held and nothing is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// The partition of the index of due payments; there exactly when `due_at` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_shard: Option<u8>,
    /// How often `sweep` took it over.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub takeovers: u32,
    /// Where it is.
    pub stage: Stage,
    /// Which gateways were thought of, and what came of each; absent until one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routed: Option<Routed>,
    /// The version in which it rested first: what the request that opened it is answered, for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_rest: Option<u32>,
    /// What is and was done to it since it was approved, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<Operation>,
    /// What happened to it, oldest first.
    pub history: Vec<Change>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What opens a payment: a checked request, for an owner, with a token's card.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Derived from the owner and the client's key.
    pub payment_id: PaymentId,
    /// Whose.
    pub owner: Owner,
    /// The request's hash.
    pub request_hash: String,
    /// How much.
    pub amount: Amount,
    /// When to take it.
    pub capture_method: CaptureMethod,
    /// The card.
    pub token: crate::token::Token,
    /// The merchant's own name for it.
    pub reference: Option<String>,
    /// What else the merchant wants to keep with it.
    pub metadata: BTreeMap<String, String>,
    /// Where the cardholder comes back to, if they have to authenticate.
    pub return_url: Option<RedirectUrl>,
}

/// What `sweep` does with a payment that is past its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// Save it, then run the workflow from the start: every step does what is missing.
    Resume(Payment),
    /// Save it, then run the workflow's undo.
    Reverse(Payment),
    /// Save it: it is at its end.
    Finish(Payment),
    /// It is not due, or terminal: leave it alone.
    Nothing,
}

impl Payment {
    /// Version 1.
    pub fn open(opening: Opening, now: Timestamp) -> Self {
        let Opening { payment_id, owner, request_hash, amount, capture_method, token, .. } = opening;
        let Opening { reference, metadata, return_url, .. } = opening;
        let due_shard = due_shard(&payment_id);
        let reference_key = reference.as_ref().map(|reference| reference_key(&owner, reference));
        Self {
            payment_id,
            schema: SCHEMA,
            version: 1,
            owner,
            request_hash,
            amount,
            capture_method,
            token_id: token.token_id,
            card: token.card,
            fingerprint: token.fingerprint,
            reference,
            reference_key,
            metadata,
            return_url,
            authentication: None,
            created_at: now,
            due_at: Some(now.plus_seconds(FIRST_DUE_SECONDS)),
            due_shard: Some(due_shard),
            takeovers: 0,
            stage: Stage::Created(Created {}),
            routed: None,
            first_rest: None,
            operations: Vec::new(),
            history: vec![Change { v: 1, at: now, by: Actor::Api, to: StageName::Created }],
        }
    }

    /// The next version, at `stage`. At rest, every operation that was under way is over; what waits for people is due when
    /// its time ends, and what waits for nobody is never due.
    pub fn advance(mut self, stage: Stage, by: Actor, now: Timestamp) -> Self {
        let to = StageName::from(&stage);
        let expires_at = stage.hold().0.map(|hold| hold.expires_at);
        self.stage = stage;
        if to.is_rest() {
            let end = self.version + 1;
            self.first_rest.get_or_insert(end);
            self.operations.iter_mut().filter(|operation| operation.end.is_none()).for_each(|operation| {
                operation.end = Some(end);
            });
            let waits = matches!(to, StageName::RequiresCapture | StageName::InReview);
            let asked = self.authentication.as_ref().filter(|_| to == StageName::Authenticating);
            self.due_at = expires_at.filter(|_| waits).or(asked.map(|asked| asked.until));
            self.due_shard = self.due_at.map(|_| due_shard(&self.payment_id));
        }
        self.record(by, now)
    }

    /// The next version of a payment at rest: what begins now is taken over if it breaks off.
    pub fn begin(mut self, stage: Stage, by: Actor, now: Timestamp) -> Self {
        self.takeovers = 0;
        self.due_in(now, FIRST_DUE_SECONDS);
        self.advance(stage, by, now)
    }

    /// What to do with it now that its time may be over.
    pub fn take_over(mut self, now: Timestamp) -> Takeover {
        if self.due_at.is_none_or(|due| due > now) {
            return Takeover::Nothing;
        }
        self.takeovers += 1;
        let exponent = self.takeovers.min(16);
        self.due_in(now, (FIRST_DUE_SECONDS << exponent).min(LONGEST_DUE_SECONDS));
        let give_up = self.takeovers > MAX_TAKEOVERS;
        let stage = match self.stage.clone() {
            // Nobody told us what the cardholder did: the gateway says, and if they did not come, `authorize` undoes it.
            Stage::Authenticating(rest) => {
                let intent = Stage::Authorizing(rest.resume());
                return Takeover::Resume(self.begin(intent, Actor::Sweep, now));
            }
            Stage::RequiresCapture(rest) => self.void(rest.0, VoidReason::Expired),
            Stage::InReview(rest) => self.void(rest.0, VoidReason::Expired),
            Stage::Created(_) if give_up => {
                let failed = Stage::Failed(Failed::Unresolved(Undone::default()));
                return Takeover::Finish(self.advance(failed, Actor::Sweep, now));
            }
            Stage::Authorizing(intent) if give_up => Stage::Voiding(intent.give_up()),
            Stage::Authorized(rest) if give_up => Stage::Voiding(rest.give_up()),
            Stage::Capturing(intent) if give_up => self.void(intent.0, VoidReason::Unresolved),
            stage @ Stage::Voiding(_) => stage,
            Stage::Created(_)
            | Stage::Authorizing(_)
            | Stage::Authorized(_)
            | Stage::Capturing(_)
            | Stage::Captured(_)
            | Stage::Refunding(_) => {
                return Takeover::Resume(self.record(Actor::Sweep, now));
            }
            Stage::Succeeded(_) | Stage::Declined(_) | Stage::Canceled(_) | Stage::Failed(_) => {
                return Takeover::Nothing;
            }
        };
        Takeover::Reverse(self.advance(stage, Actor::Sweep, now))
    }

    /// The same payment, with what came of its route so far; the next version keeps it.
    pub fn routed(mut self, routed: Routed) -> Self {
        self.routed = Some(routed);
        self
    }

    /// What a merchant's rules go by.
    pub fn facts(&self) -> Facts<'_> {
        Facts { payment_id: &self.payment_id, amount: self.amount, brand: self.card.brand, first6: &self.card.first6 }
    }

    /// What merchants see of where it is.
    pub fn status(&self) -> Status {
        StageName::from(&self.stage).status()
    }

    /// The change that made that version; the latest if the history forgot.
    pub fn change(&self, version: u32) -> &Change {
        self.history.iter().find(|change| change.v == version).unwrap_or_else(|| self.latest_change())
    }

    /// When it came to that stage, by the latest step that brought it there.
    pub fn reached(&self, stage: StageName) -> Option<Timestamp> {
        let by_step = |change: &&Change| change.to == stage && change.by != Actor::Sweep;
        self.history.iter().rev().find(by_step).map(|change| change.at)
    }

    /// The gateway's key for an operation on this payment.
    pub fn gateway_key(&self, operation: GatewayOperation<'_>, attempt: u32) -> GatewayKey {
        GatewayKey::new(&self.payment_id, operation, attempt)
    }

    /// The change that made this version.
    pub fn latest_change(&self) -> &Change {
        self.history.last().expect("a payment is opened with a first change and never loses the latest")
    }

    fn record(mut self, by: Actor, now: Timestamp) -> Self {
        self.version += 1;
        let to = StageName::from(&self.stage);
        if self.history.len() == MAX_HISTORY {
            let takeover = self.history.iter().position(|change| change.by == Actor::Sweep);
            self.history.remove(takeover.unwrap_or(1));
        }
        self.history.push(Change { v: self.version, at: now, by, to });
        self
    }

    fn due_in(&mut self, now: Timestamp, seconds: i64) {
        self.due_at = Some(now.plus_seconds(seconds));
        self.due_shard = Some(due_shard(&self.payment_id));
    }
}

/// The partition of an owner's payments of that reference.
pub fn reference_key(owner: &Owner, reference: &str) -> String {
    format!("{owner}#{reference}")
}

fn due_shard(payment_id: &PaymentId) -> u8 {
    payment_id.as_str().as_bytes().last().expect("a payment id is never empty") % DUE_SHARDS
}
