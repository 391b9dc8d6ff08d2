//! What a payout and a movement at the bank do to the ledger.
//!
//! A payout leaves the merchant's balance, due date by due date, when it is created, and waits in transit for the bank:
//! what is paid leaves our bank account, what is rejected or comes back is due to the merchant again. A gateway's money
//! takes down what it owes us; what nobody knows waits in suspense for a person.

use crate::bank::{BankMovement, Direction};
use crate::event::{Data, Event, EventKind};
use crate::ledger::{Account, Posting};
use crate::payout::PayoutView;

/// Why an event of a payout does not move its money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPayout {
    /// Its lines do not sum to its amount.
    #[error("data.lines: expected lines that sum to the amount")]
    Sum,
    /// A line takes from an account that is not the merchant's own.
    #[error("data.lines: expected the merchant's payable and reserve accounts, in this mode")]
    Account,
    /// It failed or came back, and does not say when it is due again.
    #[error("data.failure: expected the day from which the money is due again")]
    Failure,
}

/// The postings of the event, or `None` if it is no payout's or bank's, or moves no money.
pub(super) fn postings(event: &Event) -> Result<Option<Vec<Posting>>, BadPayout> {
    match &event.data {
        Data::Payout(view) => payout(event, view),
        Data::Bank(movement) => Ok(Some(bank(event, movement))),
        Data::Payment(_) => Ok(None),
    }
}

fn payout(event: &Event, view: &PayoutView) -> Result<Option<Vec<Posting>>, BadPayout> {
    let mode = event.mode;
    let (currency, minor) = (view.amount.currency(), view.amount.minor());
    let debit = |account| Posting::debit(account, currency, minor);
    let credit = |account| Posting::credit(account, currency, minor);
    let transit = || Account::PayoutsInTransit { mode };
    let postings = match event.kind {
        EventKind::PayoutCreated => {
            let mut postings = lines(event, view)?;
            postings.push(credit(transit()));
            postings
        }
        EventKind::PayoutPaid => vec![debit(transit()), credit(Account::Bank { mode })],
        EventKind::PayoutFailed => vec![debit(transit()), again(event, view)?],
        EventKind::PayoutReturned => vec![debit(Account::Bank { mode }), again(event, view)?],
        // Nothing moves while the bank makes up its mind.
        EventKind::PayoutSent | EventKind::PayoutAccepted => return Ok(None),
        // No event of another family has a payout: reading it sees to that.
        EventKind::Processing
        | EventKind::Authorized
        | EventKind::Declined
        | EventKind::PartiallyCaptured
        | EventKind::RequiresAction
        | EventKind::RequiresCapture
        | EventKind::InReview
        | EventKind::Succeeded
        | EventKind::Canceled
        | EventKind::Failed
        | EventKind::RefundProcessing
        | EventKind::RefundSucceeded
        | EventKind::RefundFailed
        | EventKind::BankCredited
        | EventKind::BankDebited
        | EventKind::BankUnmatched => return Ok(None),
    };
    Ok(Some(postings))
}

fn lines(event: &Event, view: &PayoutView) -> Result<Vec<Posting>, BadPayout> {
    let merchant_id = event.merchant_id.clone().ok_or(BadPayout::Account)?;
    let own = [
        Account::MerchantPayable { merchant_id: merchant_id.clone(), mode: event.mode },
        Account::MerchantReserve { merchant_id, mode: event.mode },
    ];
    let mut sum = 0i128;
    let mut postings = Vec::with_capacity(view.lines.len() + 1);
    for line in &view.lines {
        let account = own.iter().find(|own| own.to_string() == line.account).ok_or(BadPayout::Account)?.clone();
        sum += i128::from(line.minor);
        let currency = view.amount.currency();
        let posting = match u64::try_from(line.minor) {
            Ok(minor) => Posting::debit(account, currency, minor),
            Err(_) => Posting::credit(account, currency, line.minor.unsigned_abs()),
        };
        postings.push(match &line.due {
            Some(due) => posting.due_on(due),
            None => posting,
        });
    }
    if sum != i128::from(view.amount.minor()) {
        return Err(BadPayout::Sum);
    }
    Ok(postings)
}

fn again(event: &Event, view: &PayoutView) -> Result<Posting, BadPayout> {
    let merchant_id = event.merchant_id.clone().ok_or(BadPayout::Account)?;
    let due = view.failure.as_ref().map(|failure| failure.due_again.clone()).ok_or(BadPayout::Failure)?;
    let account = Account::MerchantPayable { merchant_id, mode: event.mode };
    Ok(Posting::credit(account, view.amount.currency(), view.amount.minor()).due_on(due))
}

fn bank(event: &Event, movement: &BankMovement) -> Vec<Posting> {
    let mode = event.mode;
    let bank = Account::Bank { mode };
    let other = match (event.kind, &movement.gateway) {
        (EventKind::BankCredited | EventKind::BankDebited, Some(gateway)) => {
            Account::GatewayReceivable { gateway: gateway.clone(), mode }
        }
        _ => Account::Suspense { mode },
    };
    let (gets, gives) = match movement.direction {
        Direction::Credit => (bank, other),
        Direction::Debit => (other, bank),
    };
    let (currency, minor) = (movement.amount.currency(), movement.amount.minor());
    vec![Posting::debit(gets, currency, minor), Posting::credit(gives, currency, minor)]
}
