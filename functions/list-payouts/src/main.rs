//! Wires [`list_payouts::handle`] to the payouts table, the requests' limit and the Lambda runtime.
use payments_aws::{PayoutsTable, RateLimitInValkey};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let limits = RateLimitInValkey::from_env().await?;
    let payouts = PayoutsTable::from_env().await?;
    task::serve(async |request| list_payouts::handle(&limits, &payouts, request).await).await
}
