//! Payments: their table, their workflow, their requests.

use crate::event::Event;
use crate::failure::Unavailable;
use crate::id::{CardFingerprint, OperationId, Owner, PaymentId};
use crate::listing::{Cursor, ListFilter};
use crate::payment::Payment;
use crate::payment_request::PaymentAnswer;
use crate::timestamp::Timestamp;

/// What came of opening a payment.
#[derive(Debug)]
pub enum Opened {
    /// It is new.
    New,
    /// A payment of that id was there: untouched, as it is now.
    Existing(Box<Payment>),
}

/// Opens payments.
pub trait OpenPayment {
    /// Stores the payment unless one of its id exists.
    async fn open(&self, payment: &Payment) -> Result<Opened, Unavailable>;
}

/// Reads payments.
pub trait LoadPayment {
    /// The latest version (strongly consistent), if there is one.
    async fn load(&self, payment_id: &PaymentId) -> Result<Option<Payment>, Unavailable>;
}

/// What came of saving a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is the latest now.
    Done,
    /// It was there already, to the letter: by an earlier sending of this very save, or by someone else's at the same moment.
    There,
    /// Someone else saved a version first; nothing was written.
    Conflict,
}

/// Saves payments.
pub trait SavePayment {
    /// Stores the payment on condition that the stored version is the one before.
    async fn save(&self, payment: &Payment) -> Result<Saved, Unavailable>;
}

/// A page of an owner's payments, and where the next one begins.
#[derive(Debug)]
pub struct Page {
    /// The payments, the newest first.
    pub payments: Vec<Payment>,
    /// After which of them the next page begins; `None` if nothing is left.
    pub next: Option<Cursor>,
}

/// Lists payments. The list may be a moment behind; each payment in it is as it is now.
pub trait ListPayments {
    /// The owner's payments that match the filter, after `after` in the list, at most `filter.limit`. A page may be
    /// short, or empty, with more to come: it stops after having looked at a bounded number of payments.
    async fn list(&self, owner: &Owner, filter: &ListFilter, after: Option<&Cursor>) -> Result<Page, Unavailable>;
}

/// Finds payments that are past their time.
pub trait DuePayments {
    /// At most `limit` payments due at or before `now`, the longest due first within each shard.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<PaymentId>, Unavailable>;
}

/// Runs the payment workflow.
pub trait Workflow {
    /// Runs the operation and returns when the run is over, or after the caller's patience; how it ended is read from
    /// the payment.
    async fn run(
        &self,
        payment_id: &PaymentId,
        operation: &OperationId,
        patience: std::time::Duration,
    ) -> Result<(), Unavailable>;
    /// Starts the operation and returns at once.
    async fn start(&self, payment_id: &PaymentId, operation: &OperationId) -> Result<(), Unavailable>;
}

/// Lets one of many callers carry a payment on.
pub trait Turns {
    /// Whether the caller is the first to ask for that payment's turn since the last one was over. It lasts that long.
    async fn take_turn(&self, payment_id: &PaymentId, lasts: std::time::Duration) -> Result<bool, Unavailable>;
}

/// Answers requests that came over Kafka.
pub trait Answers {
    /// Sends the answer, at least once.
    async fn answer(&self, answer: &PaymentAnswer) -> Result<(), Unavailable>;
}

/// Sends events to the bus and to the topic.
pub trait Events {
    /// Sends all, in order per payment. The answer has one entry per event, in their order: whether it was taken.
    async fn send(&self, events: &[Event]) -> Vec<Result<(), Unavailable>>;
}

/// Counts a card's payments.
pub trait Velocity {
    /// Counts the payment once, however often it is asked, and returns its place among those of its card at its merchant
    /// within the window before it: 1 for the first.
    async fn count(&self, owner: &Owner, card: &CardFingerprint, payment_id: &PaymentId) -> Result<u32, Unavailable>;
}
