//! Wires [`authorize::handle`] to the tables, Valkey, the gateway and the Lambda runtime.
use gateways::SimulatedGateway;
use payments_aws::{CodesInValkey, PaymentsTable, System, VaultTable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let payments = PaymentsTable::from_env().await?;
    let vault = VaultTable::from_env().await?;
    let codes = CodesInValkey::from_env().await?;
    let gateway = SimulatedGateway::from_env().await?;
    let ports =
        authorize::Ports { payments: &payments, vault: &vault, codes: &codes, gateway: &gateway, system: &System };
    task::serve(async |request| authorize::handle(&ports, request).await).await
}
