//! Wires [`invoice::handle`] to the tables, the bucket of invoices and the Lambda runtime.
use payments_aws::{FeeLinesTable, InvoiceBucket, InvoicesTable, JournalTable, ProfilesTable};
use payments_aws::{ReconciliationsTable, System, seller};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let profiles = ProfilesTable::from_env().await?;
    let bills = FeeLinesTable::from_env().await?;
    let ledger = JournalTable::from_env().await?;
    let invoices = InvoicesTable::from_env().await?;
    let files = InvoiceBucket::from_env().await?;
    let exceptions = ReconciliationsTable::from_env().await?;
    let seller = &seller()?;
    let (profiles, bills, ledger, invoices) = (&profiles, &bills, &ledger, &invoices);
    let (files, exceptions, clock) = (&files, &exceptions, &System);
    let ports = invoice::Ports { profiles, bills, ledger, invoices, files, exceptions, clock, seller };
    task::serve(async |request| invoice::handle(&ports, request).await).await
}
