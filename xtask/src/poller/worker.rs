//! One mapping at work: a group member that reads, the batcher that decides, couriers that deliver.
//!
//! Offsets are committed only after success or after the destination took the records. A commit that is refused
//! means that the records come again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use krafka::consumer::{Consumer, ConsumerRecord, TimestampType};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::Context;
use super::answer::Verdict;
use super::batch::{Batcher, Part};
use super::clock;
use super::delivery::{Courier, log};
use super::event::{Partition, Record};
use super::mapping::Mapping;
use super::member::{Member, Terms, commit};

/// Partitions that one mapping has in the function at once.
const MOST_AT_ONCE: usize = 4;
/// Reads between reading and batching.
const CHANNEL_READS: usize = 4;
/// How long one read waits for records.
const READ_BOUND: Duration = Duration::from_millis(500);
/// Assignments are looked at this often, even if nothing happens.
const TICK: Duration = Duration::from_millis(250);
/// How long a failed connection rests before the next.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);
/// What is out may finish when the mapping is stopped.
const FINISH_BOUND: Duration = Duration::from_secs(5);
/// Leaving the group in order spares the next member the session timeout.
const LEAVE_BOUND: Duration = Duration::from_secs(3);

/// Serves a mapping until told to stop, over any number of broken connections.
pub async fn serve(context: Arc<Context>, mapping: Mapping, mut stop: watch::Receiver<bool>) {
    let mut was_assigned = false;
    loop {
        let session = session(&context, &mapping, &mut was_assigned, &mut stop).await;
        context.reporter.count(&mapping.id, |counters| counters.partitions.clear());
        let Err(error) = session else {
            return;
        };
        log(&mapping, &format!("the connection ended, another follows: {error:#}"));
        context.reporter.count(&mapping.id, |counters| counters.last_error = Some(format!("{error:#}")));
        tokio::select! {
            () = tokio::time::sleep(RECONNECT_PAUSE) => {}
            () = stopped(&mut stop) => return,
        }
    }
}

/// Resolves once the worker is told to stop, or forgotten.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Records, and the terms of their partitions when they were read.
type Read = Result<(BTreeMap<Partition, u64>, Vec<ConsumerRecord>)>;

/// Reads in a task of its own, because joining a group must not be interrupted by deliveries that end.
fn read(consumer: Arc<Consumer>, terms: Terms) -> (mpsc::Receiver<Read>, tokio::task::JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel(CHANNEL_READS);
    let reading = tokio::spawn(async move {
        loop {
            let records = consumer.poll(READ_BOUND).await.context("reading");
            let failed = records.is_err();
            // Terms end within `poll` only, so these are the ones of the records just read.
            let read = records.map(|records| (terms.snapshot(), records));
            if sender.send(read).await.is_err() || failed {
                return;
            }
        }
    });
    (receiver, reading)
}

async fn session(
    context: &Arc<Context>,
    mapping: &Mapping,
    was_assigned: &mut bool,
    stop: &mut watch::Receiver<bool>,
) -> Result<()> {
    let member = Member::join(context, mapping, *was_assigned).await?;
    let courier = Arc::new(Courier::new(&member.kafka, mapping.clone(), context).await?);
    let (kafka, broker) = member.broker();
    let Member { consumer, terms, .. } = member;
    let (mut records, reading) = read(Arc::clone(&consumer), terms.clone());
    let mut session = Session {
        mapping,
        context,
        courier,
        consumer,
        terms,
        batcher: Batcher::new(mapping.policy.clone(), clock::random_below),
        out: JoinSet::new(),
        uncommitted: BTreeMap::new(),
        paused: BTreeSet::new(),
    };
    let ended = tokio::select! {
        ended = session.run(&mut records, was_assigned, stop) => ended,
        forgotten = Member::broker_forgets(kafka, broker) => {
            // What is out concerns offsets of a log that is no more.
            session.out.abort_all();
            Err(forgotten)
        }
    };
    // Stops the reader before the member leaves, or it would join again.
    reading.abort();
    drop(records);
    session.leave().await;
    ended
}

struct Session<'a> {
    mapping: &'a Mapping,
    context: &'a Context,
    courier: Arc<Courier>,
    consumer: Arc<Consumer>,
    terms: Terms,
    batcher: Batcher,
    out: JoinSet<Vec<(Part, Verdict)>>,
    uncommitted: BTreeMap<(String, i32), i64>,
    paused: BTreeSet<Partition>,
}

impl Session<'_> {
    async fn run(
        &mut self,
        records: &mut mpsc::Receiver<Read>,
        was_assigned: &mut bool,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<()> {
        loop {
            self.follow_assignment(was_assigned).await;
            self.send_out();
            let now = Instant::now();
            let wake = self.batcher.wake(now).unwrap_or(now + TICK).min(now + TICK);
            tokio::select! {
                () = stopped(stop) => return Ok(()),
                ended = self.out.join_next(), if !self.out.is_empty() => {
                    self.conclude(ended.context("a delivery was there")?.context("a delivery panicked")?).await;
                }
                read = records.recv() => match read {
                    Some(read) => {
                        let (terms, read) = read?;
                        // The assignment may have changed while they were read.
                        self.follow_assignment(was_assigned).await;
                        read.into_iter().for_each(|record| self.accept(&terms, record));
                    }
                    None => bail!("the reader ended"),
                },
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        }
    }

    fn accept(&mut self, terms: &BTreeMap<Partition, u64>, record: ConsumerRecord) {
        let partition = Partition { topic: record.topic.to_string(), number: record.partition };
        let term = terms.get(&partition).copied().unwrap_or_default();
        let headers = record.headers.iter();
        let headers = headers
            .map(|(name, value)| (name.to_string(), value.as_ref().map(|value| value.to_vec()).unwrap_or_default()));
        let read = Record {
            offset: record.offset,
            timestamp_milliseconds: record.timestamp,
            log_append_time: record.timestamp_type == TimestampType::LogAppendTime,
            key: record.key.as_ref().map(|key| key.to_vec()),
            value: record.value.as_ref().map(|value| value.to_vec()),
            headers: headers.collect(),
        };
        self.batcher.accept(&partition, term, read, Instant::now());
    }

    async fn follow_assignment(&mut self, was_assigned: &mut bool) {
        let assignment = self.consumer.assignment().await;
        let terms = self.terms.snapshot();
        let assigned: BTreeMap<Partition, u64> = assignment
            .into_iter()
            .flat_map(|(topic, numbers)| {
                numbers.into_iter().map(move |number| Partition { topic: topic.clone(), number })
            })
            .map(|partition| (partition.clone(), terms.get(&partition).copied().unwrap_or_default()))
            .collect();
        *was_assigned |= !assigned.is_empty();
        self.batcher.assign(&assigned);
        self.uncommitted
            .retain(|(topic, number), _| assigned.contains_key(&Partition { topic: topic.clone(), number: *number }));
        self.pause_full(&assigned).await;
        self.commit().await;
        let waiting = self.batcher.waiting();
        self.context.reporter.count(&self.mapping.id, |counters| {
            counters.partitions = assigned.keys().map(Partition::key).collect();
            counters.waiting = waiting;
        });
    }

    async fn pause_full(&mut self, assigned: &BTreeMap<Partition, u64>) {
        let full = self.batcher.full();
        for partition in full.difference(&self.paused).filter(|partition| assigned.contains_key(partition)) {
            self.consumer.pause(&partition.topic, &[partition.number]).await;
        }
        for partition in self.paused.difference(&full) {
            self.consumer.resume(&partition.topic, &[partition.number]).await;
        }
        self.paused = full;
    }

    fn send_out(&mut self) {
        while self.out.len() < MOST_AT_ONCE {
            let Some(delivery) = self.batcher.next(Instant::now(), clock::now_milliseconds()) else {
                return;
            };
            let courier = Arc::clone(&self.courier);
            self.out.spawn(async move { courier.carry_out(delivery).await });
        }
    }

    async fn conclude(&mut self, parts: Vec<(Part, Verdict)>) {
        let now = Instant::now();
        for (part, verdict) in parts {
            if let Some(offset) = self.batcher.conclude(&part, &verdict, now) {
                self.uncommitted.insert((part.partition.topic, part.partition.number), offset);
            }
        }
        self.commit().await;
    }

    async fn commit(&mut self) {
        match commit(&self.consumer, &self.uncommitted).await {
            Ok(()) => self.uncommitted.clear(),
            // During a rebalance it is refused; the next turn tries again if the partition is still ours.
            Err(error) => log(self.mapping, &format!("a commit was refused: {error:#}")),
        }
    }

    /// Lets what is out finish, commits it, and leaves the group.
    async fn leave(&mut self) {
        let deadline = tokio::time::Instant::now() + FINISH_BOUND;
        while let Ok(Some(ended)) = tokio::time::timeout_at(deadline, self.out.join_next()).await {
            if let Ok(parts) = ended {
                self.conclude(parts).await;
            }
        }
        let options = krafka::CloseOptions::new().timeout(LEAVE_BOUND);
        if let Err(error) = self.consumer.close_with(options).await {
            log(self.mapping, &format!("leaving the group: {error}"));
        }
    }
}
