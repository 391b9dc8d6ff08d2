//! Wires [`fraud_check::handle`] to the tables, Valkey and the Lambda runtime.
use payments_aws::{MerchantsTable, PaymentsTable, System, VelocityInValkey};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let payments = PaymentsTable::from_env().await?;
    let merchants = MerchantsTable::from_env().await?;
    let velocity = VelocityInValkey::from_env().await?;
    task::serve(async |request| fraud_check::handle(&payments, &merchants, &velocity, &System, request).await).await
}
