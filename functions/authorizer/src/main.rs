//! Wires [`authorizer::handle`] to the merchants table and the Lambda runtime.
use payments_aws::MerchantsTable;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let keys = MerchantsTable::from_env().await?;
    task::serve(async |request| authorizer::handle(&keys, request).await).await
}
