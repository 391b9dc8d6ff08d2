//! Wires [`present_card::handle`] to the vault's key, Stripe and the Lambda runtime.
use gateways::stripe::OpenedCards;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let cards = OpenedCards::from_env().await?;
    task::serve(async |order| present_card::handle(&cards, order).await).await
}
