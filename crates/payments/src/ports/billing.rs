//! Fees, settlements, invoices.

use super::Saved;
use crate::billing::{FeeLine, SettlementLine};
use crate::currency::Currency;
use crate::failure::Unavailable;
use crate::id::{InvoiceId, Owner};
use crate::invoice::Invoice;
use crate::month::Month;
use std::collections::BTreeMap;

/// Keeps fee lines.
pub trait FeeLines {
    /// Stores the line unless it is there.
    async fn add(&self, line: &FeeLine) -> Result<(), Unavailable>;
}

/// Keeps settlement lines.
pub trait SettlementLines {
    /// Stores the line unless it is there.
    async fn add(&self, line: &SettlementLine) -> Result<(), Unavailable>;
}

/// Reads fee lines.
pub trait Bills {
    /// Every fee line of the owner in that month (strongly consistent).
    async fn bill(&self, owner: &Owner, month: Month) -> Result<Vec<FeeLine>, Unavailable>;
}

/// Reads settlement lines.
pub trait ListSettlements {
    /// At most `limit` lines of the owner, the latest day first, from behind `after` (a line's id).
    async fn settlements(
        &self,
        owner: &Owner,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<SettlementLine>, Unavailable>;
}

/// Reads from the ledger what fees earned.
pub trait EarnedFees {
    /// What the fee account earned from the events of that month, by the owner of each event and by currency.
    async fn earned(&self, month: Month) -> Result<BTreeMap<Owner, BTreeMap<Currency, i64>>, Unavailable>;
}

/// Reads invoices.
pub trait LoadInvoice {
    /// The owner's invoice of that id (strongly consistent).
    async fn invoice(&self, owner: &Owner, invoice_id: &InvoiceId) -> Result<Option<Invoice>, Unavailable>;
}

/// Lists invoices.
pub trait ListInvoices {
    /// At most `limit` invoices of the owner, the latest month first, from behind `after`.
    async fn invoices(
        &self,
        owner: &Owner,
        after: Option<&InvoiceId>,
        limit: usize,
    ) -> Result<Vec<Invoice>, Unavailable>;
}

/// Makes invoices.
pub trait IssueInvoice {
    /// The number of the owner's last invoice in the order of making; 0 if it has none.
    async fn last_sequence(&self, owner: &Owner) -> Result<u32, Unavailable>;
    /// Stores the invoice on condition that there is none of its id and that its number is the next; both or nothing.
    async fn issue(&self, invoice: &Invoice) -> Result<Saved, Unavailable>;
}

/// A file of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvoiceFile {
    /// The invoice as its merchant sees it.
    Json,
    /// The same on paper.
    Pdf,
}

/// Keeps invoices' files.
pub trait InvoiceFiles {
    /// Stores a file of that invoice over whatever is there.
    async fn put(&self, invoice: &Invoice, file: InvoiceFile, bytes: Vec<u8>) -> Result<(), Unavailable>;
}

/// Hands invoices' files out.
pub trait InvoiceLinks {
    /// A link to the invoice's PDF that opens it for that many seconds, to whoever has it.
    async fn link(&self, invoice: &Invoice, seconds: u32) -> Result<String, Unavailable>;
}
