//! The ledger: journal, blocks, balances.

use super::Saved;
use crate::currency::Currency;
use crate::failure::Unavailable;
use crate::ledger::block::{Block, Place, PlacedEntry};
use crate::ledger::{Account, BalanceKey, Dead, Delta};
use std::collections::BTreeMap;

/// Reads balances.
pub trait Balances {
    /// The account's balance by currency: debits positive, credits negative, minor units.
    async fn balances(&self, account: &Account) -> Result<BTreeMap<Currency, i64>, Unavailable>;
}

/// What came of putting an entry into the journal.
#[derive(Debug)]
pub enum EntryPut {
    /// It is there, and names the block that was wanted.
    Done,
    /// An entry of its event was there, and not as the condition wants it; nothing was written.
    Refused(Box<PlacedEntry>),
}

/// Puts entries into the journal. An entry counts only if the block that it names exists and lists it.
pub trait JournalEntries {
    /// Puts the entry unless one of its event is there.
    async fn put_entry(&self, entry: &PlacedEntry) -> Result<EntryPut, Unavailable>;
    /// Puts the entry over the one of its event, on condition that that one names the block `was`.
    async fn put_entry_over(&self, entry: &PlacedEntry, was: Place) -> Result<EntryPut, Unavailable>;
}

/// Reads the journal's blocks (strongly consistent).
pub trait LedgerBlocks {
    /// The last block of the chain, if it has one.
    async fn head(&self, chain: u32) -> Result<Option<Block>, Unavailable>;
    /// The block of that place, if it exists.
    async fn block(&self, place: Place) -> Result<Option<Block>, Unavailable>;
}

/// Commits blocks: the only writer of blocks and balances.
pub trait CommitBlock {
    /// Puts the block, unless one is at its place, and adds the changes to its partition's shards of the balances: all of
    /// it or nothing, each item once.
    async fn commit(&self, block: &Block, changes: &BTreeMap<BalanceKey<'_>, Delta>) -> Result<Saved, Unavailable>;
}

/// Takes what cannot be read, with the reason.
pub trait DeadLetters {
    /// Puts the record on its topic's dead-letter topic.
    async fn bury(&self, record: &Dead) -> Result<(), Unavailable>;
}

/// Reads balances by the days on which they are due.
pub trait DueBalances {
    /// The account's balance in that currency by due date, of all that is due until `day` (`YYYY-MM-DD`): debits
    /// positive, credits negative, minor units.
    async fn due_until(
        &self,
        account: &str,
        currency: Currency,
        day: &str,
    ) -> Result<BTreeMap<String, i64>, Unavailable>;
}

/// Knows what is posted.
pub trait PostedEvents {
    /// Whether the event's entry is in the journal for good, and its balances are changed.
    async fn is_posted(&self, event_id: &str) -> Result<bool, Unavailable>;
}
