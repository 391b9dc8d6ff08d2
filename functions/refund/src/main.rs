//! Wires [`refund::handle`] to the tables, the gateway and the Lambda runtime.
use gateways::SimulatedGateway;
use payments_aws::{MerchantsTable, PaymentsTable, System};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let payments = PaymentsTable::from_env().await?;
    let gateway = SimulatedGateway::from_env().await?;
    let merchants = MerchantsTable::from_env().await?;
    task::serve(async |request| refund::handle(&payments, &merchants, &gateway, &System, request).await).await
}
