//! Wires [`simulated_acquirer::handle`] to its account, the vault's key, the timer and the Lambda runtime.
use payments_aws::{System, VaultKeys};
use simulated_acquirer::{AcquirerTable, Delay};

/// Longer than the gateway's patience of 2.5 seconds.
struct Late;

impl Delay for Late {
    async fn late(&self) {
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let account = AcquirerTable::from_env().await?;
    let cards = VaultKeys::from_env().await?;
    task::serve(async |order| simulated_acquirer::handle(&account, &cards, &Late, &System, order).await).await
}
