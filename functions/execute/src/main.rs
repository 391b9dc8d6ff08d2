//! Wires [`execute::handle`] to the payments table, the gateways and the Lambda runtime.
use gateways::DeployedGateways;
use payments_aws::{PaymentsTable, System};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let payments = PaymentsTable::from_env().await?;
    let gateways = DeployedGateways::from_env().await?;
    task::serve(async |request| execute::handle(&payments, &gateways, &System, request).await).await
}
