//! Wires [`authorize::handle`] to the tables, Valkey, the gateways and the Lambda runtime.
use gateways::DeployedGateways;
use payments_aws::{
    CodesInValkey, GatewayHealthInValkey, MerchantsTable, PaymentsTable, System, VaultTable, VelocityInValkey,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let payments = PaymentsTable::from_env().await?;
    let merchants = MerchantsTable::from_env().await?;
    let vault = VaultTable::from_env().await?;
    let codes = CodesInValkey::from_env().await?;
    let gateways = DeployedGateways::from_env().await?;
    let health = GatewayHealthInValkey::from_env().await?;
    let velocity = VelocityInValkey::from_env().await?;
    let (payments, merchants, vault, codes) = (&payments, &merchants, &vault, &codes);
    let (gateways, health, velocity, system) = (&gateways, &health, &velocity, &System);
    let ports = authorize::Ports { payments, merchants, vault, codes, gateways, health, velocity, system };
    task::serve(async |request| authorize::handle(&ports, request).await).await
}
