//! `month`: builds and runs the play of a month, tests/month. It knows nothing of what is played.

use anyhow::{Context, Result};

use crate::build;
use crate::workspace::Workspace;

/// Answers whether everything added up. The days' pages are left in `.florin/month`.
pub async fn month(workspace: &Workspace) -> Result<bool> {
    let mut cargo = build::cargo(workspace);
    cargo.env("MONTH_PAGES", workspace.florin().join("month"));
    cargo.args(["test", "--quiet", "--package", "tests", "--test", "month"]);
    Ok(cargo.status().await.context("starting cargo test")?.success())
}
