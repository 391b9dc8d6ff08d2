//! Wires [`bill::handle`] to the tables of lines and the Lambda runtime.
use payments_aws::{FeeLinesTable, SettlementsTable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let fees = FeeLinesTable::from_env().await?;
    let settlements = SettlementsTable::from_env().await?;
    task::serve(async |request| bill::handle(&fees, &settlements, request).await).await
}
