//! The Kafka broker: with its log in memory, as `up` starts it, or on a disk, so that it can be killed and started again.
//!
//! Its disk is an S3 of its own, since this broker knows no files: a second emulator with nothing else in it.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::poller::clock;
use crate::process::{self, POLL_INTERVAL, Process};
use crate::servers::{self, last_lines};
use crate::state::{Disk, Server, State};
use crate::workspace::Workspace;
use crate::{aws, crash, tools};

/// The bucket that is the disk.
const BUCKET: &str = "broker";
/// The emulator imports a lot of Python.
const READY_BOUND: Duration = Duration::from_secs(60);
/// How long a batch may be on its way to the disk; two milliseconds are usual.
const WRITTEN: Duration = Duration::from_millis(500);
/// How long a killed broker may take to end.
const END_BOUND: Duration = Duration::from_secs(10);

/// Starts the broker: on its disk if it has one, under the name that its log is kept by. Without one it forgets everything, and
/// gets another name each time, so that the poller notices.
pub fn command(workspace: &Workspace, state: &State) -> Result<Command> {
    let url = format!("tcp://{}", state.kafka()?);
    let mut command = servers::bare(workspace, tools::broker(workspace)?);
    let (name, storage) = match state.broker_disk.filter(|disk| disk.process.is_alive()) {
        Some(disk) => {
            command.env("AWS_ENDPOINT", disk.endpoint()).env("AWS_ALLOW_HTTP", "true").env("AWS_REGION", aws::REGION);
            command.env("AWS_ACCESS_KEY_ID", aws::ROOT).env("AWS_SECRET_ACCESS_KEY", aws::ROOT);
            (format!("florin-{}", disk.process.started), format!("s3://{BUCKET}/"))
        }
        None => (format!("florin-{}", clock::random_id()), "memory://tansu/".to_owned()),
    };
    command.args(["broker", "--cluster-id", &name, "--storage-engine", &storage]);
    command.args(["--listener-url", &url, "--advertised-listener-url", &url]);
    Ok(command)
}

/// Exchanges the broker of the running stack for one with a disk; with an empty log, so nobody may need the old one any more.
pub async fn give_disk(workspace: &Workspace) -> Result<()> {
    let mut state = State::load(workspace).context("no stack here: start one with `cargo xtask up`")?;
    if state.broker_disk.is_some_and(|disk| disk.process.is_alive()) {
        return Ok(());
    }
    state.broker_disk = Some(start_disk(workspace).await?);
    // Before the broker begins anew: offsets of the old log must not be committed to the new one.
    for server in [Server::Poller, Server::Kafka] {
        if let Some(process) = state.servers.get(&server) {
            process::stop(process).await?;
        }
    }
    servers::ensure(workspace, &mut state, Server::Kafka).await?;
    crate::topics::make(&state.kafka()?).await?;
    state.save(workspace)?;
    crate::up::poller(workspace, false).await
}

async fn start_disk(workspace: &Workspace) -> Result<Disk> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("asking for a free port")?;
    let port = listener.local_addr().context("reading the free port")?.port();
    drop(listener);
    let data = workspace.data().join("broker-disk");
    let log = workspace.log("broker-disk");
    let mut command = servers::bare(workspace, workspace.tool("ministack"));
    command.env("SERVICES", "s3").env("GATEWAY_PORT", port.to_string()).env("BIND_HOST", "127.0.0.1");
    command.env("S3_DATA_DIR", data.join("s3")).env("STATE_DIR", data.join("state")).env("PYTHONUNBUFFERED", "1");
    command.current_dir(workspace.data());
    let process = process::start(&mut command, &workspace.florin(), &log)?;
    let disk = Disk { process, port };
    let deadline = Instant::now() + READY_BOUND;
    while let Err(error) = aws::make_bucket(&disk.endpoint(), BUCKET).await {
        if !process.is_alive() || Instant::now() >= deadline {
            bail!("the broker's disk does not start: {error:#}\n{}", last_lines(&log));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(disk)
}

/// Kills the broker without a word, and starts it again after a while. With its disk, so that nothing is forgotten.
///
/// Whoever writes is halted for the blink before, until what is on its way is written. This broker gives out offsets and notes
/// the producer's sequence before it writes a batch: killed in between, it tells the producer that it has the batch, and has
/// a hole. Kafka does not.
pub async fn crash(workspace: &Workspace, away: Duration) -> Result<()> {
    let mut state = State::load(workspace).context("no stack here")?;
    if state.broker_disk.is_none_or(|disk| !disk.process.is_alive()) {
        bail!("the broker has its log in memory, and would forget it");
    }
    let broker: Process = *state.servers.get(&Server::Kafka).context("no broker runs")?;
    let writers = crash::function_processes(workspace);
    writers.iter().for_each(Process::pause);
    tokio::time::sleep(WRITTEN).await;
    broker.kill();
    writers.iter().for_each(Process::resume);
    let deadline = Instant::now() + END_BOUND;
    while broker.is_alive() {
        if Instant::now() >= deadline {
            bail!("the broker does not end");
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    tokio::time::sleep(away).await;
    servers::ensure(workspace, &mut state, Server::Kafka).await?;
    Ok(())
}
