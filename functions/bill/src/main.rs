//! Wires [`bill::handle`] to the fee lines table and the Lambda runtime.
use payments_aws::FeeLinesTable;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let lines = FeeLinesTable::from_env().await?;
    task::serve(async |request| bill::handle(&lines, request).await).await
}
