//! Nothing is lost, in virtual time: the broker down, the bus refused, `publish` failing for a day, over a stream that
//! forgets after 24 hours and a poller that gives up what is older than 20. The handlers are the real ones.

use crate::consumers::stream;
use crate::world::World;
use payments::billing::{FeeLine, SettlementLine};
use payments::event::Event;
use payments::failure::Unavailable;
use payments::id::PaymentId;
use payments::outbox::Stretch;
use payments::payment::{CaptureMethod, Payment};
use payments::ports::{Events, FeeLines, ScanPage, ScanPayments, SettlementLines, Stretches};
use payments::timestamp::Timestamp;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use task::queue::ItemsAnswer;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// As the template has it for the stream's mapping.
const LONGEST_AGE: i64 = 20 * HOUR;
/// What DynamoDB keeps of a stream.
const STREAM_KEEPS: i64 = 24 * HOUR;
/// How long the poller rests after a failure.
const PAUSE: i64 = 10 * MINUTE;
/// How long that queue waits for company.
const WINDOW: i64 = 5 * MINUTE;
/// Payments, one every ten minutes.
const PAYMENTS: i64 = 180;
/// As the template has it for republish's queue.
const VISIBILITY: i64 = 18 * MINUTE;

/// What is out of order, and when.
#[derive(Clone, Copy, Debug)]
enum Outage {
    Broker,
    Bus,
    Publish,
}

/// The table, the bus, the topic and the queue, with a clock.
struct Outside {
    now: Cell<i64>,
    outage: Option<(Outage, Range<i64>)>,
    table: RefCell<BTreeMap<PaymentId, Payment>>,
    topic: RefCell<Vec<Event>>,
    bus: RefCell<Vec<Event>>,
    lines: RefCell<BTreeMap<String, FeeLine>>,
    settlements: RefCell<BTreeMap<String, SettlementLine>>,
    queue: RefCell<VecDeque<(i64, String)>>,
}

impl Outside {
    fn is_out(&self, what: Outage) -> bool {
        let is = |outage: Outage| std::mem::discriminant(&outage) == std::mem::discriminant(&what);
        self.outage.as_ref().is_some_and(|(outage, when)| is(*outage) && when.contains(&self.now.get()))
    }
}

impl Events for Outside {
    /// As the adapter: what the topic refuses is not told to anybody as done, what the bus refuses is on the topic already.
    async fn send(&self, events: &[Event]) -> Vec<Result<(), Unavailable>> {
        let outcome = |event: &Event| {
            if !self.is_out(Outage::Broker) {
                self.topic.borrow_mut().push(event.clone());
            }
            if !self.is_out(Outage::Bus) {
                self.bus.borrow_mut().push(event.clone());
            }
            let out = self.is_out(Outage::Broker) || self.is_out(Outage::Bus);
            if out { Err(Unavailable::new("the outside", "planned")) } else { Ok(()) }
        };
        events.iter().map(outcome).collect()
    }
}

impl ScanPayments for Outside {
    async fn scan(&self, after: Option<&PaymentId>, _: usize) -> Result<ScanPage, Unavailable> {
        // Short pages: a sweep of 180 payments needs more than one message.
        const PAGE: usize = 5;
        let table = self.table.borrow();
        let behind = table.values().filter(|payment| after.is_none_or(|after| payment.payment_id > *after));
        let payments: Vec<Payment> = behind.take(PAGE).cloned().collect();
        let last = payments.last().filter(|_| payments.len() == PAGE).map(|payment| payment.payment_id.clone());
        Ok(ScanPage { payments, last })
    }
}

impl Stretches for Outside {
    async fn enqueue(&self, stretch: &Stretch) -> Result<(), Unavailable> {
        self.queue.borrow_mut().push_back((self.now.get(), serde_json::to_string(stretch).unwrap()));
        Ok(())
    }
}

impl FeeLines for Outside {
    async fn add(&self, line: &FeeLine) -> Result<(), Unavailable> {
        self.lines.borrow_mut().entry(line.line_id.clone()).or_insert_with(|| line.clone());
        Ok(())
    }
}

impl SettlementLines for Outside {
    async fn add(&self, line: &SettlementLine) -> Result<(), Unavailable> {
        self.settlements.borrow_mut().entry(line.settlement_id.clone()).or_insert_with(|| line.clone());
        Ok(())
    }
}

/// Lambda's poller of one shard.
struct Poller {
    stream: VecDeque<Payment>,
    given_up: usize,
    trimmed: usize,
    not_before: i64,
}

fn arrival(version: &Payment) -> i64 {
    version.latest_change().at.as_millis()
}

impl Poller {
    /// One look at the stream: what is forgotten, what is given up, and one batch.
    async fn poll(&mut self, outside: &Outside) {
        let now = outside.now.get();
        while self.stream.front().is_some_and(|version| arrival(version) < now - STREAM_KEEPS) {
            self.stream.pop_front();
            self.trimmed += 1;
        }
        let there: Vec<Payment> = self.stream.iter().take_while(|it| arrival(it) <= now).take(100).cloned().collect();
        let old = there.iter().filter(|version| arrival(version) < now - LONGEST_AGE).count();
        if old > 0 {
            self.give_up(outside, &there[..old]);
            return;
        }
        if there.is_empty() || outside.is_out(Outage::Publish) || now < self.not_before {
            return;
        }
        let answer = publish::handle(outside, stream(&there)).await.unwrap();
        let failed = answer.batch_item_failures.first().map(|it| it.item_identifier.parse::<usize>().unwrap() - 100);
        if failed.is_some() {
            self.not_before = now + PAUSE;
        }
        self.stream.drain(..failed.unwrap_or(there.len()));
    }

    fn give_up(&mut self, outside: &Outside, old: &[Payment]) {
        let at = |version: &Payment| Timestamp::from_millis(arrival(version)).to_rfc3339();
        let document = json!({ "DDBStreamBatchInfo": {
            "streamArn": "arn:aws:dynamodb:r:1:table/payments/stream/1", "batchSize": old.len(),
            "approximateArrivalOfFirstRecord": at(&old[0]), "approximateArrivalOfLastRecord": at(&old[old.len() - 1]),
        } });
        outside.queue.borrow_mut().push_back((outside.now.get(), document.to_string()));
        self.given_up += old.len();
        self.stream.drain(..old.len());
    }
}

/// The queue's messages whose time has come, in one batch; those that failed come again.
async fn republish(outside: &Outside) {
    let now = outside.now.get();
    let (due, later): (VecDeque<_>, VecDeque<_>) = outside.queue.take().into_iter().partition(|(at, _)| *at <= now);
    outside.queue.replace(later);
    let records: Vec<_> = due
        .iter()
        .enumerate()
        .map(|(number, (_, body))| json!({ "messageId": number.to_string(), "body": body }))
        .collect();
    let ports = republish::Ports { payments: outside, table: "payments", events: outside, queue: outside };
    let request = serde_json::from_value(json!({ "Records": records })).unwrap();
    for failure in republish::handle(&ports, request).await.unwrap().batch_item_failures {
        let (_, body) = &due[failure.item_identifier.parse::<usize>().unwrap()];
        outside.queue.borrow_mut().push_back((now + VISIBILITY, body.clone()));
    }
}

/// Every version of payments that are made over 30 hours.
async fn day_and_more() -> (World, i64) {
    let world = World::new();
    let start = world.now.get();
    for number in 0..PAYMENTS {
        world.now.set(start + number * 10 * MINUTE);
        let card = if number % 7 == 0 { "4000000000000002" } else { "4242424242424242" };
        world.counted.borrow_mut().clear();
        let id = world.open(&format!("p{number}"), card, 1_000, CaptureMethod::Automatic);
        crate::machine::bring_to_rest(&world, &id).await;
    }
    (world, start)
}

/// Runs the outage and what follows; answers how many versions the stream gave up and forgot.
async fn check(outage: Outage, when: Range<i64>) -> (usize, usize) {
    let (world, start) = day_and_more().await;
    let versions = world.versions.borrow().clone();
    let outside = Outside {
        now: Cell::new(start),
        outage: Some((outage, start + when.start..start + when.end)),
        table: RefCell::new(world.payments.borrow().clone()),
        topic: RefCell::default(),
        bus: RefCell::default(),
        lines: RefCell::default(),
        settlements: RefCell::default(),
        queue: RefCell::default(),
    };
    let mut poller = Poller { stream: versions.iter().cloned().collect(), given_up: 0, trimmed: 0, not_before: 0 };
    while outside.now.get() < start + 70 * HOUR {
        poller.poll(&outside).await;
        if outside.now.get() % WINDOW < MINUTE {
            republish(&outside).await;
        }
        outside.now.set(outside.now.get() + MINUTE);
    }
    assert!(poller.stream.is_empty() && outside.queue.borrow().is_empty(), "{outage:?}: something still waits");
    let ids: BTreeSet<String> = versions.iter().map(|version| Event::of(version).id).collect();
    for (name, there) in [("topic", &outside.topic), ("bus", &outside.bus)] {
        let there = there.borrow();
        let seen: BTreeSet<String> = there.iter().map(|event| event.id.clone()).collect();
        assert_eq!(seen, ids, "{outage:?}: the {name} knows every event and no other");
        assert_in_order(&there, &format!("{outage:?}, {name}"));
    }
    bill_all(&outside).await;
    let succeeded = versions.iter().filter(|version| Event::of(version).kind.to_string() == "payment.succeeded");
    assert_eq!(outside.lines.borrow().len(), succeeded.count(), "{outage:?}: billed once each");
    (poller.given_up, poller.trimmed)
}

/// A payment's events come in order, and a sequence that is sent again begins anew from some version on.
fn assert_in_order(events: &[Event], context: &str) {
    let mut last = BTreeMap::<&str, u32>::new();
    for event in events {
        let version: u32 = event.id.rsplit(':').next().unwrap().parse().unwrap();
        let before = last.insert(event.subject(), version).unwrap_or_default();
        assert!(version <= before + 1 || before == 0, "{context}: {} after version {before}", event.id);
    }
    for (payment, version) in &last {
        let most = events.iter().filter(|event| event.subject() == *payment).count();
        assert!(usize::try_from(*version).unwrap() <= most, "{context}: {payment}");
    }
}

/// The bus's consumer, over all that the bus ever carried.
async fn bill_all(outside: &Outside) {
    let records: Vec<_> = outside
        .bus
        .borrow()
        .iter()
        .map(|event| json!({ "messageId": event.id, "body": json!({ "detail": event }).to_string() }))
        .collect();
    let request = serde_json::from_value(json!({ "Records": records })).unwrap();
    assert_eq!(bill::handle(outside, outside, request).await.unwrap(), ItemsAnswer::default());
}

#[tokio::test]
async fn five_minutes_without_the_broker_lose_nothing_and_the_stream_heals_it() {
    assert_eq!(check(Outage::Broker, 10 * HOUR..10 * HOUR + 6 * MINUTE).await, (0, 0));
}

#[tokio::test]
async fn five_minutes_of_a_bus_that_refuses_lose_nothing_and_the_stream_heals_it() {
    assert_eq!(check(Outage::Bus, 10 * HOUR..10 * HOUR + 6 * MINUTE).await, (0, 0));
}

#[tokio::test]
async fn a_day_without_publish_the_broker_or_the_bus_loses_nothing_because_the_table_remembers() {
    for outage in [Outage::Publish, Outage::Broker, Outage::Bus] {
        let (given_up, trimmed) = check(outage, 2 * HOUR..28 * HOUR).await;
        assert!(given_up > 100, "{outage:?}: the stream gave up {given_up}: the outage was too short to show anything");
        assert_eq!(trimmed, 0, "{outage:?}: nothing may be forgotten before it is given up");
    }
}

#[tokio::test]
async fn events_told_again_say_about_money_what_they_said_when_they_were_new() {
    let (world, _) = day_and_more().await;
    for version in world.versions.borrow().iter() {
        let latest = world.payment(&version.payment_id);
        let (new, all) = (Event::of(version), Event::all_of(&latest));
        let again = all.iter().find(|event| event.id == new.id).unwrap();
        let said = |event: &Event| {
            let operation = event.payment().unwrap().operation.clone();
            (event.id.clone(), event.kind, event.occurred_at.clone(), event.owner(), operation)
        };
        assert_eq!(said(again), said(&new));
        if new.kind != payments::event::EventKind::Processing {
            assert_eq!(again.payment().unwrap().amount_captured, new.payment().unwrap().amount_captured);
        }
    }
}

#[tokio::test]
async fn the_sample_event_names_another_stack_s_table_and_stays_in_the_queue_for_it() {
    let path = format!("{}/../events/republish.json", env!("CARGO_MANIFEST_DIR"));
    let sample = std::fs::read_to_string(path).unwrap();
    let world = World::new();
    let outside = Outside {
        now: Cell::new(world.now.get()),
        outage: None,
        table: RefCell::default(),
        topic: RefCell::default(),
        bus: RefCell::default(),
        lines: RefCell::default(),
        settlements: RefCell::default(),
        queue: RefCell::default(),
    };
    for (table, failures) in [("florin-payments", 0), ("other-payments", 1)] {
        let ports = republish::Ports { payments: &outside, table, events: &outside, queue: &outside };
        let answer = republish::handle(&ports, serde_json::from_str(&sample).unwrap()).await.unwrap();
        assert_eq!(answer.batch_item_failures.len(), failures, "{table}");
    }
}
