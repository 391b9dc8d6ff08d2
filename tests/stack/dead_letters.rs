//! Records that are no events of ours are put aside with a reason, and their partition goes on.

use crate::numbers::unique;
use crate::shop::{Shop, healthy, until};
use crate::topics::{read_all, write_to_each_partition};
use payments::event::Event;
use payments::payment::Payment;
use serde_json::{Value, json};

const TOPIC: &str = "payment-events";
const DEAD_LETTERS: &str = "payment-events-dlq";
const PARTITIONS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_no_events_are_put_aside_with_a_reason_and_the_partition_goes_on() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let id = shop.sell(500).await;
    let payment: Payment = serde_json::from_value(shop.tables.payment(&id).await.unwrap()).unwrap();
    let good = serde_json::to_value(Event::of(&payment)).unwrap();
    let changed = |field: &str, value: Value| {
        let mut event = good.clone();
        event[field] = value;
        event.to_string()
    };
    let mark = unique();
    let values = [
        good.to_string(),
        format!("no JSON {mark}"),
        changed("type", json!("payment.unheard_of")),
        changed("version", json!(2)),
        good.to_string(),
    ];
    write_to_each_partition(&shop.stack, TOPIC, &mark, &values).await;

    let buried = until("the dead letters", 60, || async {
        let seen = read_all(&shop.stack, DEAD_LETTERS).await;
        let ours: Vec<_> = seen.into_iter().filter(|record| record.key == mark).collect();
        let all = values[1..4].iter().all(|value| ours.iter().filter(|r| r.value == *value).count() >= PARTITIONS);
        all.then_some(ours)
    })
    .await;
    for record in &buried {
        assert!(record.reason.as_ref().is_some_and(|reason| !reason.is_empty()), "a dead letter without a reason");
        assert!(values[1..4].contains(&record.value), "a good record was put aside: {:?}", record.reason);
    }

    // One of each partition at least, most likely: the events' keys are spread by their payments.
    for _ in 0..PARTITIONS {
        let later = shop.sell(700).await;
        let event = json!({ "event_id": format!("{later}:6") });
        until("a later payment's journal entry", 60, || async { shop.tables.get("Journal", event.clone()).await })
            .await;
    }
    let entry = json!({ "event_id": format!("{id}:{}", payment.version) });
    assert!(shop.tables.get("Journal", entry).await.is_some(), "the good event is posted");
}
