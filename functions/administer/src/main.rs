//! Wires [`administer::handle`] to the merchants table and the Lambda runtime.
use payments_aws::{KeysTable, ProfilesTable, System};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let profiles = ProfilesTable::from_env().await?;
    let keys = KeysTable::from_env().await?;
    let ports = administer::Ports { profiles: &profiles, keys: &keys, system: &System };
    task::serve(async |request| administer::handle(&ports, request).await).await
}
