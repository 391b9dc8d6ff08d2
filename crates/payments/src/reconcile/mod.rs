//! Reconciliation: what a gateway says of a day, what the ledger says and what the bank says, held against one another.
//! What does not agree becomes an exception with a name.
//!
//! It refuses to know where the three come from, and it never corrects anything: an exception is for its owner.

mod day;
mod exception;
mod journal;
mod keep;
mod matching;
mod record;
mod refusal;
mod report;
mod side;
#[cfg(test)]
mod tests;
mod totals;

pub use day::{Closing, Evidence, Late, MAX_CARRIED, Open, Reconciled, TooManyOpen, reconcile};
pub use exception::{
    AlreadyClosed, Exception, ExceptionId, ExceptionKind, MAX_NOTE, Resolution, ResolutionKind, State,
};
pub use journal::{Movement, completed_on, movements};
pub use keep::{change, raise, withdraw};
pub use record::{Counts, DayRecord, DayState, Refused};
pub use refusal::{
    MAX_DETAIL, payout_not_closed, refused_bank_file, refused_invoice, refused_invoice_id, refused_report,
};
pub use report::{
    BadReport, Balance, DailyReport, Funding, MAX_LINE_BYTES, MAX_ROWS, REPORT_VERSION, Row, RowKind,
    movement_reference,
};
pub use side::{BankCredit, Book, Day, Side, Subject};
pub use totals::{Position, Totals};
