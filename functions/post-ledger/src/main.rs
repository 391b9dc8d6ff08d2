//! Wires [`post_ledger::handle`] to the ledger's tables, the dead-letter topic and the Lambda runtime.
use payments_aws::{DeadLetterTopics, LedgerTables};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let ledger = LedgerTables::from_env().await?;
    let dead_letters = DeadLetterTopics::from_env().await?;
    task::serve(async |request| post_ledger::handle(&ledger, &dead_letters, request).await).await
}
