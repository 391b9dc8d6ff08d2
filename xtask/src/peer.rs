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

/// Starts one of the pinned tools, with `--port` and these arguments, and waits until it answers anything at `probe`.
pub async fn start(workspace: &Workspace, tool: &str, arguments: &[&str], probe: &str) -> Result<Peer> {
    workspace.make_folders()?;
    tools::install(workspace).await?;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("asking for a free port")?;
    let port = listener.local_addr().context("reading the free port")?.port();
    drop(listener);
    let process = Command::new(workspace.tool(tool))
        .args(["--port", &port.to_string()])
        .args(arguments)
        .current_dir(workspace.data())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("starting {tool}"))?;
    let peer = Peer { process, endpoint: format!("http://127.0.0.1:{port}") };
    let deadline = Instant::now() + READY_BOUND;
    while bank::ask(&peer.endpoint, reqwest::Method::GET, probe, None).await.is_err() {
        if Instant::now() > deadline {
            bail!("{tool} does not answer");
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(peer)
}
