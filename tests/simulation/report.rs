//! What is said of a campaign, and of a world in which something broke.

use crate::options::FAULTS;
use crate::run::{Outcome, Product, run};
use crate::world::Counts;
use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;
use std::time::{Duration, Instant};

/// How often progress is told.
const PROGRESS: Duration = Duration::from_secs(10);

/// Worlds that were played, in sums.
pub struct Campaign {
    seeds: Range<u64>,
    began: Instant,
    told: Instant,
    played: u64,
    pub broken: u64,
    counts: Counts,
    /// How many seeds broke each invariant.
    invariants: BTreeMap<&'static str, u64>,
    /// The lowest seed that broke, and what broke in it first.
    first_broken: Option<(u64, &'static str)>,
}

impl Campaign {
    pub fn new(seeds: &Range<u64>) -> Self {
        let now = Instant::now();
        let (counts, invariants) = (Counts::default(), BTreeMap::new());
        Self {
            seeds: seeds.clone(),
            began: now,
            told: now,
            played: 0,
            broken: 0,
            counts,
            invariants,
            first_broken: None,
        }
    }

    pub fn add(&mut self, outcome: &Outcome) {
        self.played += 1;
        self.counts.add(&outcome.counts);
        if let Some(first) = outcome.violations.first() {
            self.broken += 1;
            *self.invariants.entry(first.invariant).or_default() += 1;
            let this = (outcome.options.seed, first.invariant);
            self.first_broken = Some(self.first_broken.map_or(this, |first| first.min(this)));
        }
        if self.told.elapsed() > PROGRESS {
            self.told = Instant::now();
            let all = self.seeds.end - self.seeds.start;
            eprintln!("  {}/{all} seeds, {} payments, {} broken", self.played, self.counts.payments, self.broken);
        }
    }
}

impl Campaign {
    /// In one line of JSON: worlds until the first that broke, and what did.
    pub fn summary(&self) -> serde_json::Value {
        let first = self.first_broken;
        let worlds = first.map_or(self.played, |(seed, _)| seed - self.seeds.start + 1);
        serde_json::json!({ "worlds": worlds, "invariant": first.map(|(_, invariant)| invariant) })
    }
}

impl fmt::Display for Campaign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { payments, operations, calls, invocations, executions, .. } = self.counts;
        let faulted = self.counts.faulted();
        let seconds = self.began.elapsed().as_secs().max(1);
        writeln!(
            f,
            "{} seeds ({}..{}), {payments} payments, {operations} operations on them, in {seconds} s ({} payments a second)",
            self.played,
            self.seeds.start,
            self.seeds.end,
            payments / seconds,
        )?;
        writeln!(
            f,
            "{executions} executions, {invocations} invocations, {calls} calls, {faulted} of them faulted ({} %)",
            faulted * 100 / calls.max(1)
        )?;
        for (fault, count) in FAULTS.iter().zip(self.counts.faults) {
            write!(f, " {fault:?} {count}")?;
        }
        writeln!(f)?;
        for (invariant, seeds) in &self.invariants {
            writeln!(f, "invariant {invariant}: broken in {seeds} seeds")?;
        }
        match self.first_broken {
            None => write!(f, "no violation"),
            Some((seed, _)) => write!(f, "{} of {} seeds broken, the first is {seed}", self.broken, self.played),
        }
    }
}

/// The seed, what was drawn from it, what broke, the story of the one payment, and how to play it again.
pub fn failure(product: &Product, outcome: &Outcome) -> String {
    let mut text = format!("\n{}\n", outcome.options);
    for violation in &outcome.violations {
        let payment = violation.payment.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
        let _ = writeln!(text, "✗ {}{payment}: {}", violation.invariant, violation.what);
    }
    let (seed, payments) = (outcome.options.seed, outcome.options.payments);
    if let Some(payment) = outcome.violations.iter().find_map(|violation| violation.payment.clone()) {
        let _ = writeln!(text, "the story of {payment}:");
        let again = run(product, seed, payments, Some(payment));
        for line in again.lines {
            let _ = writeln!(text, "{line}");
        }
    }
    let _ = write!(text, "again: cargo xtask simulate --seeds {seed} --payments {payments}");
    let _ = std::io::stdout().flush();
    text
}
