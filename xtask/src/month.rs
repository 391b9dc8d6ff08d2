//! `month`: builds and runs the play of a month, tests/month, with a bank of its own. It knows nothing of what is played.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use reqwest::Method;

use crate::workspace::Workspace;
use crate::{bank, build, tools};

/// When the bank's clock starts: before the month.
const BANK_CLOCK: &str = "2026-10-31T09:00";
/// Python starts in a second or two, on a busy machine in more.
const BANK_BOUND: Duration = Duration::from_secs(30);
/// Between two looks at whether the bank answers.
const LOOK: Duration = Duration::from_millis(100);

/// A bank of the month's own, gone with it.
struct Bank {
    process: Child,
    endpoint: String,
}

impl Drop for Bank {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to stop.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Answers whether everything added up. The days' pages are left in `.florin/month`.
pub async fn month(workspace: &Workspace) -> Result<bool> {
    workspace.make_folders()?;
    tools::install(workspace).await?;
    let bank = start_bank(workspace).await?;
    let mut cargo = build::cargo(workspace);
    cargo.env("MONTH_PAGES", workspace.florin().join("month")).env("BANK_ENDPOINT", &bank.endpoint);
    cargo.args(["test", "--quiet", "--package", "tests", "--test", "month"]);
    Ok(cargo.status().await.context("starting cargo test")?.success())
}

async fn start_bank(workspace: &Workspace) -> Result<Bank> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("asking for a free port")?;
    let port = listener.local_addr().context("reading the free port")?.port();
    drop(listener);
    let process = Command::new(workspace.tool("mock-bank"))
        .args(["--port", &port.to_string(), "--clock", BANK_CLOCK, "--quiet"])
        .current_dir(workspace.data())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("starting mock-bank")?;
    let bank = Bank { process, endpoint: format!("http://127.0.0.1:{port}") };
    let deadline = Instant::now() + BANK_BOUND;
    while bank::ask(&bank.endpoint, Method::GET, "/_mock/health", None).await.is_err() {
        if Instant::now() > deadline {
            bail!("mock-bank does not answer");
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(bank)
}
