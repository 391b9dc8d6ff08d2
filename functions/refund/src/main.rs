//! Wires [`refund::handle`] to the tables, the gateways and the Lambda runtime.
use gateways::DeployedGateways;
use payments_aws::{MerchantsTable, PaymentsTable, System};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let payments = PaymentsTable::from_env().await?;
    let gateways = DeployedGateways::from_env().await?;
    let merchants = MerchantsTable::from_env().await?;
    task::serve(async |request| refund::handle(&payments, &merchants, &gateways, &System, request).await).await
}
