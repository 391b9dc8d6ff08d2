//! A model check of what three can do at once to one payment, over the real handlers. A handler's only inputs are the answers
//! of its ports, so a state of the whole is the payment's item, the acquirer's account, the clock, and for each actor the
//! answers that it has heard. All states are visited: every order of the actors' questions, every fault on the way, within a
//! scenario's bounds.
//!
//! It refuses to know how a handler decides: it hears what each asks for, and carries it out, or not.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test's failure is its panic")]

mod acquirer;
mod actors;
mod client;
mod counter_examples;
mod idle;
mod line;
mod naive;
mod pool;
mod ports;
mod program;
mod rest;
mod rules;
mod scenario;
mod scenarios;
mod search;
mod shop;
mod state;
mod trace;
mod visited;
mod world;

use pool::Values;
use scenario::Scenario;
use scenarios::SCENARIOS;
use search::{Report, search};
use shop::Shop;
use state::Model;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Distinct states that all scenarios together have at least.
const LEAST_STATES: usize = 1_000_000;

/// The search's report, and the trace of what it found broken.
fn check(scenario: &Scenario) -> (Report, Option<String>) {
    let (values, shop) = (Values::default(), Shop::new(scenario.card));
    let mut model = Model::new(&values, &shop, scenario);
    let report = search(&mut model);
    let violation = report.violation.as_ref();
    let trace = violation.map(|(broken, choices)| trace::trace(&mut model, choices, broken));
    (report, trace)
}

/// Says it whether or not the test fails.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("someone listens");
}

#[test]
fn whatever_three_do_at_once_to_a_payment_no_rule_is_broken() {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut states = 0;
        while let Some(scenario) = SCENARIOS.get(next.fetch_add(1, Ordering::Relaxed)) {
            let began = Instant::now();
            let (report, trace) = check(scenario);
            say(&format!(
                "{:>9} states {:?}, {:>9} steps, {:>4} ends, {:>5.1} s: {}",
                report.states,
                report.by_faults,
                report.steps,
                report.ends,
                began.elapsed().as_secs_f32(),
                scenario.name,
            ));
            if let Some(trace) = trace {
                say(&format!("{}:\n{trace}", scenario.name));
            }
            assert!(report.exhaustive, "{} breaks a rule, or was cut off", scenario.name);
            states += report.states;
        }
        states
    };
    let states: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    say(&format!("{states} states in {} scenarios", SCENARIOS.len()));
    assert!(states >= LEAST_STATES, "{states} states are fewer than {LEAST_STATES}");
}
