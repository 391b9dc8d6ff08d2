//! Reconciliation: three books of a day, and what differs.

use super::Saved;
use crate::failure::Unavailable;
use crate::gateway::GatewayName;
use crate::id::Mode;
use crate::ledger::{Account, JournalEntry};
use crate::reconcile::{BankCredit, Book, Day, DayRecord, Exception, ExceptionId};

/// Reads the journal by account and day.
pub trait LedgerDay {
    /// Every entry that moves the account and whose event happened on that day, in UTC.
    async fn entries(&self, account: &Account, day: Day) -> Result<Vec<JournalEntry>, Unavailable>;
}

/// Money that came to our bank account, and whose it is if that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credited {
    /// The gateway that paid it.
    pub gateway: Option<GatewayName>,
    /// The line of the statement.
    pub credit: BankCredit,
}

/// Reads bank statements by day.
pub trait BankDay {
    /// Every credit that the bank booked on that day, but for payouts that came back.
    async fn credits(&self, mode: Mode, day: Day) -> Result<Vec<Credited>, Unavailable>;
}

/// Keeps exceptions.
pub trait Exceptions {
    /// The exception as it is now.
    async fn exception(&self, book: &Book, id: &ExceptionId) -> Result<Option<Exception>, Unavailable>;
    /// Stores the exception on condition that the stored revision is the one before; revision 1: that there is none.
    async fn save_exception(&self, exception: &Exception) -> Result<Saved, Unavailable>;
}

/// Keeps reconciled days beside their exceptions.
pub trait Reconciliations: Exceptions {
    /// The record of that day.
    async fn day(&self, book: &Book, day: Day) -> Result<Option<DayRecord>, Unavailable>;
    /// The latest day that has a record, and is reconciled.
    async fn latest_day(&self, book: &Book) -> Result<Option<Day>, Unavailable>;
    /// Stores the record over whatever is there.
    async fn save_day(&self, record: &DayRecord) -> Result<(), Unavailable>;
    /// Every exception of the book, the oldest first.
    async fn exceptions(&self, book: &Book) -> Result<Vec<Exception>, Unavailable>;
}

/// Keeps reports for people and programs.
pub trait StoreReport {
    /// Stores the text under that name, over whatever is there.
    async fn store_report(&self, name: &str, media_type: &str, text: &str) -> Result<(), Unavailable>;
}
