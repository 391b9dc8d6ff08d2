//! What is refused whole is an exception too: one per thing that was refused, so that the same refusal again is the same
//! exception. A gateway's report belongs to its gateway's book; what is no gateway's to our own ([`Book::own`]).

use super::exception::{Exception, ExceptionId, ExceptionKind};
use super::report::BadReport;
use super::side::{Book, Day, Subject};
use crate::id::{InvoiceId, Mode, Owner};
use crate::invoice::NotInvoiced;
use crate::month::Month;
use crate::payout::message::ReadMessage;
use crate::secret::blot_digits;

/// The longest detail of a refusal, in characters: what others write has no length of its own.
pub const MAX_DETAIL: usize = 500;

/// The exception that a refused report raises, on the report's day.
pub fn refused_report(book: &Book, day: Day, bad: &BadReport) -> Exception {
    let id = ExceptionId::derive(book, day, ExceptionKind::RefusedReport, &[]);
    let about = (ExceptionKind::RefusedReport, Subject::Report);
    refusal(book, id, about, format!("report of {day}"), &bad.to_string())
}

/// The exception that a refused message of the bank raises, on the day on which it was read; `None` if it was not refused.
pub fn refused_bank_file(mode: Mode, message: &ReadMessage) -> Option<Exception> {
    let ReadMessage { message_id, kind, read_at, refused } = message;
    let refused = refused.as_ref()?;
    let book = Book::own(mode);
    let id = ExceptionId::derive(&book, Day::of(*read_at), ExceptionKind::RefusedBankFile, &[message_id]);
    let about = (ExceptionKind::RefusedBankFile, Subject::BankFile);
    let detail = format!("{kind}, line {}: {}", refused.line, refused.reason);
    Some(refusal(&book, id, about, format!("message {message_id}"), &detail))
}

/// The exception of an owner whose closed month has no invoice, for whatever reason.
pub fn refused_invoice(owner: &Owner, month: Month, reason: &NotInvoiced) -> Exception {
    let about = (ExceptionKind::RefusedInvoice, Subject::Invoice);
    let detail = format!("{owner} has no invoice of {month}: {reason}");
    let reference = InvoiceId::derive(owner, month).to_string();
    refusal(&Book::own(owner.mode), refused_invoice_id(owner, month), about, reference, &detail)
}

/// The id of that exception, on the month's last day.
pub fn refused_invoice_id(owner: &Owner, month: Month) -> ExceptionId {
    let invoice_id = InvoiceId::derive(owner, month);
    let kind = ExceptionKind::RefusedInvoice;
    ExceptionId::derive(&Book::own(owner.mode), month.last_day().into(), kind, &[invoice_id.as_str()])
}

/// The exception of an owner to whom nothing is paid on that day because its payouts were not closed, for whatever reason.
pub fn payout_not_closed(owner: &Owner, day: Day, reason: &str) -> Exception {
    let book = Book::own(owner.mode);
    let id = ExceptionId::derive(&book, day, ExceptionKind::PayoutNotClosed, &[&owner.to_string()]);
    let about = (ExceptionKind::PayoutNotClosed, Subject::Payout);
    let detail = format!("what is due to {owner} on {day} is not in payouts: {reason}");
    refusal(&book, id, about, format!("{owner} {day}"), &detail)
}

/// An exception without amounts. The detail is cut to [`MAX_DETAIL`] and shows no account's number.
fn refusal(
    book: &Book,
    id: ExceptionId,
    (kind, subject): (ExceptionKind, Subject),
    reference: String,
    detail: &str,
) -> Exception {
    Exception {
        first_seen: id.day(),
        id,
        gateway: book.gateway.clone(),
        mode: book.mode,
        kind,
        subject,
        reference,
        payment_id: None,
        ledger: None,
        report: None,
        bank: None,
        detail: blot_digits(detail).chars().take(MAX_DETAIL).collect(),
        appeared: None,
        withdrawn: false,
        resolution: None,
        revision: 1,
    }
}
