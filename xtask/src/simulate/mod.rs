//! `simulate`: builds and plays worlds of tests/simulation, as the product is, or with a bug planted in a copy of it. It knows
//! nothing of what is played.

mod planted;

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::process::Command;

use crate::workspace::Workspace;
use crate::{build, progress};
pub use planted::{Bug, bugs};
use planted::{Copy, table};

/// Each planted bug is to be found within so many worlds.
const WORLDS: &str = "0..200";
/// What a planted bug's table is called.
const TABLE: &str = "docs/simulated-bugs.md";

/// Which worlds.
#[derive(Debug, Default, clap::Args)]
pub struct Simulate {
    /// Which worlds, `A..B`, or one seed; a million payments by default, 0..200 with a bug
    #[arg(long)]
    seeds: Option<String>,
    /// Payments of each world
    #[arg(long)]
    payments: Option<u32>,
    /// Worlds that are played at once; as many as there are processors by default
    #[arg(long)]
    threads: Option<usize>,
    /// Go on after a violation, and count the seeds that have one
    #[arg(long)]
    keep_going: bool,
    /// Build for speed: minutes more to build, a fifth less to play; for millions of payments
    #[arg(long, conflicts_with_all = ["bug", "bugs"])]
    fast: bool,
    /// Plant this bug of tests/simulation/bugs.toml first; exit code 1 says that it was found
    #[arg(long, conflicts_with = "bugs")]
    bug: Option<String>,
    /// Plant one bug after the other, and write docs/simulated-bugs.md; exit code 1 if one is not found
    #[arg(long)]
    bugs: bool,
}

impl Simulate {
    /// What the simulation is told; the rest it knows itself.
    fn arguments(&self, seeds: Option<&str>) -> Vec<String> {
        let said = [
            ("--seeds", self.seeds.as_deref().or(seeds).map(str::to_owned)),
            ("--payments", self.payments.map(|payments| payments.to_string())),
            ("--threads", self.threads.map(|threads| threads.to_string())),
        ];
        let said = said.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?])).flatten();
        said.chain(self.keep_going.then(|| "--keep-going".to_owned())).collect()
    }
}

/// What the simulation says of a campaign, for programs.
#[derive(Deserialize)]
struct Summary {
    /// How many worlds were played until the first that broke, that one too.
    worlds: u64,
    /// What broke in it.
    invariant: Option<String>,
}

/// Answers whether everything held; with all bugs, whether each was found.
pub async fn simulate(workspace: &Workspace, options: &Simulate) -> Result<bool> {
    if options.bugs {
        return find_all(workspace, options).await;
    }
    let Some(name) = &options.bug else {
        let mut command = build::cargo(workspace);
        command.args(["test", "--quiet", "--package", "simulation", "--test", "simulation"]);
        command.args(options.fast.then_some("--profile=campaign")).arg("--").args(options.arguments(None));
        return Ok(command.status().await.context("starting cargo test")?.success());
    };
    let bugs = bugs(workspace)?;
    let Some(bug) = bugs.iter().find(|bug| bug.name == *name) else {
        let names: Vec<&str> = bugs.iter().map(|bug| bug.name.as_str()).collect();
        bail!("there is no bug {name}: expected one of {}", names.join(", "));
    };
    let copy = Copy::make(workspace, &bugs)?;
    let mut command = play(workspace, &copy, bug, options)?;
    Ok(command.status().await.context("starting cargo test")?.success())
}

fn play(workspace: &Workspace, copy: &Copy, bug: &Bug, options: &Simulate) -> Result<Command> {
    let mut command = build::cargo(workspace);
    // What is not ours is built once for both: it lies beside what the workspace builds.
    command
        .current_dir(copy.root())
        .arg("test")
        .args(["--target-dir".as_ref(), workspace.root().join("target").as_os_str()]);
    command.args(["--quiet", "--package", "simulation", "--test", "simulation", "--"]);
    command.args(options.arguments(Some(WORLDS))).args(copy.switched_on(bug)?).env(planted::VARIABLE, &bug.name);
    Ok(command)
}

async fn find_all(workspace: &Workspace, options: &Simulate) -> Result<bool> {
    let bugs = bugs(workspace)?;
    let copy = Copy::make(workspace, &bugs)?;
    let mut found = Vec::new();
    for bug in &bugs {
        let mut command = play(workspace, &copy, bug, options)?;
        let output = command.arg("--summary").stderr(Stdio::inherit()).output().await.context("starting cargo test")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let last = text.lines().rfind(|line| line.starts_with('{')).context("the simulation said nothing")?;
        let summary: Summary = serde_json::from_str(last).context("reading the simulation's summary")?;
        let by = summary.invariant.as_deref().unwrap_or("NOT FOUND");
        progress::note(format!("{}: {} worlds, {by}", bug.name, summary.worlds));
        found.push((summary.worlds, summary.invariant));
    }
    let missed = found.iter().filter(|(_, invariant)| invariant.is_none()).count();
    std::fs::write(workspace.root().join(TABLE), table(&bugs, &found)).with_context(|| format!("writing {TABLE}"))?;
    progress::note(format!("{} of {} bugs found; {TABLE} says how", bugs.len() - missed, bugs.len()));
    Ok(missed == 0)
}
