//! The consumers of events: `publish`, `post-ledger`, `bill`. Twice, with failures, and with records that nobody can read.

use crate::world::{World, euro, owner};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bench::tables::{Fault, Tables};
use payments::billing::{FeeLine, SettlementLine};
use payments::event::Event;
use payments::failure::Unavailable;
use payments::ledger::{Account, fold};
use payments::payment::{CaptureMethod, Payment};
use payments::ports::{Events, FeeLines, SettlementLines};
use payments::stage::{Created, Stage};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use task::queue::ItemsAnswer;

/// What takes events, and the lines that are made of them.
#[derive(Default)]
pub struct Sinks {
    refuse_from: Cell<Option<usize>>,
    sent: RefCell<Vec<Event>>,
    pub lines: RefCell<BTreeMap<String, FeeLine>>,
    settlements: RefCell<BTreeMap<String, SettlementLine>>,
    /// After so many lines, no more are taken.
    full_at: Cell<Option<usize>>,
    down: Cell<bool>,
}

fn refused() -> Unavailable {
    Unavailable::new("a sink", "planned")
}

impl Events for Sinks {
    async fn send(&self, events: &[Event]) -> Vec<Result<(), Unavailable>> {
        let from = self.refuse_from.get().unwrap_or(usize::MAX);
        let outcome = |(place, event): (usize, &Event)| {
            if place >= from {
                return Err(refused());
            }
            crate::schemas::check_event(event);
            self.sent.borrow_mut().push(event.clone());
            Ok(())
        };
        events.iter().enumerate().map(outcome).collect()
    }
}

impl FeeLines for Sinks {
    async fn add(&self, line: &FeeLine) -> Result<(), Unavailable> {
        if self.down.get() || self.is_full() {
            return Err(refused());
        }
        self.lines.borrow_mut().entry(line.line_id.clone()).or_insert_with(|| line.clone());
        Ok(())
    }
}

impl SettlementLines for Sinks {
    async fn add(&self, line: &SettlementLine) -> Result<(), Unavailable> {
        if self.down.get() || self.is_full() {
            return Err(refused());
        }
        self.settlements.borrow_mut().entry(line.settlement_id.clone()).or_insert_with(|| line.clone());
        Ok(())
    }
}

impl Sinks {
    fn is_full(&self) -> bool {
        let lines = self.lines.borrow().len() + self.settlements.borrow().len();
        self.full_at.get().is_some_and(|full| lines >= full)
    }
}

/// A payment of 100.00 EUR that succeeded with a fee of 2.75.
async fn succeeded(name: &str) -> Payment {
    let world = World::new();
    let id = world.open(name, "4242424242424242", 10_000, CaptureMethod::Automatic);
    crate::machine::bring_to_rest(&world, &id).await;
    world.payment(&id)
}

fn record(offset: i64, value: &[u8]) -> serde_json::Value {
    json!({ "topic": "payment-events", "partition": 2, "offset": offset, "key": BASE64.encode("k"), "value": BASE64.encode(value) })
}

pub fn kafka(values: &[Vec<u8>]) -> task::kafka::KafkaRequest {
    let records: Vec<_> = values.iter().zip(10..).map(|(value, offset)| record(offset, value)).collect();
    serde_json::from_value(json!({ "records": { "payment-events-2": records } })).unwrap()
}

fn event_of(payment: &Payment) -> Vec<u8> {
    serde_json::to_vec(&Event::of(payment)).unwrap()
}

#[tokio::test]
async fn an_event_delivered_twice_is_posted_once_and_sums_to_zero() {
    let tables = Tables::new();
    let batch = [event_of(&succeeded("a").await), event_of(&succeeded("b").await), event_of(&succeeded("a").await)];
    for _ in 0..2 {
        let answer = post_ledger::handle(&tables, &tables, kafka(&batch)).await.unwrap();
        assert_eq!(answer, task::kafka::KafkaAnswer::default());
    }
    let journal = tables.read_journal();
    assert_eq!((journal.committed().count(), journal.blocks()), (2, 1));
    let deltas = fold(journal.committed().map(|(_, entry)| entry));
    assert_eq!(deltas.values().map(|delta| i128::from(delta.minor)).sum::<i128>(), 0);
    let payable = Account::MerchantPayable { merchant_id: owner().merchant_id, mode: owner().mode };
    let owed = deltas.iter().filter(|(key, _)| *key.account == payable && key.currency == euro());
    assert_eq!(owed.map(|(_, delta)| delta.minor).sum::<i64>(), -2 * (10_000 - 275));
}

#[tokio::test]
async fn a_record_that_nobody_can_read_is_buried_and_the_partition_goes_on() {
    let good = event_of(&succeeded("a").await);
    let change = |field: &str, value: serde_json::Value| {
        let mut event: serde_json::Value = serde_json::from_slice(&good).unwrap();
        event[field] = value;
        event.to_string().into_bytes()
    };
    let rows = [
        (b"not json".to_vec(), "the record is not JSON"),
        (change("version", json!(2)), "version: expected 1"),
        (change("type", json!("payment.exploded")), "unknown variant `payment.exploded`"),
    ];
    for (bad, reason) in rows {
        let tables = Tables::new();
        let answer = post_ledger::handle(&tables, &tables, kafka(&[bad.clone(), good.clone()])).await.unwrap();
        assert_eq!(answer, task::kafka::KafkaAnswer::default(), "{reason}");
        assert_eq!(tables.read_journal().committed().count(), 1, "{reason}");
        let dead = tables.dead.borrow();
        assert_eq!((dead.len(), dead[0].value.as_ref(), dead[0].position.offset), (1, Some(&bad), 10), "{reason}");
        assert!(dead[0].reason.starts_with(reason), "{}", dead[0].reason);
    }
}

#[tokio::test]
async fn a_dead_letter_lacks_what_its_record_lacked() {
    let rows = [
        (json!({ "key": BASE64.encode("k"), "value": BASE64.encode("no event") }), (Some("k"), Some("no event"))),
        (json!({ "key": "", "value": "" }), (Some(""), Some(""))),
        (json!({ "key": null, "value": null }), (None, None)),
        (json!({}), (None, None)),
    ];
    for (fields, (key, value)) in rows {
        let mut record = json!({ "topic": "payment-events", "partition": 2, "offset": 10 });
        record.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let request = serde_json::from_value(json!({ "records": { "payment-events-2": [record] } })).unwrap();
        let tables = Tables::new();
        post_ledger::handle(&tables, &tables, request).await.unwrap();
        let dead = &tables.dead.borrow()[0];
        let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
        assert_eq!((&dead.key, &dead.value), (&bytes(key), &bytes(value)), "{fields}");
    }
}

#[tokio::test]
async fn a_partition_that_cannot_be_posted_is_named_as_lambda_knows_it() {
    let tables = Tables::new();
    tables.fail(1, Fault::Before);
    let answer = post_ledger::handle(&tables, &tables, kafka(&[event_of(&succeeded("a").await)])).await.unwrap();
    let expected =
        json!({ "batchItemFailures": [{ "itemIdentifier": { "partition": "payment-events-2", "offset": 10 } }] });
    assert_eq!(serde_json::to_value(answer).unwrap(), expected);
}

#[tokio::test]
async fn a_settlement_that_contradicts_its_terms_is_not_posted() {
    let mut event = serde_json::to_value(Event::of(&succeeded("a").await)).unwrap();
    event["data"]["operation"]["settlement"]["fee"] = json!(1);
    let tables = Tables::new();
    post_ledger::handle(&tables, &tables, kafka(&[event.to_string().into_bytes()])).await.unwrap();
    assert!(tables.journal.borrow().is_empty());
    assert!(tables.dead.borrow()[0].reason.contains("settlement"));
}

#[tokio::test]
async fn a_fee_line_is_written_once_and_a_failure_comes_again() {
    let sinks = Sinks::default();
    let message = |body: String| json!({ "messageId": "m1", "body": body });
    let event: serde_json::Value = serde_json::from_slice(&event_of(&succeeded("a").await)).unwrap();
    let good = message(json!({ "detail": event }).to_string());
    let request = |records: &[&serde_json::Value]| serde_json::from_value(json!({ "Records": records })).unwrap();
    sinks.down.set(true);
    let answer = bill::handle(&sinks, &sinks, request(&[&good])).await.unwrap();
    assert_eq!(answer.batch_item_failures[0].item_identifier, "m1");
    sinks.down.set(false);
    for _ in 0..2 {
        assert_eq!(bill::handle(&sinks, &sinks, request(&[&good])).await.unwrap(), ItemsAnswer::default());
    }
    assert_eq!(sinks.settlements.borrow().values().map(|line| line.net).collect::<Vec<_>>(), [10_000 - 275]);
    assert_eq!(sinks.lines.borrow().values().map(|line| line.fee).collect::<Vec<_>>(), [275]);
    for bad in
        ["not json".to_owned(), "{}".to_owned(), json!({ "detail": "7" }).to_string(), json!([event]).to_string()]
    {
        let answer = bill::handle(&sinks, &sinks, request(&[&message(bad.clone())])).await.unwrap();
        assert_eq!(answer.batch_item_failures.len(), 1, "{bad}");
    }
}

#[tokio::test]
async fn lines_that_broke_off_are_made_whole() {
    let event: serde_json::Value = serde_json::from_slice(&event_of(&succeeded("a").await)).unwrap();
    let message = json!({ "messageId": "m1", "body": json!({ "detail": event }).to_string() });
    let request = || serde_json::from_value(json!({ "Records": [message] })).unwrap();
    for written in 0..2 {
        let sinks = Sinks::default();
        sinks.full_at.set(Some(written));
        assert_eq!(bill::handle(&sinks, &sinks, request()).await.unwrap().batch_item_failures.len(), 1);
        sinks.full_at.set(None);
        assert_eq!(bill::handle(&sinks, &sinks, request()).await.unwrap(), ItemsAnswer::default());
        assert_eq!((sinks.lines.borrow().len(), sinks.settlements.borrow().len()), (1, 1), "after {written}");
    }
}

fn stream(payments: &[Payment]) -> publish::Request {
    let image = |payment: &Payment| serde_dynamo::to_item::<_, serde_dynamo::Item>(payment).unwrap().into_inner();
    crate::outbox_world::stream(payments.iter().map(|payment| json!(image(payment))))
}

#[tokio::test]
async fn publish_reports_the_first_version_that_was_not_sent() {
    let last = succeeded("a").await;
    let history = last.history[..1].to_vec();
    let first = Payment { version: 1, stage: Stage::Created(Created {}), history, ..last.clone() };
    for (from, failed) in [(None, None), (Some(0), Some("100")), (Some(1), Some("101"))] {
        let sinks = Sinks::default();
        sinks.refuse_from.set(from);
        let answer = publish::handle(&sinks, stream(&[first.clone(), last.clone()])).await.unwrap();
        let failures: Vec<_> =
            answer.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
        assert_eq!(failures, failed.into_iter().collect::<Vec<_>>());
        let whole = publish::all_or_error(answer).map_err(|error| error.to_string());
        let expected = failed.map(|number| format!("not published from record {number} on"));
        assert_eq!(whole.err(), expected, "for a reader that knows no partial answers");
        let ids: Vec<String> = sinks.sent.borrow().iter().map(|event| event.id.clone()).collect();
        let expected = [format!("{}:1", last.payment_id), format!("{}:6", last.payment_id)];
        assert_eq!(ids, expected[..from.unwrap_or(2)]);
    }
}

#[tokio::test]
async fn an_item_that_cannot_be_read_holds_the_stream_from_there_on() {
    let sinks = Sinks::default();
    let mut request = stream(&[succeeded("a").await, succeeded("b").await]);
    request.records[1].dynamodb.new_image.as_mut().unwrap().remove("amount");
    let answer = publish::handle(&sinks, request).await.unwrap();
    assert_eq!(answer.batch_item_failures[0].item_identifier, "101");
    assert_eq!(sinks.sent.borrow().len(), 1);
}

/// A sample event of a function's folder.
fn sample<T: serde::de::DeserializeOwned>(folder: &str) -> T {
    let path = format!("{}/../events/{folder}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test]
async fn the_consumers_sample_events_are_taken_and_move_no_money() {
    let sinks = Sinks::default();
    assert_eq!(publish::handle(&sinks, sample("publish")).await.unwrap(), ItemsAnswer::default());
    assert_eq!(sinks.sent.borrow().len(), 1);
    let tables = Tables::new();
    let posted = post_ledger::handle(&tables, &tables, sample("post-ledger")).await.unwrap();
    assert_eq!(posted, task::kafka::KafkaAnswer::default());
    assert_eq!(bill::handle(&sinks, &sinks, sample("bill")).await.unwrap(), ItemsAnswer::default());
    assert!(tables.dead.borrow().is_empty() && tables.journal.borrow().is_empty() && sinks.lines.borrow().is_empty());
}
