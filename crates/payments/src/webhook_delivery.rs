//! A delivery: one event on its way to one endpoint. Each attempt is written down before it is made, so that no crash and
//! no second worker makes more of them than the schedule has.

use crate::id::{DeliveryId, EndpointId, MerchantId, Mode, Owner};
use crate::timestamp::Timestamp;
use crate::webhook::Health;
use crate::webhook_event::Notice;
use serde::{Deserialize, Serialize};

/// Seconds from a failed attempt to the next: three days in all. Up to a fifth is added by chance.
pub const WAITS: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Attempts of one round; a redelivery begins another.
pub const MAX_ATTEMPTS: usize = WAITS.len() + 1;
/// Attempts that a delivery remembers, over all rounds.
pub const KEPT_ATTEMPTS: usize = 30;
/// A round is over after so long, also for an endpoint that was left alone most of the time: four days.
pub const ROUND_SECONDS: i64 = 4 * 24 * 60 * 60;
/// How long a delivery is kept: 30 days.
pub const KEPT_SECONDS: i64 = 30 * 24 * 60 * 60;
/// How long an attempt belongs to the one who began it: it takes 10 s at most.
pub const LEASE_SECONDS: i64 = 60;
/// The longest wait that is left to the queue (its quota); a longer one ends when the index of due deliveries is read.
pub const QUEUE_SECONDS: i64 = 15 * 60;
/// How long after its time a queued attempt is taken to be lost.
pub const GRACE_SECONDS: i64 = 5 * 60;
/// Partitions of the index of due deliveries.
pub const DUE_SHARDS: u8 = 8;
/// Clocks of two machines may differ by so much.
const SLACK_MILLIS: i64 = 1_000;

/// Where a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// There will be an attempt.
    Pending,
    /// The endpoint took the event.
    Delivered,
    /// There will be no attempt, unless a redelivery is asked for.
    Failed,
}

/// Why there will be no attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GivenUp {
    /// The schedule is used up.
    AttemptsUsedUp,
    /// The endpoint is switched off.
    EndpointDisabled,
    /// The endpoint is no more.
    EndpointDeleted,
}

/// Why an attempt had no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AttemptError {
    /// The name has no address.
    NameNotResolved,
    /// The name has an address that is not of the public internet.
    AddressRefused,
    /// The URL breaks a rule that it once kept.
    UrlRefused,
    /// No connection, or no trust in the certificate.
    ConnectionFailed,
    /// No answer in time.
    TimedOut,
    /// Something came that is no HTTP.
    BrokenAnswer,
    /// The one who made the attempt was stopped: nobody knows what came of it.
    Interrupted,
}

/// What came of an attempt: the status of the answer, or why there is none.
pub type Outcome = Result<u16, AttemptError>;

/// Whether the endpoint took the event: 2xx, and nothing else.
pub fn is_taken(outcome: Outcome) -> bool {
    matches!(outcome, Ok(200..=299))
}

/// What the outcome says about the endpoint.
pub fn health(outcome: Outcome) -> Health {
    match outcome {
        Ok(200..=299) => Health::Good,
        Ok(_) | Err(AttemptError::UrlRefused | AttemptError::AddressRefused | AttemptError::BrokenAnswer) => {
            Health::Refused
        }
        Err(
            AttemptError::NameNotResolved
            | AttemptError::ConnectionFailed
            | AttemptError::TimedOut
            | AttemptError::Interrupted,
        ) => Health::Silent,
    }
}

/// One attempt. It has a status or an error once it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// The answer's status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<AttemptError>,
}

impl Attempt {
    fn is_open(&self) -> bool {
        self.status.is_none() && self.error.is_none()
    }

    fn close(&mut self, outcome: Outcome) {
        match outcome {
            Ok(status) => self.status = Some(status),
            Err(error) => self.error = Some(error),
        }
    }
}

/// The name of a delivery, as it travels through the queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryReference {
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// The delivery.
    pub delivery_id: DeliveryId,
}

/// One event on its way to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Where to.
    pub endpoint_id: EndpointId,
    /// Derived from event and endpoint.
    pub delivery_id: DeliveryId,
    /// 1 when opened; every save is on condition of the one before.
    pub version: u64,
    /// Whose event it is.
    pub merchant_id: MerchantId,
    /// In which world.
    pub mode: Mode,
    /// The event's id, and the webhook's.
    pub event_id: String,
    /// What happened.
    pub event_type: String,
    /// What is sent.
    pub body: String,
    /// Where the delivery is.
    pub state: DeliveryState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<GivenUp>,
    /// The latest [`KEPT_ATTEMPTS`], oldest first.
    pub attempts: Vec<Attempt>,
    /// Attempts of this round.
    pub tries: usize,
    /// When this round began.
    pub round_at: Timestamp,
    /// Before this moment nobody makes an attempt.
    pub next_at: Timestamp,
    /// When the index of due deliveries shows it; absent once it is at rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// The partition of that index; there exactly when `due_at` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_shard: Option<u8>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When the table drops it, in seconds since the epoch: DynamoDB's time to live.
    pub delete_at: i64,
}

/// Whether it is a delivery's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is at rest.
    Over,
    /// Not yet, or someone else is at it.
    Later,
    /// Now.
    Now,
}

/// What came of taking a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Save this version, then make the attempt.
    Attempt(Delivery),
    /// Save this version: the round is over.
    GivenUp(Delivery),
}

impl Delivery {
    /// The event is to be sent to that endpoint.
    pub fn open(notice: &Notice, endpoint_id: &EndpointId, now: Timestamp) -> Self {
        let delivery_id = DeliveryId::derive(endpoint_id, &notice.event_id, notice.occurred_at.as_millis());
        let delivery = Self {
            endpoint_id: endpoint_id.clone(),
            delivery_id,
            version: 1,
            merchant_id: notice.owner.merchant_id.clone(),
            mode: notice.owner.mode,
            event_id: notice.event_id.clone(),
            event_type: notice.event_type.clone(),
            body: notice.body.clone(),
            state: DeliveryState::Pending,
            given_up: None,
            attempts: Vec::new(),
            tries: 0,
            round_at: now,
            next_at: now,
            due_at: None,
            due_shard: None,
            created_at: now,
            delete_at: now.plus_seconds(KEPT_SECONDS).as_seconds(),
        };
        delivery.waiting_until(now, now)
    }

    /// Its name.
    pub fn reference(&self) -> DeliveryReference {
        DeliveryReference { endpoint_id: self.endpoint_id.clone(), delivery_id: self.delivery_id.clone() }
    }

    /// Whose event it is.
    pub fn owner(&self) -> Owner {
        Owner { merchant_id: self.merchant_id.clone(), mode: self.mode }
    }

    /// Whether an attempt may be made.
    pub fn turn(&self, now: Timestamp) -> Turn {
        match self.state {
            DeliveryState::Delivered | DeliveryState::Failed => Turn::Over,
            DeliveryState::Pending if now.as_millis() + SLACK_MILLIS < self.next_at.as_millis() => Turn::Later,
            DeliveryState::Pending => Turn::Now,
        }
    }

    /// After how many seconds the queue is to bring it, if that is the queue's task.
    pub fn queue_delay(&self, now: Timestamp) -> Option<u16> {
        let millis = (self.next_at.as_millis() - now.as_millis()).max(0);
        let seconds = u16::try_from(millis.saturating_add(999) / 1000).ok()?;
        (self.state == DeliveryState::Pending && i64::from(seconds) <= QUEUE_SECONDS).then_some(seconds)
    }

    /// Takes the turn: the attempt is written down before it is made.
    pub fn claim(&self, now: Timestamp) -> Claim {
        let mut next = self.next_version();
        if let Some(last) = next.attempts.last_mut().filter(|last| last.is_open()) {
            last.close(Err(AttemptError::Interrupted));
        }
        if next.tries >= MAX_ATTEMPTS || next.round_at.plus_seconds(ROUND_SECONDS) <= now {
            return Claim::GivenUp(next.resting(DeliveryState::Failed, Some(GivenUp::AttemptsUsedUp)));
        }
        if next.attempts.len() >= KEPT_ATTEMPTS {
            next.attempts.remove(0);
        }
        next.attempts.push(Attempt { at: now, status: None, error: None });
        next.tries += 1;
        let lease = now.plus_seconds(LEASE_SECONDS);
        next.next_at = lease;
        next.due(lease);
        Claim::Attempt(next)
    }

    /// What came of the attempt that this version wrote down; `chance` spreads the next one.
    pub fn settle(&self, outcome: Outcome, now: Timestamp, chance: u64) -> Self {
        let mut next = self.next_version();
        if let Some(last) = next.attempts.last_mut() {
            last.close(outcome);
        }
        if is_taken(outcome) {
            return next.resting(DeliveryState::Delivered, None);
        }
        match WAITS.get(next.tries.saturating_sub(1)) {
            Some(wait) => next.waiting_until(now.plus_seconds(wait + spread(wait / 5, chance)), now),
            None => next.resting(DeliveryState::Failed, Some(GivenUp::AttemptsUsedUp)),
        }
    }

    /// Its endpoint rests until then: no attempt is made, and none is counted.
    pub fn defer(&self, until: Timestamp, now: Timestamp, chance: u64) -> Self {
        let spread = spread(crate::webhook::REST_SECONDS, chance);
        self.next_version().waiting_until(until.plus_seconds(spread), now)
    }

    /// There is nobody to send it to.
    pub fn give_up(&self, why: GivenUp) -> Self {
        let mut next = self.next_version();
        if let Some(last) = next.attempts.last_mut().filter(|last| last.is_open()) {
            last.close(Err(AttemptError::Interrupted));
        }
        next.resting(DeliveryState::Failed, Some(why))
    }

    /// It is past its time and goes into the queue: the index shows it again only if the queue loses it.
    pub fn hand_over(&self, now: Timestamp) -> Self {
        let mut next = self.next_version();
        next.due(now.plus_seconds(GRACE_SECONDS));
        next
    }

    /// The merchant asks for it now. At rest, a new round begins; while it waits, the wait ends; an attempt under way goes
    /// on.
    pub fn again(&self, now: Timestamp) -> Self {
        let mut next = self.next_version();
        if self.state == DeliveryState::Pending {
            let under_way = self.attempts.last().is_some_and(Attempt::is_open);
            return if under_way { self.clone() } else { next.waiting_until(now, now) };
        }
        next.state = DeliveryState::Pending;
        next.given_up = None;
        next.tries = 0;
        next.round_at = now;
        next.delete_at = now.plus_seconds(KEPT_SECONDS).as_seconds();
        next.waiting_until(now, now)
    }

    fn next_version(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    fn waiting_until(mut self, next_at: Timestamp, now: Timestamp) -> Self {
        self.next_at = next_at;
        // What the queue brings, the index shows only once it is late.
        let queued = self.queue_delay(now).is_some();
        self.due(if queued { next_at.plus_seconds(GRACE_SECONDS) } else { next_at });
        self
    }

    fn due(&mut self, at: Timestamp) {
        let byte = u8::from_str_radix(&self.delivery_id.as_str()[34..], 16).unwrap_or_default();
        self.due_at = Some(at);
        self.due_shard = Some(byte % DUE_SHARDS);
    }

    fn resting(mut self, state: DeliveryState, given_up: Option<GivenUp>) -> Self {
        self.state = state;
        self.given_up = given_up;
        self.due_at = None;
        self.due_shard = None;
        self
    }
}

/// From 0 to `most`, by chance.
fn spread(most: i64, chance: u64) -> i64 {
    let most = u64::try_from(most).unwrap_or_default();
    i64::try_from(chance % (most + 1)).unwrap_or_default()
}

#[cfg(test)]
#[path = "webhook_delivery_tests.rs"]
mod tests;
