//! The broker, then the bus, is away in the middle of the day: payments go on, and once it is back every event is at every
//! consumer exactly once.

use crate::kills::{assert_complete, text};
use crate::numbers::{fresh, unique};
use crate::policies::{denying, policy_of, put_policy};
use crate::shop::{Shop, alone, payment_body, until};
use crate::topics::read_all;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use xtask::process::Process;
use xtask::state::Server;

/// How long the broker is away, unless `FLORIN_OUTAGE_SECONDS` says otherwise: after so long, and not after twice that, the local
/// broker fences a producer that waited for it.
const BROKER_OUTAGE_SECONDS: u64 = 30;
/// The same for the bus.
const BUS_OUTAGE_SECONDS: u64 = 60;
/// Between two payments during an outage.
const PAYMENT_INTERVAL: Duration = Duration::from_secs(3);
/// From the end of an outage until all is where it belongs: retries back off while it lasts.
const RECOVERY_SECONDS: u64 = 240;
/// An endpoint that nobody answers at: what counts is that each event is on its way to it once.
const ENDPOINT: &str = "https://example.com/hooks";

/// A process that goes on when this is dropped, whatever became of the test.
struct Paused(Process);

impl Paused {
    fn new(process: Process) -> Self {
        process.pause();
        Self(process)
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        self.0.resume();
    }
}

fn outage(seconds: u64) -> Duration {
    let asked = std::env::var("FLORIN_OUTAGE_SECONDS").ok().map(|text| text.parse().expect("whole seconds"));
    Duration::from_secs(asked.unwrap_or(seconds))
}

/// Pays until the time is over, one payment after the other. None waits for those who are told. The payments' ids.
async fn pay_for(shop: &Shop, time: Duration) -> Vec<String> {
    let deadline = Instant::now() + time;
    let mut ticks = tokio::time::interval(PAYMENT_INTERVAL);
    let mut ids = Vec::new();
    while Instant::now() < deadline {
        ticks.tick().await;
        let (token, key) = (shop.create_token(&fresh()).await, unique());
        let answer = shop.pay(&payment_body(1999, &token), &key).await;
        assert_eq!(answer.body["status"], "succeeded", "{}", answer.text);
        ids.push(shop.payment_id(&key));
    }
    ids
}

/// The ids of the events that the payments' versions are.
async fn events_of(shop: &Shop, payments: &[String]) -> BTreeSet<String> {
    let mut events = BTreeSet::new();
    for id in payments {
        let version = shop.tables.payment(id).await.unwrap()["version"].as_u64().unwrap();
        events.extend((1..=version).map(|version| format!("{id}:{version}")));
    }
    events
}

/// The endpoint's deliveries, by the event that each carries.
async fn delivered(shop: &Shop, endpoint: &str) -> Vec<String> {
    let items = shop.tables.scan("WebhookDeliveries").await;
    let ours = items.iter().filter(|item| text(item, "endpoint_id") == endpoint);
    ours.map(|item| text(item, "event_id").to_owned()).collect()
}

/// Every event of the payments reached the topic, the journal, the fee lines and the webhooks, and nothing twice.
async fn assert_told_once(shop: &Shop, payments: &[String], endpoint: &str) {
    for id in payments {
        assert_complete(shop, id).await;
    }
    let events = events_of(shop, payments).await;
    let on_the_topic = until("every event on the topic", RECOVERY_SECONDS, || async {
        let records = read_all(&shop.stack, "payment-events").await;
        let ids = records.iter().filter_map(|record| serde_json::from_str::<Value>(&record.value).ok());
        let ids: BTreeSet<String> = ids.filter_map(|event| event["id"].as_str().map(str::to_owned)).collect();
        events.is_subset(&ids).then_some(())
    });
    on_the_topic.await;
    let deliveries = until("every event on its way to the endpoint", RECOVERY_SECONDS, || async {
        let deliveries = delivered(shop, endpoint).await;
        (deliveries.len() >= events.len()).then_some(deliveries)
    });
    let deliveries = deliveries.await;
    assert_eq!(deliveries.len(), events.len(), "one delivery for each event");
    assert_eq!(deliveries.into_iter().collect::<BTreeSet<_>>(), events);
    shop.stack.wait_for_consumers(Duration::from_secs(RECOVERY_SECONDS)).await.unwrap();
    for table in ["Journal", "FeeLines", "Settlements"] {
        let items = shop.tables.scan(table).await;
        let ours = |item: &&Value| payments.iter().any(|id| item.to_string().contains(id.as_str()));
        assert_eq!(items.iter().filter(ours).count(), payments.len(), "one item of {table} for each payment");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_broker_is_away_payments_go_on_and_then_every_event_is_told_once() {
    let _alone = alone().await;
    let shop = Shop::open().await;
    let endpoint = shop.webhook_endpoint(ENDPOINT).await;
    let paused = Paused::new(shop.stack.process(Server::Kafka).unwrap());
    let payments = pay_for(&shop, outage(BROKER_OUTAGE_SECONDS)).await;
    drop(paused);
    assert_told_once(&shop, &payments, &endpoint).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_bus_refuses_payments_go_on_and_then_every_event_is_told_once() {
    let _alone = alone().await;
    let shop = Shop::open().await;
    let endpoint = shop.webhook_endpoint(ENDPOINT).await;
    let policy = policy_of(&shop.stack, "publish").await;
    put_policy(&shop.stack, &policy, &denying(&policy.document, "events:PutEvents")).await;
    let payments = pay_for(&shop, outage(BUS_OUTAGE_SECONDS)).await;
    let during = delivered(&shop, &endpoint).await;
    put_policy(&shop.stack, &policy, &policy.document).await;
    assert!(during.is_empty(), "the bus took {} events while it refused", during.len());
    assert_told_once(&shop, &payments, &endpoint).await;
}
