//! The command line of the benchmarks; `cargo xtask bench` builds it for release and runs it.

use bench::core_run::{self, Extent};
use bench::ledger_run::{self, Options};
use bench::memory;
use clap::{Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;

#[derive(Parser)]
enum Arguments {
    /// The real handler over tables in memory
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
    /// What one invocation of post-ledger needs at most
    Memory,
    /// What callgrind looks at, or a process that is measured
    #[command(subcommand, hide = true)]
    Work(Work),
}

#[derive(Clone, Copy, Subcommand)]
enum Work {
    Fold { rounds: u64 },
    Seal { rounds: u64 },
    Post,
}

fn main() -> ExitCode {
    let (text, holds) = match Arguments::parse() {
        Arguments::Ledger { events, seed, one_merchant } => {
            let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
            ledger_run::run(Options { events, seed, one_merchant })
        }
        Arguments::Core => core_run::run(),
        Arguments::Memory => memory::run(),
        Arguments::Work(Work::Fold { rounds }) => (work(rounds, Extent::Fold), true),
        Arguments::Work(Work::Seal { rounds }) => (work(rounds, Extent::Seal), true),
        Arguments::Work(Work::Post) => match memory::post() {
            Ok(text) => (text, true),
            Err(error) => (error.to_string(), false),
        },
    };
    // A closed pipe is no reason to fail.
    let _ = writeln!(std::io::stdout(), "{text}");
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn work(rounds: u64, extent: Extent) -> String {
    core_run::work(&core_run::events(), rounds, extent).0.to_string()
}
