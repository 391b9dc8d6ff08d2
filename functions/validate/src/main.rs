//! Wires [`validate::handle`] to the tables and the Lambda runtime.
use payments_aws::{MerchantsTable, PaymentsTable, System, TokensTable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let payments = PaymentsTable::from_env().await?;
    let merchants = MerchantsTable::from_env().await?;
    let tokens = TokensTable::from_env().await?;
    task::serve(async |request| validate::handle(&payments, &merchants, &tokens, &System, request).await).await
}
