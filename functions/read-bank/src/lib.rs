//! Reads what the bank sends: status reports, statements, notifications. Each message is kept, held whole against what we
//! know, and only then applied; what was applied before is found done. What is refused is kept with the line and the reason,
//! and is an exception.

mod report;
mod statement;

use gateways::bank::{FileError, camt, pain002};
use payments::bank_account::OwnAccounts;
use payments::failure::Unavailable;
use payments::id::Mode;
use payments::payout::message::{ReadMessage, Refused, Waiting};
use payments::ports::{
    BankIn, BankMovements, Clock, Documents, Exceptions, FindBankFile, FindPayout, LoadPayout, ReadMessages, SavePayout,
};
use payments::reconcile::{raise, refused_bank_file};
use serde::Serialize;
use serde_json::Value;

/// Messages that one run reads; the next run goes on.
const MAX_MESSAGES: usize = 200;
/// How often a payout's version is read anew because someone else saved one first.
const MAX_TRIES: u32 = 8;

/// What was read.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Response {
    /// Messages that were applied now.
    pub applied: u32,
    /// Messages that were refused now, whole.
    pub refused: u32,
}

/// What reading needs.
pub struct Ports<'a, Bank, Store, Files, Book, Bucket, Kept, System> {
    /// The bank's mailbox.
    pub bank: &'a Bank,
    /// Payouts.
    pub payouts: &'a Store,
    /// Files that we sent.
    pub files: &'a Files,
    /// What was read, and the movements that are no payout's.
    pub read: &'a Book,
    /// Where messages are kept.
    pub documents: &'a Bucket,
    /// Exceptions: a message that was refused is one.
    pub exceptions: &'a Kept,
    /// Our own accounts.
    pub accounts: &'a OwnAccounts,
    /// The clock.
    pub clock: &'a System,
}

/// Why a run broke off; the next one goes on.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the state machine sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// A table, the bucket or the bank did not answer.
    #[error("the bank was not read to the end")]
    StoreUnavailable(#[from] Unavailable),
}
payments::failure!(Error, ErrorName, transient: [StoreUnavailable], permanent: []);

/// Why a message was not applied.
pub(crate) enum NotApplied {
    /// It is wrong, whole.
    Refused(FileError),
    /// Something of ours did not answer.
    Unavailable(Unavailable),
}

impl From<FileError> for NotApplied {
    fn from(error: FileError) -> Self {
        Self::Refused(error)
    }
}

impl From<Unavailable> for NotApplied {
    fn from(failure: Unavailable) -> Self {
        Self::Unavailable(failure)
    }
}

/// Reads what waits, oldest first. The caller's own input says nothing that matters.
pub async fn handle<Bank, Store, Files, Book, Bucket, Kept, System>(
    ports: &Ports<'_, Bank, Store, Files, Book, Bucket, Kept, System>,
    _schedule: Value,
) -> Result<Response, Error>
where
    Bank: BankIn,
    Store: LoadPayout + SavePayout + FindPayout,
    Files: FindBankFile,
    Book: ReadMessages + BankMovements,
    Bucket: Documents,
    Kept: Exceptions,
    System: Clock,
{
    let mut response = Response::default();
    for waiting in ports.bank.waiting().await? {
        if response.applied + response.refused >= MAX_MESSAGES as u32 {
            break;
        }
        let message = match ports.read.read_message(&waiting.id).await? {
            Some(message) => message,
            None => {
                let message = read(ports, waiting).await?;
                let count = if message.refused.is_some() { &mut response.refused } else { &mut response.applied };
                *count += 1;
                message
            }
        };
        // It follows from what is kept of the message: a run that broke off in between is made good by the next.
        if let Some(exception) = refused_bank_file(mode(ports.accounts), &message) {
            raise(ports.exceptions, &exception).await?;
        }
    }
    Ok(response)
}

/// The mailbox is one for both worlds, and what cannot be read does not say which it means: real money, if we have any there.
fn mode(accounts: &OwnAccounts) -> Mode {
    if accounts.iter().any(|own| own.mode == Mode::Live) { Mode::Live } else { Mode::Test }
}

/// Reads a message, applies it unless it is refused, and keeps what became of it.
async fn read<Bank, Store, Files, Book, Bucket, Kept, System>(
    ports: &Ports<'_, Bank, Store, Files, Book, Bucket, Kept, System>,
    waiting: Waiting,
) -> Result<ReadMessage, Error>
where
    Bank: BankIn,
    Store: LoadPayout + SavePayout + FindPayout,
    Files: FindBankFile,
    Book: ReadMessages + BankMovements,
    Bucket: Documents,
    System: Clock,
{
    let bytes = ports.bank.fetch(&waiting.id).await?;
    let key = format!("in/{}-{}.xml", waiting.id, waiting.kind);
    ports.documents.put_document(&key, "application/xml", &bytes).await?;
    let applied = match waiting.kind.as_str() {
        pain002::MESSAGE => report::apply(ports, &waiting, &bytes).await,
        camt::STATEMENT | camt::NOTIFICATION => statement::apply(ports, &waiting, &bytes).await,
        // A return message says what the notification and the statement beside it say as well.
        kind if kind.starts_with("pacs.004.") => Ok(()),
        kind => Err(FileError::new(1, format!("{kind} is no message that we read")).into()),
    };
    let Waiting { id: message_id, kind } = waiting;
    let refused = match applied {
        Ok(()) => None,
        Err(NotApplied::Refused(FileError { line, reason })) => {
            tracing::error!(target: "florin", message_id, kind, line, reason, "a message of the bank was refused");
            Some(Refused { line, reason })
        }
        Err(NotApplied::Unavailable(failure)) => return Err(failure.into()),
    };
    let message = ReadMessage { message_id, kind, read_at: ports.clock.now(), refused };
    Ok(ports.read.close_message(&message).await?)
}

/// Claims the names in a message; one that another message had means that it was seen before.
pub(crate) async fn claim(
    book: &impl ReadMessages,
    name: &str,
    waiting: &Waiting,
    line: usize,
) -> Result<(), NotApplied> {
    if book.claim_name(name, &waiting.id).await? {
        return Ok(());
    }
    Err(FileError::new(line, format!("{name} was seen before, in another message")).into())
}
