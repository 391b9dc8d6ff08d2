//! Wires [`send_payouts::handle`] to the payouts and bank files tables, the bucket of bank documents, the bank and the
//! Lambda runtime.
use gateways::BankHost;
use payments_aws::{BankDocuments, BankFilesTable, PayoutsTable, System};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let payouts = PayoutsTable::from_env().await?;
    let files = BankFilesTable::from_env().await?;
    let documents = BankDocuments::from_env().await?;
    let bank = BankHost::from_env()?;
    let accounts = payments_aws::own_accounts()?;
    let (payouts, files, documents, bank) = (&payouts, &files, &documents, &bank);
    let ports = send_payouts::Ports { payouts, files, documents, bank, accounts: &accounts, clock: &System };
    task::serve(async |request| send_payouts::handle(&ports, request).await).await
}
