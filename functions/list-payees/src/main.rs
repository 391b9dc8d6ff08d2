//! Wires [`list_payees::handle`] to the merchants table, the bucket of bank documents and the Lambda runtime.
use payments_aws::{BankDocuments, ProfilesTable, System};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let profiles = ProfilesTable::from_env().await?;
    let documents = BankDocuments::from_env().await?;
    let accounts = payments_aws::own_accounts()?;
    let ports = list_payees::Ports { profiles: &profiles, documents: &documents, accounts: &accounts, clock: &System };
    task::serve(async |request| list_payees::handle(&ports, request).await).await
}
