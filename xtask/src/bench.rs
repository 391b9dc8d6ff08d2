//! `cargo xtask bench`: builds the benchmarks for release and runs them, here or on the deployed stack.

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::{Workspace, build, progress};

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// post-ledger's handler over tables in memory on a bad day, beside one transaction per event
    Ledger {
        /// Different events, at least
        #[arg(long, default_value_t = 1_000_000)]
        events: u64,
        /// Where all chance comes from; printed, so that a run can be repeated
        #[arg(long)]
        seed: Option<u64>,
        /// One merchant takes all the traffic
        #[arg(long)]
        one_merchant: bool,
    },
    /// The domain alone: postings per second and instructions per posting
    Core,
}

/// Answers whether every limit holds.
pub async fn bench(workspace: &Workspace, command: &BenchCommand) -> Result<bool> {
    let mut arguments = Vec::new();
    match command {
        BenchCommand::Ledger { events, seed, one_merchant } => {
            arguments.extend(["ledger".to_owned(), "--events".to_owned(), events.to_string()]);
            arguments.extend(seed.iter().flat_map(|seed| ["--seed".to_owned(), seed.to_string()]));
            arguments.extend(one_merchant.then(|| "--one-merchant".to_owned()));
        }
        BenchCommand::Core => arguments.push("core".to_owned()),
    }
    progress::note("building for release; the first time takes minutes");
    let mut cargo = build::cargo(workspace);
    cargo.args(["run", "--quiet", "--release", "--package", "bench", "--"]).args(arguments);
    Ok(cargo.status().await.context("starting cargo run")?.success())
}
