//! `status` and `env`: what runs, where, and how to talk to it.

use anyhow::Result;

use crate::fault::Gateway;
use crate::progress;
use crate::stack::Stack;
use crate::state::{Server, State};
use crate::workspace::Workspace;
use crate::{aws, deploy, fault};

/// Prints the state of the stack; answers whether all is up.
pub async fn status(workspace: &Workspace) -> Result<bool> {
    let Some(state) = State::load(workspace) else {
        progress::answer("The stack is down. Start it with: cargo xtask up");
        return Ok(false);
    };
    let mut all_up = true;
    for server in Server::ALL {
        let up = state.is_up(server);
        all_up &= up;
        let pid = state.servers.get(&server).map_or("-".to_owned(), |process| process.pid.to_string());
        let port = state.ports.get(&server).map_or("-".to_owned(), u16::to_string);
        progress::answer(format!(
            "{:<13} {:<5} pid {pid:<8} port {port}",
            server.name(),
            if up { "up" } else { "down" }
        ));
    }
    for gateway in Gateway::ALL {
        // A proxy that is down has said so above.
        if let Ok(broken) = fault::read(&state, gateway).await {
            progress::answer(format!("calls to {:<10} fault {broken}", gateway.name()));
        }
    }
    match Stack::open(workspace).await {
        Err(error) => {
            progress::answer(format!("\n{error:#}"));
            all_up = false;
        }
        Ok(stack) => describe(&stack).await?,
    }
    Ok(all_up)
}

async fn describe(stack: &Stack) -> Result<()> {
    progress::answer(format!("\nOutputs of {}:", stack.name));
    for (name, value) in &stack.outputs {
        progress::answer(format!("  {name} = {value}"));
    }
    progress::answer(format!("\nFunctions: {}", stack.functions().await?.join(", ")));
    let report = stack.poller_report().unwrap_or_default();
    if !report.mappings.is_empty() {
        progress::answer("\nKafka mappings, counted since the poller started:");
        let lag = stack.poller_lag().await;
        let lag = lag.map_or_else(|error| format!("unknown: {error:#}"), |lag| lag.to_string());
        progress::answer(format!("  records in Kafka that are still to be finished: {lag}"));
    }
    for (id, mapping) in report.mappings {
        progress::answer(format!(
            "  {id}: {} -> {} as {}; {} partitions, {} batches, {} records, {} waiting, {} failures, {} given up",
            mapping.topics.join(", "),
            mapping.function,
            mapping.group,
            mapping.partitions.len(),
            mapping.batches,
            mapping.records,
            mapping.waiting,
            mapping.failures,
            mapping.given_up,
        ));
        if let Some(error) = mapping.last_error {
            progress::answer(format!("    last error: {error}"));
        }
    }
    Ok(())
}

/// Prints a shell's environment for the stack and its tools.
pub fn print_environment(workspace: &Workspace) -> Result<()> {
    let endpoint = State::load(workspace)
        .map_or_else(|| anyhow::bail!("the stack is down: cargo xtask up"), |state| state.endpoint())?;
    for (name, value) in aws::environment(&endpoint).into_iter().chain(deploy::hermetic(workspace)) {
        progress::answer(format!("export {name}='{}'", value.replace('\'', r"'\''")));
    }
    let tools = workspace.tools().join("bin").display().to_string().replace('\'', r"'\''");
    progress::answer(format!("export PATH='{tools}':\"$PATH\""));
    Ok(())
}
