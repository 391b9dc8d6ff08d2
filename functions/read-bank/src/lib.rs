//! Reads what the bank sends: status reports, statements, notifications. Each message is kept, held whole against what we
//! know, and only then applied; what was applied before is found done. What is refused is kept with the line and the reason.

mod report;
mod statement;

use gateways::bank::{FileError, camt, pain002};
use payments::bank_account::OwnAccounts;
use payments::failure::Unavailable;
use payments::payout::message::{ReadMessage, Refused, Waiting};
use payments::ports::{
    BankIn, BankMovements, Clock, Documents, FindBankFile, FindPayout, LoadPayout, ReadMessages, SavePayout,
};
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
pub struct Ports<'a, Bank, Store, Files, Book, Bucket, System> {
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
pub async fn handle<Bank, Store, Files, Book, Bucket, System>(
    ports: &Ports<'_, Bank, Store, Files, Book, Bucket, System>,
    _schedule: Value,
) -> Result<Response, Error>
where
    Bank: BankIn,
    Store: LoadPayout + SavePayout + FindPayout,
    Files: FindBankFile,
    Book: ReadMessages + BankMovements,
    Bucket: Documents,
    System: Clock,
{
    let mut response = Response::default();
    for waiting in ports.bank.waiting().await? {
        if response.applied + response.refused >= MAX_MESSAGES as u32 {
            break;
        }
        if ports.read.read_message(&waiting.id).await?.is_some() {
            continue;
        }
        let refused = read(ports, &waiting).await?;
        match &refused {
            None => response.applied += 1,
            Some(Refused { line, reason }) => {
                response.refused += 1;
                let (message_id, kind) = (&waiting.id, &waiting.kind);
                tracing::error!(target: "florin", message_id, kind, line, reason, "a message of the bank was refused");
            }
        }
        let Waiting { id: message_id, kind } = waiting;
        ports.read.close_message(&ReadMessage { message_id, kind, read_at: ports.clock.now(), refused }).await?;
    }
    Ok(response)
}

async fn read<Bank, Store, Files, Book, Bucket, System>(
    ports: &Ports<'_, Bank, Store, Files, Book, Bucket, System>,
    waiting: &Waiting,
) -> Result<Option<Refused>, Error>
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
        pain002::MESSAGE => report::apply(ports, waiting, &bytes).await,
        camt::STATEMENT | camt::NOTIFICATION => statement::apply(ports, waiting, &bytes).await,
        // A return message says what the notification and the statement beside it say as well.
        kind if kind.starts_with("pacs.004.") => Ok(()),
        kind => Err(FileError::new(1, format!("{kind} is no message that we read")).into()),
    };
    match applied {
        Ok(()) => Ok(None),
        Err(NotApplied::Refused(FileError { line, reason })) => Ok(Some(Refused { line, reason })),
        Err(NotApplied::Unavailable(failure)) => Err(failure.into()),
    }
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
