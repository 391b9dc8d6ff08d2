//! Which records go out together, and what happens to them after: Lambda's semantics for one mapping.
//!
//! Sound partitions share batches. A partition whose batch failed travels alone until it is past the failed
//! records, so that one bad record holds up its own partition only. Pure: time and chance are arguments.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::answer::Verdict;
use super::event::{Condition, Partition, Record};
use super::lane::Lane;
use super::mapping::Policy;

/// Lambda's limit for a synchronous payload is 6 MB; the rest is for the envelope.
const PAYLOAD_BYTES: usize = 6_000_000 - 20_000;
/// A partition with more waiting bytes than this is not read further: two full payloads.
const WAITING_BYTES: usize = 2 * PAYLOAD_BYTES;

/// One partition's records in a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Whose they are.
    pub partition: Partition,
    /// Of the lane that handed them out.
    pub generation: u64,
    /// They themselves, in order, at least one.
    pub records: Vec<Record>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Invoke the function.
    Invoke(Vec<Part>),
    /// Hand records to the failure destination, or drop them if there is none.
    GiveUp {
        /// The records.
        part: Part,
        /// Why.
        condition: Condition,
        /// How often the function has seen them.
        attempts: u32,
    },
}

/// All partitions of a mapping that are ours.
pub struct Batcher {
    policy: Policy,
    lanes: BTreeMap<Partition, Lane>,
    terms: BTreeMap<Partition, u64>,
    generations: u64,
    random: fn(u64) -> u64,
}

impl Batcher {
    /// Nothing is assigned yet.
    pub fn new(policy: Policy, random: fn(u64) -> u64) -> Self {
        Self { policy, lanes: BTreeMap::new(), terms: BTreeMap::new(), generations: 0, random }
    }

    fn new_lane(&mut self) -> Lane {
        self.generations += 1;
        Lane::new(self.generations)
    }

    /// Forgets what is buffered of partitions that were lost since, even if they came back: with a new term,
    /// reading begins again at the last commit.
    pub fn assign(&mut self, assigned: &BTreeMap<Partition, u64>) {
        let terms = std::mem::replace(&mut self.terms, assigned.clone());
        self.lanes
            .retain(|partition, _| assigned.get(partition).is_some_and(|term| terms.get(partition) == Some(term)));
        for partition in assigned.keys() {
            if !self.lanes.contains_key(partition) {
                let lane = self.new_lane();
                self.lanes.insert(partition.clone(), lane);
            }
        }
    }

    /// Takes in a record, unless it was read in an earlier term of its partition.
    pub fn accept(&mut self, partition: &Partition, term: u64, record: Record, now: Instant) {
        let current = self.terms.get(partition) == Some(&term);
        let Some(lane) = self.lanes.get_mut(partition).filter(|_| current) else {
            return;
        };
        if !lane.accept(record.clone(), now) {
            // Reading started over within a term: the broker forgot everything.
            let mut lane = self.new_lane();
            lane.accept(record, now);
            self.lanes.insert(partition.clone(), lane);
        }
    }

    /// Partitions that have enough waiting.
    pub fn full(&self) -> BTreeSet<Partition> {
        let enough = self.policy.batch_size.saturating_mul(2);
        let full = self.lanes.iter().filter(|(_, lane)| lane.len() >= enough || lane.bytes() >= WAITING_BYTES);
        full.map(|(partition, _)| partition.clone()).collect()
    }

    /// How many records wait or are out.
    pub fn waiting(&self) -> usize {
        self.lanes.values().map(Lane::len).sum()
    }

    /// The next delivery that is due, if any. `now_milliseconds` is the same moment as records tell it.
    pub fn next(&mut self, now: Instant, now_milliseconds: i64) -> Option<Delivery> {
        for (partition, lane) in &mut self.lanes {
            let part =
                |lane: &Lane, records| Part { partition: partition.clone(), generation: lane.generation, records };
            let attempts = lane.attempts();
            if let Some((condition, records)) = lane.take_hopeless(now, now_milliseconds, &self.policy) {
                return Some(Delivery::GiveUp { part: part(lane, records), condition, attempts });
            }
            if let Some(records) = lane.take_suspects(now, PAYLOAD_BYTES) {
                return Some(Delivery::Invoke(vec![part(lane, records)]));
            }
        }
        self.next_sound(now)
    }

    fn next_sound(&mut self, now: Instant) -> Option<Delivery> {
        let sound = || self.lanes.values().filter(|lane| lane.is_sound(now) && !lane.is_empty());
        let count: usize = sound().map(Lane::len).sum();
        let bytes: usize = sound().map(Lane::bytes).sum();
        let oldest = sound().filter_map(Lane::arrived).min()?;
        let due = count >= self.policy.batch_size || bytes >= PAYLOAD_BYTES || now >= oldest + self.policy.window;
        if !due {
            return None;
        }
        // The longest waiting first, so that no partition starves behind a busy one.
        let mut order: Vec<(&Partition, &mut Lane)> =
            self.lanes.iter_mut().filter(|(_, lane)| lane.is_sound(now) && !lane.is_empty()).collect();
        order.sort_by_key(|(_, lane)| lane.arrived());
        let (mut room, mut bytes) = (self.policy.batch_size, PAYLOAD_BYTES);
        let mut parts: Vec<Part> = Vec::new();
        for (partition, lane) in order {
            let head_fits = parts.is_empty() || lane.head_bytes() <= bytes;
            if room == 0 || !head_fits {
                continue;
            }
            let records = lane.take(room, bytes);
            room -= records.len();
            bytes = bytes.saturating_sub(records.iter().map(Record::payload_bytes).sum());
            parts.push(Part { partition: partition.clone(), generation: lane.generation, records });
        }
        Some(Delivery::Invoke(parts))
    }

    /// When [`Batcher::next`] may have something although nothing new comes in.
    pub fn wake(&self, now: Instant) -> Option<Instant> {
        let window = |lane: &Lane| {
            lane.arrived().filter(|_| lane.is_sound(now) && !lane.is_empty()).map(|at| at + self.policy.window)
        };
        self.lanes.values().filter_map(|lane| lane.pause_end().or_else(|| window(lane))).min()
    }

    /// What became of a part. Answers the offset to commit for its partition, if it is still ours.
    pub fn conclude(&mut self, part: &Part, verdict: &Verdict, now: Instant) -> Option<i64> {
        let lane = self.lanes.get_mut(&part.partition).filter(|lane| lane.generation == part.generation)?;
        match verdict {
            Verdict::Done => lane.done(now),
            Verdict::FailedFrom(offset) => lane.failed_from(*offset, now, &self.policy, self.random),
            Verdict::Undelivered => {
                lane.undelivered(now, self.random);
                None
            }
        }
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
