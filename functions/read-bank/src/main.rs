//! Wires [`read_bank::handle`] to the bank, the payouts, bank files and bank tables, the bucket of bank documents and the
//! Lambda runtime.
use gateways::BankHost;
use payments_aws::{BankDocuments, BankFilesTable, BankTable, PayoutsTable, System};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let bank = BankHost::from_env()?;
    let payouts = PayoutsTable::from_env().await?;
    let files = BankFilesTable::from_env().await?;
    let read = BankTable::from_env().await?;
    let documents = BankDocuments::from_env().await?;
    let accounts = payments_aws::own_accounts()?;
    let (bank, payouts, files, read, documents) = (&bank, &payouts, &files, &read, &documents);
    let ports = read_bank::Ports { bank, payouts, files, read, documents, accounts: &accounts, clock: &System };
    task::serve(async |request| read_bank::handle(&ports, request).await).await
}
