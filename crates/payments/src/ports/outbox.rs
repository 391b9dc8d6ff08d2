//! What tables remember of what their streams lost.

use crate::failure::Unavailable;
use crate::outbox::{Key, Outbox, Stretch, Subject};

/// A page of a whole table.
#[derive(Debug)]
pub struct OutboxPage {
    /// Its items, in no order that means anything.
    pub subjects: Vec<Subject>,
    /// After which of them the next page begins; `None` if nothing is left.
    pub last: Option<Key>,
}

/// Goes over everything in such a table, whoever owns it.
pub trait ScanOutbox {
    /// At most `limit` items behind `after`, each as it is now.
    async fn scan(&self, table: Outbox, after: Option<&Key>, limit: usize) -> Result<OutboxPage, Unavailable>;
}

/// Puts stretches of time that are not told again yet before those who do that.
pub trait Stretches {
    /// Brings the stretch, at least once.
    async fn enqueue(&self, stretch: &Stretch) -> Result<(), Unavailable>;
}
