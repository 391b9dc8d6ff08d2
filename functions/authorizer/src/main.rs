//! Wires [`authorizer::handle`] to the merchants table and the Lambda runtime.
use payments_aws::{KeysTable, MerchantsTable, System};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let keys = KeysTable::from_env().await?;
    let merchants = MerchantsTable::from_env().await?;
    task::serve(async |request| authorizer::handle(&keys, &merchants, &System, request).await).await
}
