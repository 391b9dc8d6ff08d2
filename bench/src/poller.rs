//! Lambda's Kafka poller in memory, as it behaves on a bad day: batches come twice, break off in the middle, are retried
//! whole or in halves, and after a restart begin again at the last checkpoint.

use crate::numbers::Numbers;
use crate::one_by_one::OneByOne;
use crate::tables::{Fault, Tables};
use crate::topic::{PARTITIONS, Topic};
use crate::traffic::Traffic;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use payments::event::Event;
use payments::ledger::Position;
use payments::posting::journal_entry;
use std::collections::BTreeMap;
use std::ops::Range;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use task::kafka::{KafkaAnswer, KafkaRecord, KafkaRequest};

/// Lambda's limits for one batch: records, and the payload with its base64.
pub const BATCH_RECORDS: usize = 10_000;
/// 6 MB, less the envelope.
pub const BATCH_BYTES: usize = 6_000_000 - 20_000;
/// What a record has beside its key and value.
const RECORD_BYTES: usize = 200;
/// Batches between two checkpoints.
const CHECKPOINT: usize = 3;

/// How often something goes wrong, in a thousand.
const FAILS: usize = 60;
const DIES: usize = 60;
const COMES_TWICE: usize = 100;
const RESTARTS: usize = 30;
/// What happened.
#[derive(Debug, Default)]
pub struct Counts {
    /// Batches handed to the function.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// Records that were handed over although a batch with them had gone through.
    pub delivered_twice: u64,
    /// Batches that failed at a table.
    pub failed: u64,
    /// Batches whose process died.
    pub died: u64,
    /// Batches that were cut into halves.
    pub halved: u64,
    /// Restarts of the poller.
    pub restarts: u64,
    /// Time in the function.
    pub busy: Duration,
}

/// What was read of the topic.
pub struct Poller<'a> {
    traffic: &'a Traffic,
    tables: &'a Tables,
    topic: &'a Topic,
    one_by_one: OneByOne,
    numbers: Numbers,
    counts: Counts,
}

impl<'a> Poller<'a> {
    /// Nothing is read yet.
    pub fn new(traffic: &'a Traffic, tables: &'a Tables, topic: &'a Topic, seed: u64) -> Self {
        let numbers = Numbers::new(seed);
        Self { traffic, tables, topic, one_by_one: OneByOne::default(), numbers, counts: Counts::default() }
    }

    /// Delivers everything.
    pub fn run(mut self) -> (Counts, OneByOne) {
        let mut read = [0; PARTITIONS];
        let mut checkpoints = [0; PARTITIONS];
        let mut furthest = [0; PARTITIONS];
        let mut since = [0; PARTITIONS];
        loop {
            let left: Vec<usize> =
                (0..PARTITIONS).filter(|place| read[*place] < self.topic.partitions[*place].len()).collect();
            if left.is_empty() {
                return (self.counts, self.one_by_one);
            }
            let place = left[self.numbers.below(left.len())];
            let batch = self.batch(place, read[place]);
            let known = furthest[place].clamp(batch.start, batch.end) - batch.start;
            self.counts.delivered_twice += known as u64;
            self.deliver_until_done(place, batch.clone());
            read[place] = batch.end;
            furthest[place] = furthest[place].max(batch.end);
            since[place] += 1;
            if self.numbers.chance(COMES_TWICE) {
                self.counts.delivered_twice += batch.len() as u64;
                self.deliver_until_done(place, batch);
            }
            if self.numbers.chance(RESTARTS) {
                self.counts.restarts += 1;
                read = checkpoints;
                since.fill(0);
            } else if since[place] >= CHECKPOINT {
                checkpoints[place] = read[place];
                since[place] = 0;
            }
        }
    }

    /// As many records as one payload takes. Now and then fewer were there.
    fn batch(&mut self, place: usize, from: usize) -> Range<usize> {
        let few = self.numbers.chance(100);
        let most = if few { 1 + self.numbers.below(300) } else { BATCH_RECORDS };
        let mut bytes = 0;
        let mut end = from;
        for (payment, event) in self.topic.partitions[place][from..].iter().take(most) {
            let value = self.traffic.event(*payment, *event).len();
            bytes += RECORD_BYTES + value.div_ceil(3) * 4;
            if bytes > BATCH_BYTES && end > from {
                break;
            }
            end += 1;
        }
        from..end
    }

    fn deliver_until_done(&mut self, place: usize, batch: Range<usize>) {
        while !self.deliver(place, batch.clone()) {
            if batch.len() > 1 && self.numbers.chance(500) {
                self.counts.halved += 1;
                let middle = batch.start + batch.len() / 2;
                self.deliver_until_done(place, batch.start..middle);
                self.deliver_until_done(place, middle..batch.end);
                return;
            }
        }
    }

    /// Whether the function took it.
    fn deliver(&mut self, place: usize, batch: Range<usize>) -> bool {
        let request = self.request(place, &batch);
        self.counts.batches += 1;
        self.counts.records += batch.len() as u64;
        // About one entry for five records, a read of the head before and a block behind.
        let calls = 3 + batch.len() / 5;
        let dies = self.numbers.chance(DIES);
        if !dies && self.numbers.chance(FAILS) {
            let fault = if self.numbers.chance(500) { Fault::Before } else { Fault::After };
            self.tables.fail(self.numbers.below(calls) as u64, fault);
        }
        self.tables.turns.set(dies);
        let turns = if dies { self.numbers.below(2 * calls / 32 + 6) } else { usize::MAX };
        let begun = Instant::now();
        let answer = self.handle(request, turns);
        self.counts.busy += begun.elapsed();
        self.tables.turns.set(false);
        self.tables.fault.set(None);
        let done = answer.as_ref().is_some_and(|answer| answer.batch_item_failures.is_empty());
        match answer {
            None => self.counts.died += 1,
            Some(_) => self.counts.failed += u64::from(!done),
        }
        let reached = if done { batch.clone() } else { batch.start..batch.start + batch.len() / 2 };
        let entries: Vec<_> = reached.filter_map(|offset| self.entry(place, offset)).collect();
        self.one_by_one.post(&entries);
        done
    }

    /// The function's answer, or `None` if its process died after so many turns.
    fn handle(&self, request: KafkaRequest, turns: usize) -> Option<KafkaAnswer> {
        let mut running = std::pin::pin!(post_ledger::handle(self.tables, self.tables, request));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..turns {
            if let Poll::Ready(answer) = running.as_mut().poll(&mut context) {
                return answer.ok();
            }
        }
        None
    }

    fn request(&self, place: usize, batch: &Range<usize>) -> KafkaRequest {
        let records = batch.clone().map(|offset| {
            let (payment, event) = self.topic.partitions[place][offset];
            KafkaRecord {
                topic: "payment-events".to_owned(),
                partition: u32::try_from(place).unwrap_or_default(),
                offset: i64::try_from(offset).unwrap_or_default(),
                key: Some(BASE64.encode(self.traffic.payment_id(payment))),
                value: Some(BASE64.encode(self.traffic.event(payment, event))),
            }
        });
        KafkaRequest { records: BTreeMap::from([(format!("payment-events-{place}"), records.collect())]) }
    }

    fn entry(&self, place: usize, offset: usize) -> Option<payments::ledger::JournalEntry> {
        let (payment, event) = self.topic.partitions[place][offset];
        if !self.traffic.moves_money(payment, event) {
            return None;
        }
        let event = Event::read(&self.traffic.event(payment, event)).ok()?;
        let partition = u32::try_from(place).unwrap_or_default();
        journal_entry(&event, Position { partition, offset: i64::try_from(offset).unwrap_or_default() }).ok()?
    }
}
