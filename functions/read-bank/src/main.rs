//! Wires [`read_bank::handle`] to the bank, the tables of payouts, bank files, bank and reconciliations, the bucket of bank
//! documents and the Lambda runtime.
use gateways::BankHost;
use payments_aws::{BankDocuments, BankFilesTable, BankTable, PayoutsTable, ReconciliationsTable, System};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let bank = BankHost::from_env()?;
    let payouts = PayoutsTable::from_env().await?;
    let files = BankFilesTable::from_env().await?;
    let read = BankTable::from_env().await?;
    let documents = BankDocuments::from_env().await?;
    let exceptions = ReconciliationsTable::from_env().await?;
    let accounts = &payments_aws::own_accounts()?;
    let (bank, payouts, files, read) = (&bank, &payouts, &files, &read);
    let (documents, exceptions, clock) = (&documents, &exceptions, &System);
    let ports = read_bank::Ports { bank, payouts, files, read, documents, exceptions, accounts, clock };
    task::serve(async |request| read_bank::handle(&ports, request).await).await
}
