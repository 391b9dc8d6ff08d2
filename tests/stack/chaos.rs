//! A storm in short: `cargo xtask chaos` is the long one.

use crate::shop::{Shop, alone};
use xtask::chaos::killer::Broker;
use xtask::chaos::{self, Options};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_paid_in_a_storm_agrees_with_the_acquirer_the_topic_and_the_balances() {
    let _alone = alone().await;
    let stack = Shop::open().await.stack;
    // Others need what the broker has in memory: it sleeps instead of dying.
    let options = Options { seed: 1, payments: 150, concurrency: 12, broker: Broker::Sleeps };
    let outcome = chaos::run(&stack, &options).await.unwrap();
    chaos::report(&options, &outcome);
    assert_eq!(outcome.differences, Vec::<String>::new());
    let killed = outcome.casualties;
    assert!(killed.functions > 0 && killed.pollers > 0 && killed.brokers > 0, "{killed:?}");
}
