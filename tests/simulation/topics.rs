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
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// A record, as its consumers are handed it.
pub struct Record {
    pub told: Told,
    pub text: String,
    /// The same as Lambda hands it over: base64.
    pub value: String,
}

impl Record {
    pub fn new(event_id: &str, subject: &str, text: String) -> Rc<Self> {
        let value = BASE64.encode(&text);
        Rc::new(Self { told: (event_id.into(), subject.into()), text, value })
    }

    /// What it is about.
    pub fn subject(&self) -> &str {
        &self.told.1
    }
}

/// A record's event and what that is about.
pub type Told = (Rc<str>, Rc<str>);

/// A partition: all that was ever told, the records from the last commit on, and where that is.
#[derive(Default)]
pub struct Partition {
    pub told: RefCell<Vec<Told>>,
    records: RefCell<VecDeque<Rc<Record>>>,
    committed: Cell<usize>,
    pub news: Signal,
}

impl Partition {
    pub fn append(&self, records: &[Rc<Record>]) {
        self.told.borrow_mut().extend(records.iter().map(|record| record.told.clone()));
        self.records.borrow_mut().extend(records.iter().cloned());
        self.news.ring();
    }

    /// Where its consumer goes on.
    pub fn committed(&self) -> usize {
        self.committed.get()
    }

    /// So many records from there.
    pub fn read(&self, most: usize) -> Vec<Rc<Record>> {
        self.records.borrow().iter().take(most).cloned().collect()
    }

    /// The consumer has done what comes before: nobody reads it again.
    pub fn commit(&self, offset: usize) {
        let done = offset - self.committed.replace(offset);
        drop(self.records.borrow_mut().drain(..done));
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
            let of_partition = |record: &Rc<Record>| Topics::partition_of(record.subject(), count) == partition;
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
            Record::new(&event.id, event.subject(), text)
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
