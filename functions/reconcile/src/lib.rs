//! Reconciliation, day by day: reads a gateway's report, the ledger and the bank statement, keeps what does not agree as
//! exceptions, writes a report for programs and a page for people, and takes the owner's decisions. What others refused is
//! kept beside them, in our own book.

mod day;
mod document;
mod not_closed;
mod page;
mod resolve;
mod run;

pub use document::Document;

use payments::failure::Unavailable;
use payments::id::{MerchantId, Mode};
use payments::ports::{BankDay, Clock, LedgerDay, LoadPayment, Reconciliations, ReportDay, StoreReport};
use payments::reconcile::{AlreadyClosed, Book, Day, Exception, ExceptionId, ResolutionKind, TooManyOpen};
use serde::{Deserialize, Serialize};

/// What is asked. The schedule's own event asks for all days that are over.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Request {
    /// Reconcile one day again, and those after it that were reconciled before.
    Run {
        /// What to run.
        run: Run,
    },
    /// Take an owner's decision.
    Resolve {
        /// The decision.
        resolve: Decision,
    },
    /// Raise the exception of a payout that was not closed: the payout machine's last word on it.
    NotClosed {
        /// Which.
        not_closed: NotClosed,
    },
    /// Show exceptions.
    List {
        /// Which.
        list: Which,
    },
    /// The schedule's event.
    Schedule {
        /// `Scheduled Event`.
        #[serde(rename = "detail-type")]
        detail_type: String,
    },
}

/// A day to reconcile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Which; without it, all that are over and were not reconciled yet.
    #[serde(default)]
    pub day: Option<Day>,
    /// Only look, and keep nothing: the one way to look at a day that is not over.
    #[serde(default)]
    pub preview: bool,
}

/// An owner's decision on an exception.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Which.
    pub exception: ExceptionId,
    /// What.
    pub kind: ResolutionKind,
    /// Why.
    pub note: String,
    /// Who.
    pub by: String,
}

/// A payout that was not closed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotClosed {
    /// Whose.
    pub merchant_id: MerchantId,
    /// In which world.
    pub mode: Mode,
    /// Of which day.
    pub day: Day,
    /// The error's name, as Step Functions has it.
    pub error: String,
    /// What Step Functions says of its cause: of a function, its error as JSON.
    pub cause: String,
}

/// Which exceptions to show.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// In which world.
    pub mode: Mode,
    /// Closed ones too.
    #[serde(default)]
    pub all: bool,
}

/// What a run came to.
#[derive(Debug, Default, Serialize)]
pub struct Response {
    /// Each day of each book that was worked through.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<DayAnswer>,
    /// The exceptions that were asked for, or the one that was decided on or raised.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<Exception>,
}

/// What a day came to.
#[derive(Debug, Serialize)]
pub struct DayAnswer {
    /// The same as in the stored document.
    #[serde(flatten)]
    pub document: Document,
    /// The document's name among the stored reports.
    pub document_name: String,
    /// The page's name.
    pub page_name: String,
}

/// Why nothing was done, or not all of it.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as Lambda reports them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// A table or the bucket did not answer.
    #[error("the reconciliation broke off")]
    StoreUnavailable(#[from] Unavailable),
    /// The gateway did not hand out its report.
    #[error("the gateway gave no report")]
    GatewayUnavailable(#[from] payments::gateway::NoAnswer),
    /// Today and later days can be looked at only with `preview`.
    #[error("{0} is not over: ask for an earlier day, or for a preview of today")]
    DayNotOver(Day),
    /// Days are reconciled one after the other.
    #[error("{day} cannot be reconciled: expected {next}, or a day that was reconciled before")]
    DayOutOfOrder {
        /// The day that was asked for.
        day: Day,
        /// The one after the latest.
        next: Day,
    },
    /// So much does not agree that it cannot be the same account.
    #[error("the day is not kept")]
    TooManyOpen(#[from] TooManyOpen),
    /// There is no exception of that id.
    #[error("there is no exception {0}")]
    ExceptionNotFound(ExceptionId),
    /// It was closed before.
    #[error(transparent)]
    ExceptionAlreadyClosed(#[from] AlreadyClosed),
    /// A decision needs a reason and a name.
    #[error("resolve: expected a note of 1 to {} characters, and by whom", payments::reconcile::MAX_NOTE)]
    DecisionWithoutReason,
}
payments::failure!(
    Error, ErrorName,
    transient: [StoreUnavailable, GatewayUnavailable],
    permanent: [
        DayNotOver, DayOutOfOrder, TooManyOpen, ExceptionNotFound, ExceptionAlreadyClosed, DecisionWithoutReason,
    ],
);

/// What reconciliation needs.
pub struct Ports<'a, Gateway, Payments, Ledger, Bank, Kept, Files, System> {
    /// The gateway whose reports are read.
    pub gateway: &'a Gateway,
    /// Payments, to tell a row that comes a second time from one that nobody knows.
    pub payments: &'a Payments,
    /// The journal.
    pub ledger: &'a Ledger,
    /// The bank statements.
    pub bank: &'a Bank,
    /// Reconciled days and exceptions.
    pub kept: &'a Kept,
    /// Where reports are put.
    pub files: &'a Files,
    /// What time it is.
    pub clock: &'a System,
}

/// Does what is asked.
pub async fn handle<Gateway, Payments, Ledger, Bank, Kept, Files, System>(
    ports: &Ports<'_, Gateway, Payments, Ledger, Bank, Kept, Files, System>,
    request: Request,
) -> Result<Response, Error>
where
    Gateway: ReportDay,
    Payments: LoadPayment,
    Ledger: LedgerDay,
    Bank: BankDay,
    Kept: Reconciliations,
    Files: StoreReport,
    System: Clock,
{
    let modes = [Mode::Test, Mode::Live];
    let books = modes.map(|mode| Book { gateway: ports.gateway.name(), mode });
    let kept_in = || books.iter().cloned().chain(modes.map(Book::own));
    let mut response = Response::default();
    match request {
        Request::Run { run } => {
            for book in &books {
                response.days.extend(run::run(ports, book, &run).await?);
            }
        }
        Request::Schedule { .. } => {
            for book in &books {
                response.days.extend(run::run(ports, book, &Run { day: None, preview: false }).await?);
            }
        }
        Request::Resolve { resolve } => {
            response.exceptions.push(resolve::resolve(ports.kept, ports.clock, kept_in(), &resolve).await?);
        }
        Request::NotClosed { not_closed } => {
            response.exceptions.push(not_closed::raise_not_closed(ports.kept, not_closed).await?);
        }
        Request::List { list } => {
            for book in kept_in().filter(|book| book.mode == list.mode) {
                response.exceptions.extend(resolve::list(ports.kept, &book, list.all).await?);
            }
        }
    }
    Ok(response)
}
