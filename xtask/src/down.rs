//! `down`: stops everything that belongs to the stack, whoever started it and however it ended.

use anyhow::Result;

use crate::process::{self, Process};
use crate::progress::{note, step};
use crate::state::{Server, State};
use crate::workspace::Workspace;

/// Stops the stack. Nothing running is fine.
pub async fn down(workspace: &Workspace) -> Result<()> {
    process::check_platform()?;
    let state = State::load(workspace).unwrap_or_default();
    let mut servers: Vec<Process> = Vec::new();
    // The poller first: what it feeds must still be there while it finishes.
    for server in Server::ALL.into_iter().rev() {
        if let Some(process) = state.servers.get(&server).filter(|process| process.is_alive()) {
            note(format!("stopping {} (pid {})", server.name(), process.pid));
            servers.push(*process);
        }
    }
    let stopping = step("stopping the local stack");
    let stopped = process::stop_all(&workspace.florin(), &servers).await?;
    // It may never have been there.
    let _ = std::fs::remove_file(workspace.state_file());
    let _ = std::fs::remove_file(workspace.poller_report());
    match stopped {
        0 => stopping.done("nothing was running"),
        count => stopping.done(format!("{count} processes stopped, functions included")),
    }
    Ok(())
}
