//! Wires [`settle::handle`] to the tables and the Lambda runtime.
use payments_aws::{InvoicesTable, MerchantsTable, PaymentsTable, System};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let payments = PaymentsTable::from_env().await?;
    let merchants = MerchantsTable::from_env().await?;
    let volumes = InvoicesTable::from_env().await?;
    task::serve(async |request| settle::handle(&payments, &merchants, &volumes, &System, request).await).await
}
