//! The ledger as a witness: what a day's journal entries say of one gateway's receivable account.

use super::side::{Book, Day, Side, Subject};
use crate::currency::Currency;
use crate::id::{OperationId, OperationKind, PaymentId};
use crate::ledger::{Account, JournalEntry};
use crate::payment::Payment;
use crate::view::capture_id;
use std::collections::BTreeMap;

/// A movement of the receivable account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The entry that it is in.
    pub event_id: String,
    /// What it is.
    pub subject: Subject,
    /// By what the other witnesses know it.
    pub reference: String,
    /// The payment, unless it is a funding.
    pub payment_id: Option<PaymentId>,
    /// How much; of a funding, what was paid to us.
    pub side: Side,
}

/// The movements that entries make on the book's receivable account, in their order.
pub fn movements<'a>(book: &Book, entries: impl IntoIterator<Item = &'a JournalEntry>) -> Vec<Movement> {
    let receivable = Account::GatewayReceivable { gateway: book.gateway.clone(), mode: book.mode };
    let cost = Account::GatewayCost { mode: book.mode };
    let mut found = Vec::new();
    for entry in entries {
        let owed = sums(entry, &receivable);
        let kept = sums(entry, &cost);
        for (currency, net) in owed {
            let reference = entry.reference.clone().unwrap_or_else(|| entry.event_id.clone());
            let cost = kept.get(&currency).copied().unwrap_or(0);
            let (subject, side) = match reference.parse::<OperationId>().map(|id| id.kind()) {
                Ok(OperationKind::Capture) => (Subject::Capture, Side { amount: net + cost, cost, currency }),
                Ok(OperationKind::Refund) => (Subject::Refund, Side { amount: net + cost, cost, currency }),
                // What is credited to the account without an operation was paid to the bank.
                Ok(
                    OperationKind::Pay
                    | OperationKind::Reverse
                    | OperationKind::Cancel
                    | OperationKind::Review
                    | OperationKind::Confirm,
                )
                | Err(_) => (Subject::Funding, Side { amount: -net, cost: 0, currency }),
            };
            let payment_id = entry.event_id.split(':').next().and_then(|text| text.parse().ok());
            found.push(Movement { event_id: entry.event_id.clone(), subject, reference, payment_id, side });
        }
    }
    found
}

/// The day on which the payment's operation of that public id was over and moved money, if it did.
pub fn completed_on(payment: &Payment, reference: &str) -> Option<Day> {
    let operation = payment.operations.iter().find(|operation| {
        let id = if operation.id.kind() == OperationKind::Pay {
            capture_id(&payment.payment_id).to_string()
        } else {
            operation.id.to_string()
        };
        id == reference && operation.reference.is_some()
    });
    operation?.end.map(|version| Day::of(payment.change(version).at))
}

fn sums(entry: &JournalEntry, account: &Account) -> BTreeMap<Currency, i64> {
    let mut sums = BTreeMap::<Currency, i64>::new();
    for posting in entry.postings.iter().filter(|posting| posting.account == *account) {
        let sum = sums.entry(posting.currency).or_default();
        *sum = sum.saturating_add(posting.minor);
    }
    sums
}
