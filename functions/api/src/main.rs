//! Wires [`api::handle`] to the tables, the payment workflow and the Lambda runtime.
use payments_aws::{
    BalancesTable, InvoiceBucket, InvoicesTable, MerchantsTable, PaymentsTable, RateLimitInValkey, SettlementsTable,
    System, TokensTable, WorkflowInTurn,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let limits = RateLimitInValkey::from_env().await?;
    let workflow = WorkflowInTurn::from_env().await?;
    let (files, invoices) = (InvoiceBucket::from_env().await?, InvoicesTable::from_env().await?);
    let bills = api::Bills { settlements: &SettlementsTable::from_env().await?, invoices: &invoices, files: &files };
    let ports = api::Ports {
        payments: &PaymentsTable::from_env().await?,
        merchants: &MerchantsTable::from_env().await?,
        tokens: &TokensTable::from_env().await?,
        ledger: &BalancesTable::from_env().await?,
        workflow: &workflow,
        system: &System,
    };
    task::serve(async |request| api::handle(&limits, &ports, &bills, request).await).await
}
