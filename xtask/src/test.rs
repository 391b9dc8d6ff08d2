//! `cargo xtask test`: every kind of test, in the order in which a failure is cheapest, ending with the deployed thing.
//!
//! It knows which tests there are, and no rule that they check.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::{Stack, Workspace, build, demo, deploy, docs, down, fuzz, gateways, month, progress, simulate, tools, up};

/// Payments at a time: what two cores bear.
const DEMO_CONCURRENCY: usize = 8;

/// Runs all tests; answers whether the demo's audit agreed. An earlier failure is an error.
pub async fn test(workspace: &Workspace, keep: bool) -> Result<bool> {
    let in_process = ["--workspace", "--lib", "--test", "contracts", "--test", "tasks", "--test", "model"];
    cargo_test(workspace, &in_process).await.context("unit tests, contracts, tasks and the model check")?;
    cargo_test(workspace, &docs::SCHEMAS[1..]).await.context("the schemas of events and topics")?;
    workspace.make_folders()?;
    tools::install(workspace).await?;
    lint_template(workspace).await?;
    if !gateways::gateways(workspace).await? {
        bail!("a gateway does not keep its contract");
    }
    if !month::month(workspace).await? {
        bail!("the month does not add up");
    }
    if !simulate::simulate(workspace, &simulate::Simulate::default()).await? {
        bail!("a simulated world is broken");
    }
    let outcome = on_the_stack(workspace).await;
    if !keep {
        down::down(workspace).await?;
    }
    outcome
}

/// The deployed thing: the demo's payments, twice, with the audit of every table; what the contract allows and forbids, in
/// short; then its tests.
async fn on_the_stack(workspace: &Workspace) -> Result<bool> {
    let options = up::Options { workflow_type: "EXPRESS".to_owned(), skip_build: false, deliver_twice: false };
    up::up(workspace, &options).await?;
    let options = demo::Options { keep: true, file: None, replay: true, concurrency: DEMO_CONCURRENCY };
    let agreed = demo::demo(workspace, &options).await?;
    if !fuzz::fuzz(&Stack::open(workspace).await?, fuzz::Extent::Short).await? {
        bail!("the API is not as openapi.yaml says");
    }
    cargo_test(workspace, &["--workspace", "--test", "stack"]).await.context("tests on the stack")?;
    Ok(agreed)
}

async fn cargo_test(workspace: &Workspace, arguments: &[&str]) -> Result<()> {
    let status = build::cargo(workspace).arg("test").args(arguments).status().await.context("starting cargo test")?;
    if !status.success() {
        bail!("cargo test ended with {status}");
    }
    Ok(())
}

/// `sam validate --lint`, with the pinned SAM CLI and cfn-lint.
async fn lint_template(workspace: &Workspace) -> Result<()> {
    progress::step("checking template.yaml with sam validate --lint");
    let status = Command::new(workspace.tool("sam"))
        .current_dir(workspace.root())
        .envs(deploy::hermetic(workspace))
        .args(["validate", "--lint", "--template-file", "template.yaml", "--region", "us-east-1"])
        .stdin(Stdio::null())
        .status()
        .await
        .context("starting sam")?;
    if !status.success() {
        bail!("template.yaml is not clean");
    }
    Ok(())
}
