//! Makes the invoices of a closed month, one per merchant and mode that has something to pay: read the bill, hold it against
//! the ledger, number it, store it once, then put its files.
//!
//! The conditional write that stores an invoice decides; the files follow from what is stored, so a run that broke off is
//! made whole by the next, and running it twice makes one.

mod paper;
pub mod pdf;

use payments::failure::Unavailable;
use payments::id::{InvoiceId, Owner};
use payments::invoice::{Invoice, NotInvoiced, Seller, invoice};
use payments::merchant::Merchant;
use payments::month::Month;
use payments::ports::{
    Bills, Clock, EarnedFees, Exceptions, InvoiceFile, InvoiceFiles, IssueInvoice, LoadInvoice, Profiles, Saved,
};
use payments::reconcile::{Book, raise, refused_invoice, refused_invoice_id, withdraw};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Merchants that are read at a time.
const PAGE: usize = 100;
/// How often a number is taken anew because another invoice of the owner came first.
const MAX_ROUNDS: u32 = 8;

/// Which month. A schedule's event names none: then it is the one before.
#[derive(Debug, Default, Deserialize)]
pub struct Request {
    /// The month, `2026-11`.
    #[serde(default)]
    pub month: Option<Month>,
    /// Only this owner, `mer_...#test`.
    #[serde(default)]
    pub owner: Option<Owner>,
}

/// What became of the month.
#[derive(Debug, Serialize)]
pub struct Response {
    /// The month.
    pub month: Month,
    /// The invoices that there are now, whether made by this run or before.
    pub invoices: Vec<InvoiceId>,
    /// How many of them this run made.
    pub made: usize,
    /// Owners without an invoice although they have something to pay: a person has to look.
    pub refused: Vec<Refused>,
}

/// An owner whose bill and ledger differ; it has an exception of that month.
#[derive(Debug, Serialize)]
pub struct Refused {
    /// Whose.
    pub owner: Owner,
    /// Why.
    pub reason: String,
}

/// Why the run failed. What was made stays; the next run goes on.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the caller sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// The month is not over: more may come.
    #[error("{0} is not over: expected a month before this one")]
    MonthOpen(Month),
    /// There is no such merchant.
    #[error("there is no merchant {0}")]
    MerchantNotFound(Owner),
    /// A table or the bucket did not answer.
    #[error("not every invoice is made")]
    StoreUnavailable(#[from] Unavailable),
}
payments::failure!(Error, ErrorName, transient: [StoreUnavailable], permanent: [MonthOpen, MerchantNotFound]);

/// What invoicing needs.
pub struct Ports<'a, Settings, Lines, Ledger, Invoices, Files, Kept, Time> {
    /// Merchants' settings.
    pub profiles: &'a Settings,
    /// Fee lines.
    pub bills: &'a Lines,
    /// What the fee account earned.
    pub ledger: &'a Ledger,
    /// Invoices.
    pub invoices: &'a Invoices,
    /// Their files.
    pub files: &'a Files,
    /// Exceptions: an owner without its invoice is one.
    pub exceptions: &'a Kept,
    /// The clock.
    pub clock: &'a Time,
    /// What invoices say about us.
    pub seller: &'a Seller,
}

/// Invoices the month.
pub async fn handle<Settings, Lines, Ledger, Invoices, Files, Kept, Time>(
    ports: &Ports<'_, Settings, Lines, Ledger, Invoices, Files, Kept, Time>,
    request: Request,
) -> Result<Response, Error>
where
    Settings: Profiles,
    Lines: Bills,
    Ledger: EarnedFees,
    Invoices: LoadInvoice + IssueInvoice,
    Files: InvoiceFiles,
    Kept: Exceptions,
    Time: Clock,
{
    let now = ports.clock.now();
    let month = request.month.unwrap_or_else(|| Month::of(now).before());
    if !month.is_closed(now) {
        return Err(Error::MonthOpen(month));
    }
    let merchants = merchants(ports.profiles, request.owner).await?;
    let earned = ports.ledger.earned(month).await?;
    let mut response = Response { month, invoices: Vec::new(), made: 0, refused: Vec::new() };
    for merchant in merchants {
        let owner = merchant.owner();
        let of_owner = earned.get(&owner).cloned().unwrap_or_default();
        let made = match settle_bill(ports, &merchant, month, &of_owner).await? {
            Ok(made) => made,
            Err(refusal) => {
                tracing::error!(target: "florin", %owner, %month, "no invoice is made: {refusal}");
                raise(ports.exceptions, &refused_invoice(&owner, month, &refusal)).await?;
                response.refused.push(Refused { owner, reason: refusal.to_string() });
                continue;
            }
        };
        // What an earlier run refused is in order now.
        withdraw(ports.exceptions, &Book::own(owner.mode), &refused_invoice_id(&owner, month)).await?;
        if let Some((invoice, made)) = made {
            response.made += usize::from(made);
            response.invoices.push(invoice.invoice_id);
        }
    }
    Ok(response)
}

/// The merchants that are asked for; without a name, all in both modes.
async fn merchants(profiles: &impl Profiles, owner: Option<Owner>) -> Result<Vec<Merchant>, Error> {
    if let Some(owner) = owner {
        let merchant = profiles.profile(&owner).await?;
        return Ok(vec![merchant.ok_or(Error::MerchantNotFound(owner))?]);
    }
    let mut all = Vec::<Merchant>::new();
    loop {
        let last = all.last().map(Merchant::owner);
        let page = profiles.profiles(last.as_ref(), PAGE).await?;
        let more = page.len() == PAGE;
        all.extend(page);
        if !more {
            return Ok(all);
        }
    }
}

type Made = Result<Option<(Invoice, bool)>, NotInvoiced>;

/// The owner's invoice of the month with its files, and whether it was made now; `None` if there is nothing to pay.
async fn settle_bill<Settings, Lines, Ledger, Invoices, Files, Kept, Time>(
    ports: &Ports<'_, Settings, Lines, Ledger, Invoices, Files, Kept, Time>,
    merchant: &Merchant,
    month: Month,
    earned: &BTreeMap<payments::currency::Currency, i64>,
) -> Result<Made, Error>
where
    Lines: Bills,
    Invoices: LoadInvoice + IssueInvoice,
    Files: InvoiceFiles,
    Time: Clock,
{
    let owner = merchant.owner();
    let invoice_id = InvoiceId::derive(&owner, month);
    for _ in 0..MAX_ROUNDS {
        if let Some(there) = ports.invoices.invoice(&owner, &invoice_id).await? {
            put_files(ports.files, &there).await?;
            return Ok(Ok(Some((there, false))));
        }
        let lines = ports.bills.bill(&owner, month).await?;
        let sequence = ports.invoices.last_sequence(&owner).await? + 1;
        let made = match invoice(merchant, month, &lines, earned, ports.seller, (sequence, ports.clock.now())) {
            Ok(Some(made)) => made,
            Ok(None) => return Ok(Ok(None)),
            Err(refusal) => return Ok(Err(refusal)),
        };
        if ports.invoices.issue(&made).await? == Saved::Done {
            put_files(ports.files, &made).await?;
            return Ok(Ok(Some((made, true))));
        }
    }
    Err(Unavailable::new("the invoice's number", format!("someone else was faster {MAX_ROUNDS} times")).into())
}

async fn put_files(files: &impl InvoiceFiles, invoice: &Invoice) -> Result<(), Unavailable> {
    let json = serde_json::to_vec_pretty(&invoice.view()).expect("an invoice is plain data");
    files.put(invoice, InvoiceFile::Json, json).await?;
    files.put(invoice, InvoiceFile::Pdf, pdf::pdf(invoice)).await
}
