//! Wires [`reconcile::handle`] to the gateway, the ledger, the bank statements, its own tables and the Lambda runtime.
use gateways::SimulatedGateway;
use payments_aws::{BankStatements, JournalDays, PaymentsTable, ReconciliationsTable, ReportBucket, System};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let gateway = SimulatedGateway::from_env().await?;
    let payments = PaymentsTable::from_env().await?;
    let ledger = JournalDays::from_env().await?;
    let bank = BankStatements::from_env().await?;
    let kept = ReconciliationsTable::from_env().await?;
    let files = ReportBucket::from_env().await?;
    let ports = reconcile::Ports {
        gateway: &gateway,
        payments: &payments,
        ledger: &ledger,
        bank: &bank,
        kept: &kept,
        files: &files,
        clock: &System,
    };
    task::serve(async |request| reconcile::handle(&ports, request).await).await
}
