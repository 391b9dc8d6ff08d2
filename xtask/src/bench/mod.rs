//! `cargo xtask bench`: builds the benchmarks for release and runs them, here or on the deployed stack.

mod stack;

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::{Stack, Workspace, build, progress};

/// Events through tables in memory, and through the deployed stack.
const EVENTS: u64 = 1_000_000;
const EVENTS_ON_STACK: u64 = 100_000;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// post-ledger's handler over tables in memory on a bad day, beside one transaction per event
    Ledger {
        /// Different events, at least: a million, or 100,000 with --stack
        #[arg(long)]
        events: Option<u64>,
        /// Where all chance comes from; printed, so that a run can be repeated
        #[arg(long)]
        seed: Option<u64>,
        /// One merchant takes all the traffic
        #[arg(long)]
        one_merchant: bool,
        /// Through the broker, the poller and the deployed function of the running stack, while processes are killed
        #[arg(long)]
        stack: bool,
    },
    /// The domain alone: postings per second and instructions per posting
    Core,
    /// What one invocation of post-ledger with the largest payload needs at most
    Memory,
}

/// Answers whether every limit holds.
pub async fn bench(workspace: &Workspace, command: &BenchCommand) -> Result<bool> {
    let mut arguments = Vec::new();
    match command {
        BenchCommand::Ledger { events, seed, one_merchant, stack: true } => {
            let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
            let events = events.unwrap_or(EVENTS_ON_STACK);
            return stack::run(&Stack::open(workspace).await?, events, seed, *one_merchant).await;
        }
        BenchCommand::Ledger { events, seed, one_merchant, stack: false } => {
            let events = events.unwrap_or(EVENTS);
            arguments.extend(["ledger".to_owned(), "--events".to_owned(), events.to_string()]);
            arguments.extend(seed.iter().flat_map(|seed| ["--seed".to_owned(), seed.to_string()]));
            arguments.extend(one_merchant.then(|| "--one-merchant".to_owned()));
        }
        BenchCommand::Core => arguments.push("core".to_owned()),
        BenchCommand::Memory => arguments.push("memory".to_owned()),
    }
    progress::note("building for release; the first time takes minutes");
    let mut cargo = build::cargo(workspace);
    cargo.args(["run", "--quiet", "--release", "--package", "bench", "--"]).args(arguments);
    Ok(cargo.status().await.context("starting cargo run")?.success())
}
