//! Wires [`close_payout::handle`] to the merchants, balances, journal and payouts tables and the Lambda runtime.
use payments_aws::{BalancesTable, PayoutsTable, PostedInJournal, ProfilesTable, System};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let profiles = ProfilesTable::from_env().await?;
    let balances = BalancesTable::from_env().await?;
    let posted = PostedInJournal::from_env().await?;
    let payouts = PayoutsTable::from_env().await?;
    let accounts = payments_aws::own_accounts()?;
    let (profiles, balances, posted, payouts) = (&profiles, &balances, &posted, &payouts);
    let ports = close_payout::Ports { profiles, balances, posted, payouts, accounts: &accounts, clock: &System };
    task::serve(async |request| close_payout::handle(&ports, request).await).await
}
