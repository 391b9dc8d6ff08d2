//! `month`: builds and runs the play of a month, tests/month, with a bank of its own. It knows nothing of what is played.

use anyhow::{Context, Result};

use crate::peer::Ready;
use crate::workspace::Workspace;
use crate::{build, peer};

/// When the bank's clock starts: before the month.
const BANK_CLOCK: &str = "2026-10-31T09:00";

/// Answers whether everything added up. The days' pages are left in `.florin/month`.
pub async fn month(workspace: &Workspace) -> Result<bool> {
    let bank =
        peer::start(workspace, "mock-bank", &["--clock", BANK_CLOCK, "--quiet"], Ready::Answers("/_mock/health"))
            .await?;
    let mut cargo = build::cargo(workspace);
    cargo.env("MONTH_PAGES", workspace.florin().join("month")).env("BANK_ENDPOINT", &bank.endpoint);
    cargo.args(["test", "--quiet", "--package", "tests", "--test", "month"]);
    Ok(cargo.status().await.context("starting cargo test")?.success())
}
