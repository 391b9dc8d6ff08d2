//! Wires [`api::handle`] to the tables, the payment workflow and the Lambda runtime.
use payments_aws::{
    BalancesTable, MerchantsTable, PaymentsTable, RateLimitInValkey, System, TokensTable, WorkflowInTurn,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let limits = RateLimitInValkey::from_env().await?;
    let payments = PaymentsTable::from_env().await?;
    let merchants = MerchantsTable::from_env().await?;
    let tokens = TokensTable::from_env().await?;
    let ledger = BalancesTable::from_env().await?;
    let workflow = WorkflowInTurn::from_env().await?;
    let ports = api::Ports {
        payments: &payments,
        merchants: &merchants,
        tokens: &tokens,
        ledger: &ledger,
        workflow: &workflow,
        system: &System,
    };
    task::serve(async |request| api::handle(&limits, &ports, request).await).await
}
