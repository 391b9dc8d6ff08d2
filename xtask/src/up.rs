//! `up`: from whatever state to a deployed, running stack. A crashed predecessor is cleaned up first.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::deploy::{self, Choice};
use crate::poller::discovery;
use crate::poller::report::Report;
use crate::process::{self, POLL_INTERVAL, Process};
use crate::progress::{note, step};
use crate::servers::{self, last_lines};
use crate::stack::Stack;
use crate::state::{Server, State};
use crate::workspace::Workspace;
use crate::{aws, bank, build, samples, tools, topics};

/// A member of a group waits seconds for the others on this broker, and a predecessor's session may have to end.
const POLLER_BOUND: Duration = Duration::from_secs(60);

/// Requests that `api` works on at once.
const API_AT_ONCE: i32 = 48;

/// What the user may choose.
#[derive(Clone, Debug)]
pub struct Options {
    /// EXPRESS or STANDARD.
    pub workflow_type: String,
    /// Deploy what was built before.
    pub skip_build: bool,
    /// Let the poller deliver every batch twice.
    pub deliver_twice: bool,
}

/// Brings the stack up to date with the repository.
pub async fn up(workspace: &Workspace, options: &Options) -> Result<Stack> {
    process::check_platform()?;
    let total = step("bringing the local stack up");
    workspace.make_folders()?;
    tools::install(workspace).await?;
    let built = build_functions(workspace, options).await?;
    let mut state = predecessor(workspace).await?;
    servers::assign_webhook_port(&mut state)?;
    servers::assign_ports(&mut state)?;
    start_servers(workspace, &mut state).await?;
    let deploying = step("deploying with SAM CLI");
    let choice = Choice { workflow_type: options.workflow_type.clone() };
    let deployed = deploy::deploy(workspace, &mut state, &built, &choice).await?;
    deploying.done(if deployed { "deployed" } else { "nothing has changed" });
    start_poller(workspace, &mut state, options.deliver_twice).await?;
    state.save(workspace)?;
    let stack = Stack::open(workspace).await?;
    bound_api(&stack).await?;
    samples::put(workspace, &stack).await?;
    total.done("the stack is up");
    Ok(stack)
}

/// Bounds how many processes of `api` the emulator runs at once: it starts one per request under way, and hundreds starve
/// each other on two cores. Whoever comes in excess is throttled (429), as by AWS at an account's limit.
async fn bound_api(stack: &Stack) -> Result<()> {
    let client = aws_sdk_lambda::Client::new(&stack.sdk_config());
    let function = stack.function_name("api");
    let bound = client.put_function_concurrency().function_name(&function);
    bound.reserved_concurrent_executions(API_AT_ONCE).send().await.with_context(|| format!("bounding {function}"))?;
    Ok(())
}

async fn build_functions(workspace: &Workspace, options: &Options) -> Result<String> {
    if !options.skip_build {
        let building = step("building the functions");
        let count = build::compile(workspace).await?;
        building.done(format!("{count} built"));
    }
    build::lay_out(workspace).await
}

/// What is left of the last run: all of it if the emulator lives, nothing if it does not, since it forgets everything.
async fn predecessor(workspace: &Workspace) -> Result<State> {
    let state = State::load(workspace).unwrap_or_default();
    if state.is_up(Server::Ministack) {
        return Ok(state);
    }
    let servers: Vec<Process> = state.servers.values().copied().collect();
    let stopped = process::stop_all(&workspace.florin(), &servers).await?;
    if stopped > 0 {
        note(format!("stopped {stopped} processes that a crashed stack had left"));
    }
    // Data of an emulator that has forgotten it.
    for folder in [workspace.data(), workspace.temporary()] {
        std::fs::remove_dir_all(&folder).with_context(|| format!("emptying {}", folder.display()))?;
    }
    workspace.make_folders()?;
    let mut fresh = State::default();
    servers::assign_ports(&mut fresh)?;
    Ok(fresh)
}

async fn start_servers(workspace: &Workspace, state: &mut State) -> Result<()> {
    if !state.is_up(Server::Kafka)
        && let Some(poller) = state.servers.get(&Server::Poller)
    {
        // Before the broker begins anew: offsets of the old log must not be committed to the new one.
        process::stop(poller).await?;
    }
    for server in Server::ALL.into_iter().filter(|server| *server != Server::Poller) {
        let starting = Instant::now();
        if servers::ensure(workspace, state, server).await? {
            let milliseconds = starting.elapsed().as_millis();
            note(format!("{} is ready on port {} ({milliseconds} ms)", server.name(), state.port(server)?));
        }
    }
    bank::open_accounts(&state.bank()?).await?;
    topics::make(&state.kafka()?).await
}

/// Starts the poller of the running stack anew, if it runs with other options.
pub async fn poller(workspace: &Workspace, twice: bool) -> Result<()> {
    let mut state = State::load(workspace).context("no stack here: start one with `cargo xtask up`")?;
    start_poller(workspace, &mut state, twice).await
}

/// Starts the poller, anew if its program or options have changed, and waits until each mapping has its partitions.
async fn start_poller(workspace: &Workspace, state: &mut State, twice: bool) -> Result<()> {
    let program = process::own_program()?;
    let digest = format!("{} twice={twice}", build::stamp(&program)?);
    let known = state.servers.get(&Server::Poller).copied().filter(Process::is_alive);
    if let Some(process) = known {
        if state.poller.as_ref() == Some(&digest) {
            return wait_for_poller(workspace, state, &process).await;
        }
        process::stop(&process).await?;
    }
    let starting = step("starting the Kafka event-source poller");
    let mut command = Command::new(program);
    command.arg("poller").current_dir(workspace.root());
    if twice {
        command.arg("--deliver-twice");
    }
    let process = process::start(&mut command, &workspace.florin(), &workspace.log(Server::Poller.name()))?;
    state.servers.insert(Server::Poller, process);
    state.poller = Some(digest);
    state.save(workspace)?;
    wait_for_poller(workspace, state, &process).await?;
    starting.done("its mappings have their partitions");
    Ok(())
}

async fn wait_for_poller(workspace: &Workspace, state: &State, process: &Process) -> Result<()> {
    let client = aws_sdk_cloudformation::Client::new(&aws::sdk_config(&state.endpoint()?));
    let stack = state.stack_name.as_deref().context("nothing is deployed")?;
    let mappings = discovery::mappings(&client, stack).await?;
    let deadline = Instant::now() + POLLER_BOUND;
    let log = workspace.log(Server::Poller.name());
    while !Report::load(workspace).is_some_and(|report| report.is_ready(process.pid, &mappings)) {
        if !process.is_alive() {
            bail!("the poller ended:\n{}", last_lines(&log));
        }
        if Instant::now() >= deadline {
            bail!("the poller has no partitions after {} s:\n{}", POLLER_BOUND.as_secs(), last_lines(&log));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}
