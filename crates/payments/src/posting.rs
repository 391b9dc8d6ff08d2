//! What an event does to the ledger. Of payments, only a capture that is settled and a refund that succeeded move money.

mod payout;

pub use payout::BadPayout;

use crate::amount::Amount;
use crate::currency::Currency;
use crate::event::{Event, EventKind};
use crate::gateway_cost::gateway_cost;
use crate::id::Owner;
use crate::ledger::{Account, JournalEntry, Position, Posting, Unbalanced};
use crate::region::CardClass;
use crate::settlement::{Deduction, Settlement, settlement_date};
use crate::timestamp::Timestamp;
use crate::view::{OperationStatus, OperationType, PaymentView};

/// Why an event that should move money does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpostable {
    /// A capture without settlement, or either without amount or gateway.
    #[error("data.operation: expected an amount, a settlement for a capture, and data.gateway")]
    Incomplete,
    /// Gross, fee, reserve, net and terms contradict one another.
    #[error("data.operation.settlement: fee, reserve and net must follow from gross and terms")]
    Contradiction,
    /// A payout that contradicts itself.
    #[error(transparent)]
    Payout(#[from] BadPayout),
    /// The postings do not sum to zero.
    #[error(transparent)]
    Unbalanced(#[from] Unbalanced),
}

/// The journal entry of an event, or `None` if the event moves no money.
pub fn journal_entry(event: &Event, position: Position) -> Result<Option<JournalEntry>, Unpostable> {
    if let Some(postings) = payout::postings(event)? {
        return Ok(Some(JournalEntry::balanced(event, position, postings)?));
    }
    let (Some(payment), Some(merchant_id)) = (event.payment(), &event.merchant_id) else { return Ok(None) };
    let (mode, money) = (event.mode, money_of(event, payment)?);
    let payable = Account::MerchantPayable { merchant_id: merchant_id.clone(), mode };
    let revenue = Account::FeeRevenue { mode };
    let receivable = || {
        let gateway = payment.gateway.clone().ok_or(Unpostable::Incomplete)?;
        Ok::<_, Unpostable>(Account::GatewayReceivable { gateway, mode })
    };
    let mut postings = match money {
        Money::Captured { gross, settlement } => {
            let (currency, date) = (gross.currency(), settlement.date.as_str());
            let cost = gateway_cost(CardClass::of(&payment.card), gross);
            let mut postings = Vec::with_capacity(6);
            postings.extend([
                Posting::debit(receivable()?, currency, gross.minor()),
                Posting::credit(payable, currency, settlement.net).due_on(date),
                Posting::credit(revenue, currency, settlement.fee),
                Posting::debit(Account::GatewayCost { mode }, currency, cost),
                Posting::credit(receivable()?, currency, cost),
            ]);
            if let Some(release) = &settlement.reserve_release_date {
                let reserve = Account::MerchantReserve { merchant_id: merchant_id.clone(), mode };
                postings.push(Posting::credit(reserve, currency, settlement.reserve).due_on(release.as_str()));
            }
            postings
        }
        Money::Refunded { amount, deduction } => {
            let (currency, date) = (amount.currency(), deduction.date.as_str());
            vec![
                Posting::debit(payable.clone(), currency, amount.minor()).due_on(date),
                Posting::credit(receivable()?, currency, amount.minor()),
                Posting::debit(payable, currency, deduction.fee).due_on(date),
                Posting::credit(revenue, currency, deduction.fee),
            ]
        }
        Money::None => return Ok(None),
    };
    // The payable's posting stays even if it is nothing: it says whose money it was.
    postings.retain(|posting| posting.minor != 0 || matches!(posting.account, Account::MerchantPayable { .. }));
    Ok(Some(JournalEntry::balanced(event, position, postings)?))
}

/// What the postings of an entry earned in fees, by whose event that was; `None` if they earned nothing.
pub fn fee_earned(postings: &[Posting]) -> Option<(Owner, Currency, i64)> {
    let fee = postings.iter().find(|posting| matches!(posting.account, Account::FeeRevenue { .. }))?;
    let owner = postings.iter().find_map(|posting| match &posting.account {
        Account::MerchantPayable { merchant_id, mode } => Some(Owner { merchant_id: merchant_id.clone(), mode: *mode }),
        Account::MerchantReserve { .. }
        | Account::GatewayReceivable { .. }
        | Account::FeeRevenue { .. }
        | Account::GatewayCost { .. }
        | Account::Bank { .. }
        | Account::PayoutsInTransit { .. }
        | Account::Suspense { .. } => None,
    })?;
    Some((owner, fee.currency, -fee.minor))
}

/// What an event says about money.
pub(crate) enum Money<'a> {
    /// It was taken and settled.
    Captured { gross: Amount, settlement: &'a Settlement },
    /// It was given back.
    Refunded { amount: Amount, deduction: Deduction },
    /// Nothing moved.
    None,
}

pub(crate) fn money_of<'a>(event: &Event, payment: &'a PaymentView) -> Result<Money<'a>, Unpostable> {
    let (Some(operation), kind) = (&payment.operation, event.kind) else { return Ok(Money::None) };
    let amount = || operation.amount.ok_or(Unpostable::Incomplete);
    match (operation.kind, kind) {
        (OperationType::Refund, EventKind::RefundSucceeded) => {
            let amount = amount()?;
            let deduction = match &operation.deduction {
                Some(deduction) => deduction.clone(),
                // It was made before refunds had a fee.
                None => free_of_charge(amount, event)?,
            };
            Ok(Money::Refunded { amount, deduction })
        }
        (OperationType::Capture, EventKind::Succeeded | EventKind::PartiallyCaptured)
            if operation.status == OperationStatus::Succeeded =>
        {
            let settlement = operation.settlement.as_ref().ok_or(Unpostable::Incomplete)?;
            let gross = amount()?;
            if settlement.adds_up(gross) {
                Ok(Money::Captured { gross, settlement })
            } else {
                Err(Unpostable::Contradiction)
            }
        }
        _ => Ok(Money::None),
    }
}

fn free_of_charge(amount: Amount, event: &Event) -> Result<Deduction, Unpostable> {
    let at = Timestamp::parse_rfc3339(&event.occurred_at).map_err(|_| Unpostable::Incomplete)?;
    Ok(Deduction { fee: 0, date: settlement_date(amount.currency(), at) })
}
