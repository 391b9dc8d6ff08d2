//! Crashes on purpose: functions' processes and the poller, killed without a word, for tests and benchmarks.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::{self, POLL_INTERVAL, Process};
use crate::state::{Server, State};
use crate::workspace::Workspace;

/// How long a killed poller may take to end.
const END_BOUND: Duration = Duration::from_secs(10);

/// The running programs of functions: started by the emulator, out of the folder where it unpacks them.
pub fn function_processes(workspace: &Workspace) -> Vec<Process> {
    let unpacked = workspace.florin().join("tmp");
    let is_function = |member: &Process| {
        let program = std::fs::read_link(format!("/proc/{}/exe", member.pid)).unwrap_or_default();
        program.starts_with(&unpacked) && program.to_string_lossy().contains("provided-code")
    };
    process::members(&workspace.florin(), &[]).into_iter().filter(is_function).collect()
}

/// Kills the poller and starts its program anew, as `up` does.
pub async fn restart_poller(workspace: &Workspace) -> Result<()> {
    let mut state = State::load(workspace).context("no stack here")?;
    let old = *state.servers.get(&Server::Poller).context("no poller runs")?;
    let program = std::fs::read_link(format!("/proc/{}/exe", old.pid)).context("the poller's program")?;
    let arguments = std::fs::read(format!("/proc/{}/cmdline", old.pid)).context("the poller's arguments")?;
    let arguments = arguments.split(|byte| *byte == 0).skip(1).map(|part| String::from_utf8_lossy(part).into_owned());
    let arguments: Vec<String> = arguments.filter(|argument| !argument.is_empty()).collect();
    old.kill();
    let deadline = Instant::now() + END_BOUND;
    while old.is_alive() {
        if Instant::now() >= deadline {
            bail!("the poller does not end");
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    // A program that was built anew since has " (deleted)" behind its path.
    let program = program.to_string_lossy().trim_end_matches(" (deleted)").to_owned();
    let mut command = Command::new(program);
    command.args(arguments).current_dir(workspace.root());
    let started = process::start(&mut command, &workspace.florin(), &workspace.log(Server::Poller.name()))?;
    state.servers.insert(Server::Poller, started);
    state.save(workspace)
}
