//! Batching as tables: records in, a function that fails on some values, and what it was given.

use std::time::Duration;

use super::*;

/// A run: a policy, records as (partition, value), and values that the function refuses.
struct Row {
    name: &'static str,
    policy: Policy,
    records: &'static [(i32, &'static str)],
    refused: &'static [&'static str],
    partial: bool,
    /// Each delivery: values joined by blanks; `!` before those given up.
    expected: &'static [&'static str],
}

const POLICY: Policy = Policy {
    batch_size: 4,
    window: Duration::ZERO,
    most_retries: Some(1),
    longest_age: None,
    bisects: false,
    reports_failures: true,
};

fn value(record: &Record) -> String {
    String::from_utf8(record.value.clone().unwrap()).unwrap()
}

fn partition(number: i32) -> Partition {
    Partition { topic: "t".to_owned(), number }
}

fn fill(batcher: &mut Batcher, records: &[(i32, &str)], now: Instant) {
    let numbers: BTreeSet<i32> = records.iter().map(|(number, _)| *number).collect();
    batcher.assign(&numbers.iter().map(|number| (partition(*number), 1)).collect());
    for (offset, (number, value)) in (0_i64..).zip(records) {
        let record = Record { offset, value: Some(value.as_bytes().to_vec()), ..Record::default() };
        batcher.accept(&partition(*number), 1, record, now);
    }
}

/// The function: fails at its first refused record, whole or with the partial answer.
fn verdict(part: &Part, row: &Row) -> Verdict {
    match part.records.iter().find(|record| row.refused.contains(&value(record).as_str())) {
        None => Verdict::Done,
        Some(bad) if row.partial => Verdict::FailedFrom(bad.offset),
        Some(_) => Verdict::FailedFrom(part.records[0].offset),
    }
}

fn check(row: &Row) {
    let mut now = Instant::now();
    let mut batcher = Batcher::new(row.policy.clone(), |bound| bound);
    fill(&mut batcher, row.records, now);
    let mut seen = Vec::new();
    let mut committed: BTreeMap<i32, i64> = BTreeMap::new();
    // Enough for every row; a batcher that never rests fails here.
    for _ in 0..50 {
        let (parts, prefix, fixed) = match batcher.next(now, 0) {
            Some(Delivery::Invoke(parts)) => (parts, "", None),
            Some(Delivery::GiveUp { part, .. }) => (vec![part], "!", Some(Verdict::Done)),
            None => match batcher.wake(now) {
                Some(later) => {
                    now = later;
                    continue;
                }
                None => break,
            },
        };
        let values: Vec<String> = parts.iter().flat_map(|part| part.records.iter().map(value)).collect();
        seen.push(format!("{prefix}{}", values.join(" ")));
        let verdicts: Vec<Verdict> =
            parts.iter().map(|part| fixed.clone().unwrap_or_else(|| verdict(part, row))).collect();
        let whole = !row.partial && verdicts.iter().any(|verdict| *verdict != Verdict::Done);
        for (part, verdict) in parts.iter().zip(verdicts) {
            let verdict = if whole { Verdict::FailedFrom(part.records[0].offset) } else { verdict };
            if let Some(offset) = batcher.conclude(part, &verdict, now) {
                let before = committed.insert(part.partition.number, offset);
                assert!(before < Some(offset), "{}: commits go forward", row.name);
            }
        }
    }
    assert_eq!(seen, row.expected, "{}", row.name);
    assert_eq!(batcher.waiting(), 0, "{}: everything is done with", row.name);
}

#[test]
fn records_are_delivered_retried_and_given_up_as_lambda_does() {
    let rows = [
        Row {
            name: "sound partitions share batches of the mapping's size",
            policy: POLICY,
            records: &[(0, "a"), (1, "b"), (0, "c"), (1, "d"), (0, "e")],
            refused: &[],
            partial: true,
            expected: &["a c e b", "d"],
        },
        Row {
            name: "a partial answer retries from there, then gives the rest of the batch up",
            policy: POLICY,
            records: &[(0, "a"), (0, "bad"), (0, "c"), (0, "d"), (0, "e")],
            refused: &["bad"],
            partial: true,
            expected: &["a bad c d", "bad c d", "!bad c d", "e"],
        },
        Row {
            name: "bisecting isolates the record, and only that is given up",
            policy: Policy { bisects: true, ..POLICY },
            records: &[(0, "a"), (0, "b"), (0, "bad"), (0, "d")],
            refused: &["bad"],
            partial: false,
            expected: &["a b bad d", "a b", "bad d", "bad", "bad", "!bad", "d"],
        },
        Row {
            name: "a bad record does not hold up the other partition",
            policy: POLICY,
            records: &[(0, "bad"), (1, "b"), (1, "c")],
            refused: &["bad"],
            partial: false,
            expected: &["bad b c", "bad", "!bad", "b c"],
        },
        Row {
            name: "as many retries as the mapping allows, then no more",
            policy: Policy { most_retries: Some(3), ..POLICY },
            records: &[(0, "bad")],
            refused: &["bad"],
            partial: true,
            expected: &["bad", "bad", "bad", "bad", "!bad"],
        },
    ];
    for row in &rows {
        check(row);
    }
}

#[test]
fn a_window_collects_until_it_ends_or_the_batch_is_full() {
    let policy = Policy { window: Duration::from_secs(5), ..POLICY };
    let mut batcher = Batcher::new(policy, |bound| bound);
    let start = Instant::now();
    fill(&mut batcher, &[(0, "a")], start);
    assert_eq!(batcher.next(start, 0), None);
    assert_eq!(batcher.wake(start), Some(start + Duration::from_secs(5)));
    assert!(batcher.next(start + Duration::from_secs(5), 0).is_some());
    let mut batcher = Batcher::new(Policy { window: Duration::from_secs(5), ..POLICY }, |bound| bound);
    fill(&mut batcher, &[(0, "a"), (0, "b"), (0, "c"), (0, "d")], start);
    assert!(batcher.next(start, 0).is_some());
}

#[test]
fn a_partition_is_out_once_at_a_time() {
    let mut batcher = Batcher::new(Policy { batch_size: 1, ..POLICY }, |bound| bound);
    let now = Instant::now();
    fill(&mut batcher, &[(0, "a"), (0, "b"), (1, "c")], now);
    let mut out = BTreeSet::new();
    while let Some(Delivery::Invoke(parts)) = batcher.next(now, 0) {
        assert!(parts.iter().all(|part| out.insert(part.partition.clone())));
    }
    assert_eq!(out.len(), 2);
}

#[test]
fn what_was_lost_in_a_rebalance_is_forgotten_and_its_late_verdict_ignored() {
    let mut batcher = Batcher::new(POLICY, |bound| bound);
    let now = Instant::now();
    fill(&mut batcher, &[(0, "a"), (0, "b")], now);
    let Some(Delivery::Invoke(parts)) = batcher.next(now, 0) else { panic!("nothing to deliver") };
    batcher.assign(&BTreeMap::from([(partition(0), 2)]));
    assert_eq!(batcher.conclude(&parts[0], &Verdict::Done, now), None);
    // Read before the rebalance, handed over after it.
    batcher.accept(&partition(0), 1, Record { offset: 2, ..Record::default() }, now);
    assert_eq!(batcher.waiting(), 0);
}

#[test]
fn reading_that_starts_over_replaces_what_was_buffered() {
    let mut batcher = Batcher::new(POLICY, |bound| bound);
    let now = Instant::now();
    fill(&mut batcher, &[(0, "a"), (0, "b")], now);
    let again = Record { offset: 0, value: Some(b"new".to_vec()), ..Record::default() };
    batcher.accept(&partition(0), 1, again, now);
    let Some(Delivery::Invoke(parts)) = batcher.next(now, 0) else { panic!("nothing to deliver") };
    assert_eq!(value(&parts[0].records[0]), "new");
    assert_eq!(parts[0].records.len(), 1);
}

#[test]
fn records_past_the_age_limit_are_given_up_untried() {
    let mut batcher = Batcher::new(Policy { longest_age: Some(Duration::from_secs(60)), ..POLICY }, |bound| bound);
    let now = Instant::now();
    batcher.assign(&BTreeMap::from([(partition(0), 1)]));
    for (offset, timestamp_milliseconds) in [(0, 0), (1, 100_000)] {
        batcher.accept(&partition(0), 1, Record { offset, timestamp_milliseconds, ..Record::default() }, now);
    }
    let Some(Delivery::GiveUp { part, condition, .. }) = batcher.next(now, 120_000) else { panic!("kept") };
    assert_eq!((part.records.len(), condition), (1, Condition::RecordAgeExceeded));
}

#[test]
fn a_payload_stays_below_the_limit() {
    let mut batcher = Batcher::new(Policy { batch_size: 100, ..POLICY }, |bound| bound);
    let now = Instant::now();
    batcher.assign(&BTreeMap::from([(partition(0), 1), (partition(1), 1)]));
    for offset in 0..5 {
        for number in 0..2 {
            let record = Record { offset, value: Some(vec![0; 1_000_000]), ..Record::default() };
            batcher.accept(&partition(number), 1, record, now);
        }
    }
    while let Some(Delivery::Invoke(parts)) = batcher.next(now, 0) {
        let bytes: usize = parts.iter().flat_map(|part| &part.records).map(Record::payload_bytes).sum();
        assert!(bytes < 6_000_000);
    }
}
