//! The topics, with partitions, and the bus with its one rule: what `publish` and `republish` send to, what clients of Kafka do.

use crate::options::Options;
use crate::service::Service;
use crate::time::Signal;
use crate::world::{Lost, Process, World};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use payments::event::Event;
use payments::failure::Unavailable;
use payments::id::{PaymentId, digest};
use payments::payment_request::PaymentAnswer;
use payments::ports::{Answers, Events};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A record, as its consumers are handed it.
pub struct Record {
    pub event_id: String,
    /// What it is about.
    pub subject: String,
    pub text: Rc<str>,
    /// The same as Lambda hands it over: base64.
    pub value: String,
}

impl Record {
    pub fn new(event_id: String, subject: String, text: String) -> Rc<Self> {
        let value = BASE64.encode(&text);
        Rc::new(Self { event_id, subject, text: text.into(), value })
    }
}

/// A partition: its records, and how far its consumer has come.
#[derive(Default)]
pub struct Partition {
    pub records: RefCell<Vec<Rc<Record>>>,
    pub committed: Cell<usize>,
    pub news: Signal,
}

impl Partition {
    pub fn append(&self, records: &[Rc<Record>]) {
        self.records.borrow_mut().extend_from_slice(records);
        self.news.ring();
    }
}

pub struct Topics {
    pub events: Vec<Partition>,
    pub requests: Vec<Partition>,
    /// By id: every answer that was ever sent.
    pub answers: RefCell<BTreeMap<String, PaymentAnswer>>,
}

/// What EventBridge takes in one call.
const ENTRIES: usize = 10;

impl Topics {
    pub fn new(options: &Options) -> Self {
        let partitions = || (0..options.topic_partitions).map(|_| Partition::default()).collect();
        Self { events: partitions(), requests: partitions(), answers: RefCell::default() }
    }

    pub fn partition_of(key: &str, partitions: usize) -> usize {
        usize::from(digest(&[key.as_bytes()])[0]) % partitions
    }
}

impl Process {
    /// The batch of one partition is there as a whole, or is not.
    async fn to_topic(&self, records: &[Rc<Record>]) -> Vec<Result<(), Lost>> {
        let count = self.world.topics.events.len();
        let mut outcomes = vec![Ok(()); records.len()];
        for partition in 0..count {
            let of_partition = |record: &Rc<Record>| Topics::partition_of(&record.subject, count) == partition;
            let batch: Vec<Rc<Record>> = records.iter().filter(|record| of_partition(record)).cloned().collect();
            if batch.is_empty() {
                continue;
            }
            let append = move |world: &World| world.topics.events[partition].append(&batch);
            if let Err(lost) = self.call(Service::Topic, append).await {
                let own = records.iter().zip(&mut outcomes).filter(|(record, _)| of_partition(record));
                own.for_each(|(_, outcome)| *outcome = Err(lost));
            }
        }
        outcomes
    }

    /// Ten at a time; of those, the bus may refuse some.
    async fn to_bus(&self, records: &[Rc<Record>], kinds: &[String]) -> Vec<Result<(), Lost>> {
        let mut outcomes = Vec::with_capacity(records.len());
        for (records, kinds) in records.chunks(ENTRIES).zip(kinds.chunks(ENTRIES)) {
            let (count, records, kinds) = (records.len(), records.to_vec(), kinds.to_vec());
            let put = move |world: &World, refuses: bool| {
                let taken: Vec<bool> = records.iter().map(|_| !refuses || world.chance(5_000)).collect();
                let entries = records.iter().zip(&kinds).zip(&taken).filter(|(_, taken)| **taken);
                for ((record, kind), _) in entries {
                    world.consumers.on_the_bus(world, record, kind);
                }
                taken
            };
            match self.call_stale(Service::Bus, true, put).await {
                Ok(taken) => {
                    outcomes.extend(taken.into_iter().map(|taken| if taken { Ok(()) } else { Err(Lost::Before) }))
                }
                Err(lost) => outcomes.extend(vec![Err(lost); count]),
            }
        }
        outcomes
    }
}

impl Events for Process {
    async fn send(&self, events: &[Event]) -> Vec<Result<(), Unavailable>> {
        let record = |event: &Event| {
            let text = serde_json::to_string(event).unwrap_or_default();
            Record::new(event.id.clone(), event.subject().to_owned(), text)
        };
        let records: Vec<Rc<Record>> = events.iter().map(record).collect();
        let kinds: Vec<String> = events.iter().map(|event| event.kind.to_string()).collect();
        let topic = self.to_topic(&records).await;
        let bus = self.to_bus(&records, &kinds).await;
        topic.into_iter().zip(bus).map(|(topic, bus)| topic.and(bus).map_err(Unavailable::from)).collect()
    }
}

impl Answers for Process {
    async fn answer(&self, answer: &PaymentAnswer) -> Result<(), Unavailable> {
        let answer = answer.clone();
        let send = move |world: &World| {
            let there = world.topics.answers.borrow_mut().insert(answer.id.clone(), answer.clone());
            if there.is_some_and(|there| there != answer) {
                let payment: &PaymentId = &answer.payment_id;
                world.violate("6 idempotency", Some(payment), "two answers of one id, and they differ");
            }
        };
        Ok(self.call(Service::Topic, send).await?)
    }
}
