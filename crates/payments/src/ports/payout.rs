//! Payouts and the bank.

use super::Saved;
use crate::bank::BookedMovement;
use crate::currency::Currency;
use crate::failure::Unavailable;
use crate::id::{BankMovementId, Mode, Owner};
use crate::payout::bank_file::BankFile;
use crate::payout::listing::{PayoutCursor, PayoutFilter};
use crate::payout::message::{ReadMessage, Waiting};
use crate::payout::{Payout, PayoutKey};

/// Opens payouts.
pub trait OpenPayout {
    /// The owner's latest payout in that currency (strongly consistent), if there is one.
    async fn latest_payout(&self, owner: &Owner, currency: Currency) -> Result<Option<Payout>, Unavailable>;
    /// Stores the payout unless one of its number is there: then it is a conflict, and nothing is written.
    async fn open_payout(&self, payout: &Payout) -> Result<Saved, Unavailable>;
}

/// Reads payouts.
pub trait LoadPayout {
    /// The latest version (strongly consistent), if there is one.
    async fn payout(&self, key: &PayoutKey) -> Result<Option<Payout>, Unavailable>;
}

/// Saves payouts.
pub trait SavePayout {
    /// Stores the payout on condition that the stored version is the one before.
    async fn save_payout(&self, payout: &Payout) -> Result<Saved, Unavailable>;
}

/// Finds payouts that are in no file yet.
pub trait PayoutsToSend {
    /// At most `limit` of that mode and currency; a moment old.
    async fn payouts_to_send(
        &self,
        mode: Mode,
        currency: Currency,
        limit: usize,
    ) -> Result<Vec<PayoutKey>, Unavailable>;
}

/// Finds payouts by what the bank calls them.
pub trait FindPayout {
    /// The payout of that reference; a moment old.
    async fn find_payout(&self, reference: &str) -> Result<Option<PayoutKey>, Unavailable>;
}

/// A page of an owner's payouts, and where the next one begins.
#[derive(Debug)]
pub struct PayoutPage {
    /// The payouts, the newest first.
    pub payouts: Vec<Payout>,
    /// After which of them the next page begins; `None` if nothing is left.
    pub next: Option<PayoutCursor>,
}

/// Lists payouts.
pub trait ListPayouts {
    /// The owner's payouts that match the filter, after `after` in the list, at most `filter.limit`; a moment old. A page
    /// may be short, or empty, with more to come.
    async fn payouts(
        &self,
        owner: &Owner,
        filter: &PayoutFilter,
        after: Option<&PayoutCursor>,
    ) -> Result<PayoutPage, Unavailable>;
}

/// Keeps the files for the bank.
pub trait BankFiles {
    /// The latest file of that mode and currency (strongly consistent), if there is one.
    async fn latest_file(&self, mode: Mode, currency: Currency) -> Result<Option<BankFile>, Unavailable>;
    /// Stores the file unless one of its number is there: then it is a conflict, and nothing is written.
    async fn begin_file(&self, file: &BankFile) -> Result<Saved, Unavailable>;
    /// Stores that the bank has the file.
    async fn end_file(&self, file: &BankFile) -> Result<(), Unavailable>;
}

/// Finds files by what the bank calls them.
pub trait FindBankFile {
    /// The file of that name; a moment old.
    async fn find_file(&self, name: &str) -> Result<Option<BankFile>, Unavailable>;
}

/// Keeps documents, encrypted.
pub trait Documents {
    /// Stores the document under that key, over whatever is there.
    async fn put_document(&self, key: &str, media_type: &str, bytes: &[u8]) -> Result<(), Unavailable>;
}

/// What came of handing a file over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandedOver {
    /// The bank has it now.
    Taken,
    /// The bank had it already.
    SeenBefore,
}

/// Takes files to the bank.
pub trait BankOut {
    /// Hands the file over. The bank takes each name once: a second time changes nothing.
    async fn hand_over(&self, media_type: &str, bytes: &[u8]) -> Result<HandedOver, Unavailable>;
}

/// Fetches what the bank sends.
pub trait BankIn {
    /// The messages that wait, oldest first.
    async fn waiting(&self) -> Result<Vec<Waiting>, Unavailable>;
    /// The message of that name.
    async fn fetch(&self, message_id: &str) -> Result<Vec<u8>, Unavailable>;
}

/// Knows what was read of the bank.
pub trait ReadMessages {
    /// What became of the message, if it was read.
    async fn read_message(&self, message_id: &str) -> Result<Option<ReadMessage>, Unavailable>;
    /// Keeps what became of it, unless that is kept already; answers with what is kept.
    async fn close_message(&self, message: &ReadMessage) -> Result<ReadMessage, Unavailable>;
    /// Claims a name, such as a statement's, for that message: false if another message has it.
    async fn claim_name(&self, name: &str, message_id: &str) -> Result<bool, Unavailable>;
}

/// Keeps movements on our bank accounts.
pub trait BankMovements {
    /// Whether the movement is kept already.
    async fn has_movement(&self, movement_id: &BankMovementId) -> Result<bool, Unavailable>;
    /// Stores the movement unless it is there.
    async fn add_movement(&self, movement: &BookedMovement) -> Result<(), Unavailable>;
}
