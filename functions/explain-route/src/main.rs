//! Wires [`explain_route::handle`] to the tables, Valkey, the gateways and the Lambda runtime.
use gateways::DeployedGateways;
use payments_aws::{GatewayHealthInValkey, MerchantsTable, System, TokensTable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let merchants = MerchantsTable::from_env().await?;
    let tokens = TokensTable::from_env().await?;
    let gateways = DeployedGateways::from_env().await?;
    let breakers = GatewayHealthInValkey::from_env().await?;
    let ports = explain_route::Ports {
        merchants: &merchants,
        tokens: &tokens,
        gateways: &gateways,
        breakers: &breakers,
        clock: &System,
    };
    task::serve(async |request| explain_route::handle(&ports, request).await).await
}
