//! What consumers make of an event: the ledger's entry and the merchant's fee line. Only a payment that succeeded moves
//! money.

use crate::amount::Amount;
use crate::event::{Event, EventKind, PaymentView};
use crate::fee::FeeTerms;
use crate::id::{MerchantId, Mode, PaymentId};
use crate::ledger::{Account, JournalEntry, Position, Posting, Unbalanced};
use crate::settlement::Settlement;
use serde::{Deserialize, Serialize};

/// Why an event that should move money does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpostable {
    /// A succeeded payment without settlement or gateway.
    #[error("data: a succeeded payment has a settlement and a gateway")]
    Incomplete,
    /// Gross, fee, net and terms contradict one another.
    #[error("data.settlement: fee and net must follow from gross and terms")]
    Contradiction,
    /// The postings do not sum to zero.
    #[error(transparent)]
    Unbalanced(#[from] Unbalanced),
}

/// The journal entry of an event, or `None` if the event moves no money.
pub fn journal_entry(event: &Event, position: Position) -> Result<Option<JournalEntry>, Unpostable> {
    let Some((view, settlement)) = money_of(event)? else { return Ok(None) };
    let gateway = view.gateway.clone().ok_or(Unpostable::Incomplete)?;
    let currency = view.amount.currency();
    let payable = Account::MerchantPayable { merchant_id: event.merchant_id.clone(), mode: event.mode };
    let receivable = Account::GatewayReceivable { gateway, mode: event.mode };
    let fees = Account::FeeRevenue { mode: event.mode };
    let postings = vec![
        Posting::debit(receivable, currency, settlement.gross),
        Posting::credit(payable.clone(), currency, settlement.gross),
        Posting::debit(payable, currency, settlement.fee),
        Posting::credit(fees, currency, settlement.fee),
    ];
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
    let Some((view, settlement)) = money_of(event)? else { return Ok(None) };
    Ok(Some(FeeLine {
        merchant_id: event.merchant_id.clone(),
        line_id: event.id.clone(),
        mode: event.mode,
        payment_id: view.id.clone(),
        currency: view.amount.currency(),
        gross: settlement.gross,
        fee: settlement.fee,
        terms: settlement.terms,
        month: event.occurred_at.get(..7).unwrap_or_default().to_owned(),
    }))
}

fn money_of(event: &Event) -> Result<Option<(&PaymentView, &Settlement)>, Unpostable> {
    if event.kind != EventKind::Succeeded {
        return Ok(None);
    }
    let view = &event.data;
    let settlement = view.settlement.as_ref().ok_or(Unpostable::Incomplete)?;
    let gross = Amount::try_new(settlement.gross, view.amount.currency()).map_err(|_| Unpostable::Contradiction)?;
    let fee = settlement.terms.fee(gross).map_err(|_| Unpostable::Contradiction)?;
    let adds_up = settlement.fee == fee.minor() && settlement.fee.checked_add(settlement.net) == Some(settlement.gross);
    if adds_up { Ok(Some((view, settlement))) } else { Err(Unpostable::Contradiction) }
}
