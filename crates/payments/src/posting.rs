//! What consumers make of an event: the ledger's entry and the merchant's fee line. Only a capture that is settled and a
//! refund that succeeded move money.

mod payout;

pub use payout::BadPayout;

use crate::amount::Amount;
use crate::event::{Event, EventKind};
use crate::fee::FeeTerms;
use crate::id::{MerchantId, Mode, PaymentId};
use crate::ledger::{Account, JournalEntry, Position, Posting, Unbalanced};
use crate::settlement::Settlement;
use crate::view::{OperationStatus, OperationType, PaymentView};
use serde::{Deserialize, Serialize};

/// Why an event that should move money does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpostable {
    /// A capture without settlement, or either without amount or gateway.
    #[error("data.operation: expected an amount, a settlement for a capture, and data.gateway")]
    Incomplete,
    /// Gross, fee, net and terms contradict one another.
    #[error("data.operation.settlement: fee and net must follow from gross and terms")]
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
    let (Some(payment), Some(merchant_id)) = (event.payment(), event.merchant_id.clone()) else { return Ok(None) };
    let money = money_of(event.kind, payment)?;
    let mode = event.mode;
    let payable = Account::MerchantPayable { merchant_id, mode };
    let receivable = || {
        let gateway = payment.gateway.clone().ok_or(Unpostable::Incomplete)?;
        Ok::<_, Unpostable>(Account::GatewayReceivable { gateway, mode })
    };
    let postings = match money {
        Money::Captured { gross, settlement } => vec![
            Posting::debit(receivable()?, gross.currency(), gross.minor()),
            Posting::credit(payable.clone(), gross.currency(), gross.minor()).due_on(settlement.date.as_str()),
            Posting::debit(payable, gross.currency(), settlement.fee).due_on(settlement.date.as_str()),
            Posting::credit(Account::FeeRevenue { mode }, gross.currency(), settlement.fee),
        ],
        Money::Refunded { amount } => vec![
            Posting::debit(payable, amount.currency(), amount.minor())
                .due_on(event.occurred_at.get(..10).unwrap_or_default()),
            Posting::credit(receivable()?, amount.currency(), amount.minor()),
        ],
        Money::None => return Ok(None),
    };
    Ok(Some(JournalEntry::balanced(event, position, postings)?))
}

/// A line of a merchant's bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeLine {
    /// Who pays.
    pub merchant_id: MerchantId,
    /// The event that it comes from: one line per event.
    pub line_id: String,
    /// In which world.
    pub mode: Mode,
    /// For which payment.
    pub payment_id: PaymentId,
    /// Its currency.
    pub currency: crate::currency::Currency,
    /// What was captured.
    pub gross: u64,
    /// What it costs.
    pub fee: u64,
    /// What the fee was made of.
    pub terms: FeeTerms,
    /// The month that it is billed in, `YYYY-MM`.
    pub month: String,
}

/// The fee line of an event, or `None` if the event costs nothing.
pub fn fee_line(event: &Event) -> Result<Option<FeeLine>, Unpostable> {
    let (Some(payment), Some(merchant_id)) = (event.payment(), event.merchant_id.clone()) else { return Ok(None) };
    let Money::Captured { gross, settlement } = money_of(event.kind, payment)? else { return Ok(None) };
    Ok(Some(FeeLine {
        merchant_id,
        line_id: event.id.clone(),
        mode: event.mode,
        payment_id: payment.id.clone(),
        currency: gross.currency(),
        gross: settlement.gross,
        fee: settlement.fee,
        terms: settlement.terms,
        month: event.occurred_at.get(..7).unwrap_or_default().to_owned(),
    }))
}

/// What an event says about money.
enum Money<'a> {
    /// It was taken and settled.
    Captured { gross: Amount, settlement: &'a Settlement },
    /// It was given back.
    Refunded { amount: Amount },
    /// Nothing moved.
    None,
}

fn money_of(kind: EventKind, payment: &PaymentView) -> Result<Money<'_>, Unpostable> {
    let Some(operation) = &payment.operation else { return Ok(Money::None) };
    let amount = || operation.amount.ok_or(Unpostable::Incomplete);
    match (operation.kind, kind) {
        (OperationType::Refund, EventKind::RefundSucceeded) => Ok(Money::Refunded { amount: amount()? }),
        (OperationType::Capture, EventKind::Succeeded | EventKind::PartiallyCaptured)
            if operation.status == OperationStatus::Succeeded =>
        {
            let settlement = operation.settlement.as_ref().ok_or(Unpostable::Incomplete)?;
            let gross = amount()?;
            let fee = settlement.terms.fee(gross).map_err(|_| Unpostable::Contradiction)?;
            let adds_up = settlement.gross == gross.minor()
                && settlement.fee == fee.minor()
                && settlement.fee.checked_add(settlement.net) == Some(settlement.gross);
            if adds_up { Ok(Money::Captured { gross, settlement }) } else { Err(Unpostable::Contradiction) }
        }
        _ => Ok(Money::None),
    }
}
