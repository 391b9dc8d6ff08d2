//! The whole of Florin's payment path in one process: the real handlers and the real state machine over simulated services, in
//! virtual time, under faults, from a seed. What must hold is checked all along and in the end. See docs/simulation.md.
#![allow(
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a program that says what it found; what is not named is somebody else's"
)]

mod acquirer;
mod book;
mod books;
mod check;
mod client;
mod consumers;
mod execution;
mod expression;
#[path = "../tasks/health.rs"]
mod health;
mod invocation;
mod ledger;
mod machine;
mod network;
mod options;
mod pollers;
mod ports;
mod report;
mod rules;
mod run;
mod service;
mod steps;
mod store;
mod time;
mod topics;
mod trace;
mod watch;
mod world;

use clap::Parser;
use machine::Machine;
use report::{Campaign, failure};
use rules::Rules;
use run::{Outcome, Product, run};
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Worlds are made of small things that come and go: the system's allocator takes half of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One in so many seeds is played twice, to see that it plays the same.
const TWICE: u64 = 50;

#[derive(Parser)]
struct Arguments {
    /// Which worlds: `A..B`, or one seed
    #[arg(long, default_value = "0..5000", value_parser = seeds)]
    seeds: Range<u64>,
    /// Payments of each world
    #[arg(long, default_value_t = 230)]
    payments: u32,
    /// Worlds that are played at once
    #[arg(long)]
    threads: Option<usize>,
    /// Go on after a violation, and count the seeds that have one
    #[arg(long)]
    keep_going: bool,
    /// Another state machine than the product's
    #[arg(long, default_value_os_t = of_product("statemachines/payment.asl.yaml"))]
    machine: PathBuf,
    /// Another template
    #[arg(long, default_value_os_t = of_product("template.yaml"))]
    template: PathBuf,
    /// Say it again in one line, for programs
    #[arg(long)]
    summary: bool,
}

fn of_product(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| format!("{text}: expected a number, or A..B"));
    match text.split_once("..") {
        Some((from, to)) => Ok(number(from)?..number(to)?),
        None => number(text).map(|seed| seed..seed + 1),
    }
}

fn main() -> ExitCode {
    // A handler's panic is told as what it is, a violation of its world.
    std::panic::set_hook(Box::new(|_| ()));
    match simulate(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn product(arguments: &Arguments) -> anyhow::Result<Product> {
    let machine = Machine::read(&std::fs::read_to_string(&arguments.machine)?)?;
    let rules = Rules::read(&std::fs::read_to_string(&arguments.template)?)?;
    Ok(Product { machine: Arc::new(machine), rules: Arc::new(rules) })
}

/// Answers whether everything held.
fn simulate(arguments: &Arguments) -> anyhow::Result<bool> {
    let product = product(arguments)?;
    let threads = arguments.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let campaign = Mutex::new(Campaign::new(&arguments.seeds));
    let next = AtomicU64::new(arguments.seeds.start);
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stopped.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= arguments.seeds.end {
                        break;
                    }
                    let outcome = play(&product, seed, arguments.payments);
                    let broken = !outcome.violations.is_empty();
                    let mut campaign = campaign.lock().expect("nobody panics while counting");
                    campaign.add(&outcome);
                    if broken {
                        if campaign.broken <= 3 {
                            println!("{}", failure(&product, &outcome));
                        }
                        stopped.store(!arguments.keep_going, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let campaign = campaign.into_inner().expect("nobody panics while counting");
    println!("{campaign}");
    if arguments.summary {
        println!("{}", campaign.summary());
    }
    Ok(campaign.broken == 0)
}

/// One seed; some of them twice.
fn play(product: &Product, seed: u64, payments: u32) -> Outcome {
    let mut outcome = run(product, seed, payments, None);
    if seed.is_multiple_of(TWICE) {
        let again = run(product, seed, payments, None);
        if again.hash != outcome.hash {
            outcome.violations.push(world::Violation {
                invariant: "0 determinism",
                payment: None,
                what: format!("the seed plays {:016x} and then {:016x}", outcome.hash, again.hash),
            });
        }
    }
    outcome
}
