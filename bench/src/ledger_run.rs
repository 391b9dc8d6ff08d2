//! `bench ledger`: the real handler over a bad day's deliveries, beside one transaction per event.

use crate::audit::{Audit, audit};
use crate::cost::Cost;
use crate::one_by_one::OneByOne;
use crate::poller::{BATCH_BYTES, BATCH_RECORDS, Counts, Poller};
use crate::tables::Tables;
use crate::topic::{PARTITIONS, Topic};
use crate::traffic::Traffic;
use std::fmt::Write;

/// At least so many times fewer write units per event.
const LEAST_UNITS_RATIO: u64 = 3;
/// At least so many times fewer writes to balances.
const LEAST_BALANCES_RATIO: u64 = 50;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Different events, at least.
    pub events: u64,
    /// Where all chance comes from.
    pub seed: u64,
    /// Whether one merchant takes all the traffic.
    pub one_merchant: bool,
}

/// The report, and whether everything holds.
pub fn run(options: Options) -> (String, bool) {
    let traffic = Traffic::new(options.one_merchant, options.seed);
    let tables = Tables::new();
    let topic = Topic::of(&traffic, options.events, options.seed);
    let (counts, one_by_one) = Poller::new(&traffic, &tables, &topic, options.seed).run();
    let journal = tables.read_journal();
    let mut audit = audit(&journal, &tables.balances.borrow(), &traffic, &topic.sent());
    let foreign = journal.committed().count() - audit.posted;
    if foreign > 0 || audit.posted != one_by_one.posted() {
        audit.findings.push(format!("{foreign} entries too many; one by one posted {}", one_by_one.posted()));
    }
    if !tables.dead.borrow().is_empty() {
        audit.findings.push(format!("{} records were buried", tables.dead.borrow().len()));
    }
    let cost = *tables.cost.borrow();
    let holds = audit.is_clean()
        && cost.units() * LEAST_UNITS_RATIO <= one_by_one.cost.units()
        && cost.balance_writes * LEAST_BALANCES_RATIO <= one_by_one.cost.balance_writes;
    (report(options, &topic, &counts, &audit, &cost, &one_by_one), holds)
}

fn report(
    options: Options,
    topic: &Topic,
    counts: &Counts,
    audit: &Audit,
    cost: &Cost,
    one_by_one: &OneByOne,
) -> String {
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("a string takes every line");
    let merchants = if options.one_merchant { "one merchant" } else { "three merchants in EUR, USD and JPY" };
    line(format!("seed {}; {merchants}; {PARTITIONS} partitions", options.seed));
    line(format!("batches of one partition, at most {BATCH_RECORDS} records and {BATCH_BYTES} bytes with base64"));
    line(format!("{} events, {} of them sent again under another offset", topic.events, topic.sent_again));
    line(format!(
        "{} records in {} batches, {} again after they had gone through",
        counts.records, counts.batches, counts.delivered_twice
    ));
    line(format!(
        "{} batches failed at a table, {} processes died, {} batches halved, {} restarts of the poller",
        counts.failed, counts.died, counts.halved, counts.restarts
    ));
    let per_second = u128::from(counts.records) * 1_000_000 / counts.busy.as_micros().max(1);
    line(format!("{per_second} events per second in the handler, tables and their prices included"));
    line(format!("{} entries in {} blocks, {} shards of balances", audit.posted, audit.blocks, audit.shards));
    line(String::new());
    line("                                      in blocks   one by one   times fewer".to_owned());
    let events = topic.events;
    let mut row = |name: &str, ours: u64, theirs: u64| {
        let (our, their) = (decimal(ours, events), decimal(theirs, events));
        line(format!("{name:<36} {our:>10} {their:>12} {:>13}", decimal(theirs, ours.max(1))));
    };
    row("write units per event", cost.units(), one_by_one.cost.units());
    row("  of entries", cost.entries, one_by_one.cost.entries);
    row("  of blocks", cost.blocks, one_by_one.cost.blocks);
    row("  of balances", cost.balances, one_by_one.cost.balances);
    row("writes to balances per event", cost.balance_writes, one_by_one.cost.balance_writes);
    row("refused writes per event", cost.refused, one_by_one.cost.refused);
    line(String::new());
    line(format!("lost {}, applied twice {}, out of order {}", audit.lost, audit.twice, audit.out_of_order));
    line(format!("trial balance, chains, and balances against a rebuild: {} findings", audit.findings.len()));
    audit.findings.iter().take(20).for_each(|finding| line(format!("  {finding}")));
    text
}

/// A ratio with four decimals, without floats.
fn decimal(count: u64, of: u64) -> String {
    let parts = u128::from(count) * 10_000 / u128::from(of.max(1));
    format!("{}.{:04}", parts / 10_000, parts % 10_000)
}
