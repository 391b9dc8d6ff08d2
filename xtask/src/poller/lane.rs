//! One partition's records between Kafka and the function: what waits, what is out, what is being retried.
//!
//! Pure: time and chance are arguments. It refuses to know about other partitions.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::event::{Condition, Record};
use super::mapping::Policy;

/// The first pause after a failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// No pause is longer: whoever repaired the function is waiting.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Past this many doublings the longest pause is reached anyway.
const MOST_DOUBLINGS: u32 = 10;

/// Records that failed, or came right after one that did: they travel without other partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Suspects {
    /// The last offset of the failed batch.
    through: i64,
    /// How many of them the next attempt takes; bisecting makes it smaller.
    next: usize,
    /// Failures that count against the retry limit.
    counted: u32,
    /// Failures in a row, which make the pause.
    in_a_row: u32,
}

/// A partition's records.
#[derive(Clone, Debug)]
pub struct Lane {
    waiting: VecDeque<Record>,
    waiting_bytes: usize,
    arrived: Option<Instant>,
    out: usize,
    not_before: Option<Instant>,
    suspects: Option<Suspects>,
    give_up: bool,
    /// Tells this lane from an earlier one of the same partition, whose invocations may still be out.
    pub generation: u64,
}

impl Lane {
    /// An empty lane.
    pub fn new(generation: u64) -> Self {
        Self {
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            arrived: None,
            out: 0,
            not_before: None,
            suspects: None,
            give_up: false,
            generation,
        }
    }

    /// Takes a record in; `false` if its offset says that reading started over.
    pub fn accept(&mut self, record: Record, now: Instant) -> bool {
        if self.waiting.back().is_some_and(|last| record.offset <= last.offset) {
            return false;
        }
        self.arrived.get_or_insert(now);
        self.waiting_bytes += record.payload_bytes();
        self.waiting.push_back(record);
        true
    }

    /// How many records wait or are out.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits or is out.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Their bytes in an event.
    pub fn bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// The first record's bytes in an event.
    pub fn head_bytes(&self) -> usize {
        self.waiting.front().map_or(0, Record::payload_bytes)
    }

    /// When the oldest waiting record arrived.
    pub fn arrived(&self) -> Option<Instant> {
        self.arrived
    }

    /// Whether an invocation or a destination has some of them now.
    pub fn is_out(&self) -> bool {
        self.out > 0
    }

    /// Whether its records may join those of other partitions.
    pub fn is_sound(&self, now: Instant) -> bool {
        !self.is_out() && self.suspects.is_none() && !self.give_up && self.is_due(now)
    }

    fn is_due(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|pause_end| now >= pause_end)
    }

    /// When to look again, if it is pausing.
    pub fn pause_end(&self) -> Option<Instant> {
        self.not_before.filter(|_| !self.is_out() && !self.is_empty())
    }

    /// Hands out records from the head, within a count and a size; at least one.
    pub fn take(&mut self, count: usize, bytes: usize) -> Vec<Record> {
        let mut taken: Vec<Record> = Vec::new();
        let mut size = 0;
        for record in self.waiting.iter().take(count) {
            size += record.payload_bytes();
            if size > bytes && !taken.is_empty() {
                break;
            }
            taken.push(record.clone());
        }
        self.out = taken.len();
        taken
    }

    /// The next attempt at suspects, if its pause is over.
    pub fn take_suspects(&mut self, now: Instant, bytes: usize) -> Option<Vec<Record>> {
        let next = self.suspects.as_ref().map(|suspects| suspects.next)?;
        (!self.is_out() && !self.give_up && self.is_due(now)).then(|| self.take(next, bytes))
    }

    /// Records to give up: too old, or failed too often.
    pub fn take_hopeless(
        &mut self,
        now: Instant,
        now_milliseconds: i64,
        policy: &Policy,
    ) -> Option<(Condition, Vec<Record>)> {
        if self.is_out() || !self.is_due(now) {
            return None;
        }
        if self.give_up {
            let next = self.suspects.as_ref().map_or(1, |suspects| suspects.next);
            return Some((Condition::RetriesExhausted, self.take(next, usize::MAX)));
        }
        let oldest = now_milliseconds.checked_sub(i64::try_from(policy.longest_age?.as_millis()).ok()?)?;
        let aged = self.waiting.iter().take_while(|record| record.timestamp_milliseconds < oldest).count();
        (aged > 0).then(|| (Condition::RecordAgeExceeded, self.take(aged, usize::MAX)))
    }

    /// All that were out are done with. Answers the offset to commit.
    pub fn done(&mut self, now: Instant) -> Option<i64> {
        let commit = self.drop_head(self.out);
        self.out = 0;
        self.not_before = None;
        self.give_up = false;
        let head = self.waiting.front().map(|record| record.offset);
        let left = self.suspects.as_ref().map_or(0, |suspects| self.count_through(suspects.through));
        self.suspects = self
            .suspects
            .take()
            .filter(|suspects| head.is_some_and(|head| head <= suspects.through))
            .map(|suspects| Suspects { next: (suspects.next * 2).min(left), counted: 0, in_a_row: 0, ..suspects });
        self.arrived = head.map(|_| now);
        commit
    }

    /// Those out from this offset on have failed; those before it are done. Answers the offset to commit.
    pub fn failed_from(&mut self, offset: i64, now: Instant, policy: &Policy, random: fn(u64) -> u64) -> Option<i64> {
        let out = std::mem::take(&mut self.out);
        let last = out.checked_sub(1).and_then(|last| self.waiting.get(last)).map_or(offset, |record| record.offset);
        let finished = self.waiting.iter().take_while(|record| record.offset < offset).count().min(out);
        let commit = self.drop_head(finished);
        let failed = out - finished;
        let mut suspects =
            self.suspects.take().unwrap_or(Suspects { through: last, next: failed, counted: 0, in_a_row: 0 });
        if finished > 0 {
            // Another record is at the head: it has its own number of tries.
            (suspects.counted, suspects.in_a_row) = (0, 0);
        }
        suspects.in_a_row += 1;
        if policy.bisects && failed > 1 {
            suspects.next = failed / 2;
        } else {
            suspects.next = failed;
            suspects.counted += 1;
            self.give_up = policy.most_retries.is_some_and(|most| suspects.counted > most);
        }
        self.not_before = (!self.give_up).then(|| now + pause(suspects.in_a_row, random));
        self.suspects = Some(suspects);
        commit
    }

    /// Those out never got there: they come again, and it does not count as a try.
    pub fn undelivered(&mut self, now: Instant, random: fn(u64) -> u64) {
        self.out = 0;
        self.not_before = Some(now + pause(MOST_DOUBLINGS / 2, random));
    }

    /// How often the function has seen the head since it is there.
    pub fn attempts(&self) -> u32 {
        self.suspects.as_ref().map_or(1, |suspects| suspects.in_a_row.max(1))
    }

    fn count_through(&self, offset: i64) -> usize {
        self.waiting.iter().take_while(|record| record.offset <= offset).count()
    }

    fn drop_head(&mut self, count: usize) -> Option<i64> {
        let mut commit = None;
        for record in self.waiting.drain(..count.min(self.waiting.len())) {
            self.waiting_bytes = self.waiting_bytes.saturating_sub(record.payload_bytes());
            commit = Some(record.offset + 1);
        }
        commit
    }
}

/// Between half of the doubled pause and all of it, so that failing lanes do not march in step.
fn pause(in_a_row: u32, random: fn(u64) -> u64) -> Duration {
    let doubled = FIRST_PAUSE * 2_u32.pow(in_a_row.saturating_sub(1).min(MOST_DOUBLINGS));
    let longest = doubled.min(LONGEST_PAUSE);
    let half = longest / 2;
    half + Duration::from_millis(random(u64::try_from(half.as_millis()).unwrap_or(u64::MAX)))
}
