//! The outboxes in virtual time: three tables with their streams, which forget after 24 hours, a poller for each, which
//! gives up what is older than 20, the bus, the topic and `republish`'s queue. The handlers are the real ones.

use crate::world::World;
use payments::bank::BookedMovement;
use payments::event::Event;
use payments::failure::Unavailable;
use payments::id::BankMovementId;
use payments::outbox::{Key, Outbox, OutboxNames, Stretch, Subject};
use payments::payment::{CaptureMethod, Payment};
use payments::payout::item::{Due, Owed, Told};
use payments::payout::{Payout, PayoutFailure};
use payments::ports::{Events, OutboxPage, ScanOutbox, Stretches};
use payments::timestamp::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
/// As the template has it for the streams' mappings.
const LONGEST_AGE: i64 = 20 * HOUR;
/// What DynamoDB keeps of a stream.
const STREAM_KEEPS: i64 = 24 * HOUR;
/// How long a poller rests after a failure.
const PAUSE: i64 = 30 * MINUTE;
/// How long that queue waits for company.
pub const WINDOW: i64 = 5 * MINUTE;
/// Payments, one every ten minutes.
const PAYMENTS: i64 = 180;
/// Payouts, one every half hour.
const PAYOUTS: u32 = 60;
/// Movements, one every fifteen minutes.
const MOVEMENTS: i64 = 120;
/// As the template has it for republish's queue.
const VISIBILITY: i64 = 18 * MINUTE;
/// Short pages: a sweep needs more than one message.
const PAGE: usize = 5;

/// What is out of order, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outage {
    Broker,
    Bus,
    Publish,
}

/// An item as it became.
#[derive(Clone)]
pub struct Version {
    pub table: Outbox,
    pub at: i64,
    pub event: Event,
    pub subject: Subject,
    key: Key,
    image: Value,
}

impl Version {
    pub fn of(subject: Subject) -> Self {
        let (table, at, event, key, image) = match &subject {
            Subject::Payment(payment) => {
                let key = Key::Payment { payment_id: payment.payment_id.clone() };
                (Outbox::Payments, payment.latest_change().at, Event::of(payment), key, image(payment))
            }
            Subject::Payout(payout) => {
                let key = Key::Payout(payout.key.clone());
                (Outbox::Payouts, payout.latest_change().at, Event::of_payout(payout), key, image(payout))
            }
            Subject::Movement(booked) => {
                let key = Key::Movement { movement_id: booked.movement_id.clone() };
                (Outbox::BankMovements, booked.read_at, Event::of_movement(booked), key, image(booked))
            }
        };
        Self { table, at: at.as_millis(), event, subject, key, image }
    }
}

/// An item as a stream carries it.
fn image(item: &impl Serialize) -> Value {
    let item: serde_dynamo::Item = serde_dynamo::to_item(item).unwrap();
    json!(item.into_inner())
}

/// A stream's batch.
pub fn stream(images: impl IntoIterator<Item = Value>) -> publish::Request {
    let record = |(image, number): (Value, u32)| json!({ "dynamodb": { "SequenceNumber": number.to_string(), "NewImage": image } });
    let records: Vec<_> = images.into_iter().zip(100..).map(record).collect();
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

/// The tables, the bus, the topic and the queue, with a clock.
pub struct Outside {
    pub now: Cell<i64>,
    pub outage: Option<(Outage, Range<i64>)>,
    tables: BTreeMap<Outbox, BTreeMap<Key, Vec<Version>>>,
    pub topic: RefCell<Vec<Event>>,
    pub bus: RefCell<Vec<Event>>,
    pub queue: RefCell<VecDeque<(i64, String)>>,
}

impl Outside {
    pub fn new(now: i64, versions: &[Version]) -> Self {
        let mut tables: BTreeMap<_, BTreeMap<_, Vec<_>>> = BTreeMap::new();
        for version in versions {
            let items = tables.entry(version.table).or_default();
            items.entry(version.key.clone()).or_default().push(version.clone());
        }
        let (topic, bus, queue) = (RefCell::default(), RefCell::default(), RefCell::default());
        Self { now: Cell::new(now), outage: None, tables, topic, bus, queue }
    }

    fn is_out(&self, what: Outage) -> bool {
        self.outage.as_ref().is_some_and(|(outage, when)| *outage == what && when.contains(&self.now.get()))
    }
}

pub fn names() -> OutboxNames {
    let name = |table: &str| format!("florin-{table}");
    OutboxNames { payments: name("payments"), payouts: name("payouts"), bank_movements: name("bank-movements") }
}

impl Events for Outside {
    /// As the adapter: what the topic refuses is not told to anybody as done, what the bus refuses is on the topic already.
    async fn send(&self, events: &[Event]) -> Vec<Result<(), Unavailable>> {
        events.iter().for_each(crate::schemas::check_event);
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

impl ScanOutbox for Outside {
    async fn scan(&self, table: Outbox, after: Option<&Key>, _: usize) -> Result<OutboxPage, Unavailable> {
        let now = self.now.get();
        let items = self.tables.get(&table).into_iter().flatten();
        let behind = items.filter(|(key, _)| after.is_none_or(|after| *key > after));
        let latest = behind.filter_map(|(_, versions)| versions.iter().rfind(|version| version.at <= now));
        let page: Vec<&Version> = latest.take(PAGE).collect();
        let last = page.last().filter(|_| page.len() == PAGE).map(|version| {
            // As DynamoDB gives and takes it.
            let key: serde_dynamo::Item = serde_dynamo::to_item(&version.key).unwrap();
            serde_dynamo::from_item(key).unwrap()
        });
        Ok(OutboxPage { subjects: page.into_iter().map(|version| version.subject.clone()).collect(), last })
    }
}

impl Stretches for Outside {
    async fn enqueue(&self, stretch: &Stretch) -> Result<(), Unavailable> {
        self.queue.borrow_mut().push_back((self.now.get(), serde_json::to_string(stretch).unwrap()));
        Ok(())
    }
}

/// Lambda's poller of one table's only shard.
pub struct Poller {
    table: Outbox,
    stream: VecDeque<Version>,
    pub given_up: usize,
    pub trimmed: usize,
    not_before: i64,
}

impl Poller {
    /// One for each table.
    pub fn all(versions: &[Version]) -> Vec<Self> {
        let poller = |table| {
            let stream = versions.iter().filter(|version| version.table == table).cloned().collect();
            Self { table, stream, given_up: 0, trimmed: 0, not_before: 0 }
        };
        [Outbox::Payments, Outbox::Payouts, Outbox::BankMovements].map(poller).into()
    }

    pub fn is_done(&self) -> bool {
        self.stream.is_empty()
    }

    /// One look at the stream: what is forgotten, what is given up, and one batch.
    pub async fn poll(&mut self, outside: &Outside) {
        let now = outside.now.get();
        while self.stream.front().is_some_and(|version| version.at < now - STREAM_KEEPS) {
            self.stream.pop_front();
            self.trimmed += 1;
        }
        let there = self.stream.iter().take_while(|version| version.at <= now).take(100).count();
        let old = self.stream.iter().take_while(|version| version.at < now - LONGEST_AGE).take(100).count();
        if old > 0 {
            self.give_up(outside, old);
            return;
        }
        if there == 0 || outside.is_out(Outage::Publish) || now < self.not_before {
            return;
        }
        let request = stream(self.stream.iter().take(there).map(|version| version.image.clone()));
        let answer = publish::handle(outside, request).await.unwrap();
        let failed = answer.batch_item_failures.first().map(|it| it.item_identifier.parse::<usize>().unwrap() - 100);
        if failed.is_some() {
            self.not_before = now + PAUSE;
        }
        self.stream.drain(..failed.unwrap_or(there));
    }

    fn give_up(&mut self, outside: &Outside, old: usize) {
        let name = match self.table {
            Outbox::Payments => names().payments,
            Outbox::Payouts => names().payouts,
            Outbox::BankMovements => names().bank_movements,
        };
        let at = |version: &Version| Timestamp::from_millis(version.at).to_rfc3339();
        let document = json!({ "DDBStreamBatchInfo": {
            "streamArn": format!("arn:aws:dynamodb:r:1:table/{name}/stream/1"), "batchSize": old,
            "approximateArrivalOfFirstRecord": at(&self.stream[0]),
            "approximateArrivalOfLastRecord": at(&self.stream[old - 1]),
        } });
        outside.queue.borrow_mut().push_back((outside.now.get(), document.to_string()));
        self.given_up += old;
        self.stream.drain(..old);
    }
}

/// The queue's messages whose time has come, in one batch; those that failed come again.
pub async fn republish(outside: &Outside) {
    let now = outside.now.get();
    let (due, later): (VecDeque<_>, VecDeque<_>) = outside.queue.take().into_iter().partition(|(at, _)| *at <= now);
    outside.queue.replace(later);
    let record =
        |(number, (_, body)): (usize, &(i64, String))| json!({ "messageId": number.to_string(), "body": body });
    let records: Vec<_> = due.iter().enumerate().map(record).collect();
    let request = serde_json::from_value(json!({ "Records": records })).unwrap();
    let ports = republish::Ports { tables: outside, names: names(), events: outside, queue: outside };
    for failure in republish::handle(&ports, request).await.unwrap().batch_item_failures {
        let (_, body) = &due[failure.item_identifier.parse::<usize>().unwrap()];
        outside.queue.borrow_mut().push_back((now + VISIBILITY, body.clone()));
    }
}

/// Every version of what is made over 30 hours, in the order of their arrival, and when that begins.
pub async fn day_and_more() -> (Vec<Version>, i64) {
    let (payments, start) = payments().await;
    let mut versions: Vec<Version> =
        payments.into_iter().map(|it| Version::of(Subject::Payment(Box::new(it)))).collect();
    versions.extend((1..=PAYOUTS).flat_map(|number| payout(number, start + i64::from(number) * 30 * MINUTE)));
    versions.extend((0..MOVEMENTS).map(|number| movement(number, start + number * 15 * MINUTE)));
    versions.sort_by_key(|version| version.at);
    (versions, start)
}

/// Every version of payments that come to rest at once.
async fn payments() -> (Vec<Payment>, i64) {
    let world = World::new();
    let start = world.now.get();
    for number in 0..PAYMENTS {
        world.now.set(start + number * 10 * MINUTE);
        let card = if number % 7 == 0 { "4000000000000002" } else { "4242424242424242" };
        world.counted.borrow_mut().clear();
        let id = world.open(&format!("p{number}"), card, 1_000, CaptureMethod::Automatic);
        crate::machine::bring_to_rest(&world, &id).await;
    }
    (world.versions.take(), start)
}

/// The versions of a payout, hours apart: paid, rejected, or paid and given back.
fn payout(number: u32, at: i64) -> Vec<Version> {
    let later = |minutes: i64| Timestamp::from_millis(at + minutes * MINUTE);
    let bank_account = json!({
        "type": "iban", "name": "A", "iban": "NL84MOCK0000000003", "bic": "MOCKNL2A",
    });
    let due = Due {
        owner: &crate::payout_world::owner("mer_a"),
        currency: crate::payout_world::currency("EUR"),
        day: &later(0).to_rfc3339()[..10],
        number,
        owed: vec![Owed {
            account: "test:merchant:mer_a:payable".to_owned(),
            due: "2026-11-18".to_owned(),
            minor: 700,
        }],
        to: &serde_json::from_value(bank_account).unwrap(),
        max_minor: 1_000,
        reference_length: 30,
    };
    let mut first = Payout::create(&due, later(0)).unwrap();
    // Several a day, for the sake of the numbers: the id goes by the day.
    first.payout_id = format!("po_{number:032x}").parse().unwrap();
    let failure =
        || PayoutFailure { code: "AC04".to_owned(), detail: "closed".to_owned(), due_again: "2026-11-25".to_owned() };
    let mut versions = vec![first];
    let mut becomes = |step: &dyn Fn(Payout) -> Told| {
        let Told::Next(next) = step(versions.last().unwrap().clone()) else { panic!("not a next version") };
        versions.push(*next);
    };
    becomes(&|payout| payout.send("file", later(20)));
    becomes(&|payout| payout.accept(later(90)));
    if number.is_multiple_of(3) {
        becomes(&|payout| payout.reject(failure(), later(240)));
    } else {
        becomes(&|payout| payout.clone().pay(payout.amount, "paid", "2026-11-19", later(240)));
    }
    if number % 3 == 1 {
        becomes(&|payout| payout.clone().give_back(payout.amount, "back", failure(), later(600)));
    }
    versions.into_iter().map(|it| Version::of(Subject::Payout(Box::new(it)))).collect()
}

/// A gateway's funding, or what nobody knows.
fn movement(number: i64, at: i64) -> Version {
    let movement_id = BankMovementId::derive("NL62MOCK0000000011", &number.to_string());
    let mut movement = json!({
        "id": movement_id, "direction": "credit", "amount": 100 + number, "currency": "EUR",
        "account": "NL62MOCK0000000011", "booked_on": "2026-11-18", "reference": number.to_string(), "statement": "s",
    });
    if number % 4 != 0 {
        movement["gateway"] = json!("simulated");
    }
    let booked = json!({ "movement_id": movement_id, "mode": "test", "read_at": at, "movement": movement });
    let booked: BookedMovement = serde_json::from_value(booked).unwrap();
    Version::of(Subject::Movement(Box::new(booked)))
}
