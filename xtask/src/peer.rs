//! A peer that a play or a suite of its own needs: a Python program on a free port of the loopback, gone with its handle.
//!
//! It knows nothing of what is asked there.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;
use crate::{bank, tools};

/// Python starts in a second or two, on a busy machine in more.
const READY_BOUND: Duration = Duration::from_secs(30);
/// Between two looks at whether it answers.
const LOOK: Duration = Duration::from_millis(100);

/// A running program.
pub struct Peer {
    process: Child,
    /// Where it answers, such as `http://127.0.0.1:8420`.
    pub endpoint: String,
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to stop.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// By what a program shows that it is ready.
#[derive(Clone, Copy, Debug)]
pub enum Ready<'a> {
    /// It answers anything at that path.
    Answers(&'a str),
    /// It takes a connection.
    Listens,
}

/// Starts one of the pinned tools, with these arguments and `--port`, and waits until it is ready.
pub async fn start(workspace: &Workspace, tool: &str, arguments: &[&str], ready: Ready<'_>) -> Result<Peer> {
    workspace.make_folders()?;
    tools::install(workspace).await?;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("asking for a free port")?;
    let port = listener.local_addr().context("reading the free port")?.port();
    drop(listener);
    let process = Command::new(workspace.tool(tool))
        .args(arguments)
        .args(["--port", &port.to_string()])
        .current_dir(workspace.data())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("starting {tool}"))?;
    let scheme = if matches!(ready, Ready::Listens) { "tcp" } else { "http" };
    let peer = Peer { process, endpoint: format!("{scheme}://127.0.0.1:{port}") };
    let deadline = Instant::now() + READY_BOUND;
    while !is_ready(&peer.endpoint, port, ready).await {
        if Instant::now() > deadline {
            bail!("{tool} does not answer");
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(peer)
}

async fn is_ready(endpoint: &str, port: u16, ready: Ready<'_>) -> bool {
    match ready {
        Ready::Answers(path) => bank::ask(endpoint, reqwest::Method::GET, path, None).await.is_ok(),
        Ready::Listens => tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok(),
    }
}
