//! The servers of the stack: how each is started, and how it is known to be ready.
//!
//! It refuses to know what is deployed on them.

use std::collections::btree_map::Entry;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::fault::Gateway;
use crate::process::{self, POLL_INTERVAL, Process};
use crate::state::{Server, State};
use crate::workspace::Workspace;
use crate::{broker, gateways, tools};

/// MiniStack imports a lot of Python: seconds on a busy machine.
const READY_BOUND: Duration = Duration::from_secs(60);
/// One look at whether a server is ready.
const PROBE_BOUND: Duration = Duration::from_secs(2);

/// Switches of the emulator that a test may set for itself.
const PASSED_ON: [&str; 4] = ["SFN_WAIT_SCALE", "SFN_MOCK_CONFIG", "LAMBDA_ACCOUNT_CONCURRENCY", "LOG_LEVEL"];

/// Gives every server without a port its usual one or, if that is taken, any other.
pub fn assign_ports(state: &mut State) -> Result<()> {
    // Held until all are given, so that none is given twice.
    let mut held = Vec::new();
    for server in Server::ALL {
        let Some(usual) = server.usual_port() else {
            continue;
        };
        if state.ports.contains_key(&server) {
            continue;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, usual))
            .or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .context("asking for a free port")?;
        state.ports.insert(server, listener.local_addr().context("reading the free port")?.port());
        held.push(listener);
    }
    for proxy in Gateway::ALL.map(Gateway::proxy).into_iter().chain([Server::AwsProxy]) {
        if let Entry::Vacant(place) = state.control_ports.entry(proxy) {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("asking for a free port")?;
            place.insert(listener.local_addr().context("reading the free port")?.port());
            held.push(listener);
        }
    }
    Ok(())
}

/// Gives the tests' receiver of webhooks a port, once. Nobody holds it: it lies below those that the system hands out to
/// clients, and is picked by chance, so that two stacks do not pick the same.
pub fn assign_webhook_port(state: &mut State) -> Result<()> {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 10_000;
    const TRIES: usize = 100;
    for _ in 0..TRIES {
        if state.webhook_port.is_some() {
            return Ok(());
        }
        let mut chance = [0; 2];
        getrandom::fill(&mut chance).context("asking for chance")?;
        let port = FIRST + u16::from_le_bytes(chance) % COUNT;
        state.webhook_port = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok().then_some(port);
    }
    bail!("no port is free from {FIRST} to {}", FIRST + COUNT)
}

/// Starts any server but the poller, unless it is up, and waits until it is ready.
pub async fn ensure(workspace: &Workspace, state: &mut State, server: Server) -> Result<bool> {
    if state.is_up(server) {
        return Ok(false);
    }
    let port = state.port(server)?;
    let mut command = command(workspace, state, server)?;
    let process = process::start(&mut command, &workspace.florin(), &workspace.log(server.name()))?;
    state.servers.insert(server, process);
    // Before it is ready: a crash of ours must not lose sight of it.
    state.save(workspace)?;
    wait_until_ready(workspace, server, port, &process).await?;
    Ok(true)
}

fn command(workspace: &Workspace, state: &State, server: Server) -> Result<Command> {
    let mut command = match server {
        Server::Ministack => ministack(workspace, state)?,
        Server::AwsProxy => aws_proxy(workspace, state)?,
        Server::Kafka => broker::command(workspace, state)?,
        Server::Valkey => cache(workspace, state)?,
        Server::Bank => bank(workspace, state)?,
        Server::Localstripe => localstripe(workspace, state)?,
        Server::Iso8583sim => iso8583sim(workspace, state)?,
        Server::StripeProxy => proxy(workspace, state, Gateway::Stripe)?,
        Server::Iso8583Proxy => proxy(workspace, state, Gateway::Iso8583)?,
        Server::Poller => bail!("the poller is started after the deployment"),
    };
    command.current_dir(workspace.data());
    Ok(command)
}

/// A server sees nothing of our environment: functions inherit MiniStack's, and must not lean on ours.
pub(crate) fn bare(workspace: &Workspace, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LANG", "C.UTF-8")
        .env("HOME", workspace.data())
        .env("TMPDIR", workspace.temporary());
    command
}

fn ministack(workspace: &Workspace, state: &State) -> Result<Command> {
    let mut command = bare(workspace, workspace.tool("ministack"));
    command
        .env("AUTH", "true")
        // It hands this on to the functions.
        .env("AWS_ENDPOINT_URL", state.functions_endpoint()?)
        .env("GATEWAY_PORT", state.port(Server::Ministack)?.to_string())
        .env("BIND_HOST", "127.0.0.1")
        .env("MINISTACK_MSK_BOOTSTRAP", state.kafka()?)
        .env("S3_DATA_DIR", workspace.data().join("s3"))
        .env("STATE_DIR", workspace.data().join("ministack"))
        .env("PYTHONUNBUFFERED", "1");
    for name in PASSED_ON {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    Ok(command)
}

fn cache(workspace: &Workspace, state: &State) -> Result<Command> {
    let port = state.port(Server::Valkey)?.to_string();
    let mut command = bare(workspace, tools::cache(workspace)?);
    command.args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no", "--daemonize", "no"]);
    Ok(command)
}

/// PyPI's mock-bank: it takes payment files and gives statements. It keeps everything in memory, and dies with the stack.
fn bank(workspace: &Workspace, state: &State) -> Result<Command> {
    let port = state.port(Server::Bank)?.to_string();
    let mut command = bare(workspace, workspace.tool("mock-bank"));
    // A cut-off at the day's very end: what is sent today leaves today, whenever a test runs.
    command.args(["--host", "127.0.0.1", "--port", &port, "--db", ":memory:", "--cutoff", "23:59", "--quiet"]);
    Ok(command)
}

/// PyPI's localstripe. It would listen on every address, and write what it knows to /tmp.
fn localstripe(workspace: &Workspace, state: &State) -> Result<Command> {
    let port = state.port(Server::Localstripe)?.to_string();
    let mut command = bare(workspace, workspace.tool("python"));
    command.args(tools::confined("localstripe")).args(["--from-scratch", "--port", &port]);
    Ok(command)
}

/// PyPI's iso8583sim. It remembers nothing.
fn iso8583sim(workspace: &Workspace, state: &State) -> Result<Command> {
    let port = state.port(Server::Iso8583sim)?.to_string();
    let mut command = bare(workspace, workspace.tool("iso8583sim"));
    command.args(["serve", "--host", "127.0.0.1", "--port", &port, "--rules"]).arg(gateways::rules(workspace));
    Ok(command)
}

/// This program, between the functions and the emulator.
fn aws_proxy(workspace: &Workspace, state: &State) -> Result<Command> {
    let mut command = bare(workspace, process::own_program()?);
    command.arg("aws-proxy").args(proxy_ports(state, Server::AwsProxy, Server::Ministack)?);
    Ok(command)
}

/// This program, between the functions and the gateway's peer.
fn proxy(workspace: &Workspace, state: &State, gateway: Gateway) -> Result<Command> {
    let mut command = bare(workspace, process::own_program()?);
    command.args(["gateway-proxy", gateway.name()]).args(proxy_ports(state, gateway.proxy(), gateway.peer())?);
    Ok(command)
}

fn proxy_ports(state: &State, proxy: Server, peer: Server) -> Result<[String; 3]> {
    let control = state.control_ports.get(&proxy).context("a proxy has no control port yet")?;
    let (listen, peer) = (state.port(proxy)?, state.port(peer)?);
    Ok([format!("--listen={listen}"), format!("--control={control}"), format!("--peer={peer}")])
}

async fn wait_until_ready(workspace: &Workspace, server: Server, port: u16, process: &Process) -> Result<()> {
    let deadline = Instant::now() + READY_BOUND;
    let log = workspace.log(server.name());
    loop {
        if !process.is_alive() {
            bail!("{} ended while starting:\n{}", server.name(), last_lines(&log));
        }
        if tokio::time::timeout(PROBE_BOUND, is_ready(server, port)).await.unwrap_or(false) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            bail!("{} is not ready after {} s:\n{}", server.name(), READY_BOUND.as_secs(), last_lines(&log));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn is_ready(server: Server, port: u16) -> bool {
    match server {
        Server::Ministack => answers(port, "GET /_ministack/health HTTP/1.0\r\n\r\n", " 200 ").await,
        Server::Valkey => answers(port, "PING\r\n", "+PONG").await,
        Server::Bank => answers(port, "GET /_mock/health HTTP/1.0\r\n\r\n", " 200 ").await,
        // Without a key it refuses, and that is an answer.
        Server::Localstripe => answers(port, "GET /v1/balance HTTP/1.0\r\n\r\n", " 401 ").await,
        // Of Kafka, making the topics is the real test, and comes next.
        Server::AwsProxy | Server::Kafka | Server::StripeProxy | Server::Iso8583sim | Server::Iso8583Proxy => {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()
        }
        Server::Poller => false,
    }
}

async fn answers(port: u16, question: &str, expected: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
        return false;
    };
    if stream.write_all(question.as_bytes()).await.is_err() {
        return false;
    }
    let mut answer = [0; 64];
    let Ok(length) = stream.read(&mut answer).await else {
        return false;
    };
    String::from_utf8_lossy(&answer[..length]).contains(expected)
}

/// The end of a log, for an error message.
pub fn last_lines(log: &std::path::Path) -> String {
    /// As much as fits a terminal without scrolling.
    const SHOWN: usize = 15;
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(SHOWN)..].join("\n")
}
