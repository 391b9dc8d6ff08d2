//! Deploys with the real SAM CLI, and says why when CloudFormation refuses.
//!
//! It refuses to know what the template contains.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::StackEvent;
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::aws;
use crate::bank;
use crate::gateway_keys;
use crate::samconfig::{DeployParameters, ENVIRONMENT};
use crate::servers::last_lines;
use crate::state::State;
use crate::workspace::Workspace;

/// The name of the MSK cluster record that stands for the local broker.
pub const CLUSTER: &str = "florin";

/// What `up` lets its user choose about a deployment.
#[derive(Clone, Debug)]
pub struct Choice {
    /// EXPRESS or STANDARD.
    pub workflow_type: String,
}

/// Deploys unless all that a deployment reads is as it was; answers whether it did.
pub async fn deploy(workspace: &Workspace, state: &mut State, built: &str, choice: &Choice) -> Result<bool> {
    let parameters = DeployParameters::load(workspace)?;
    let endpoint = state.endpoint()?;
    let cluster = aws::make_cluster(&endpoint, CLUSTER).await?;
    let mut learned = vec![
        ("ApiEndpoint", endpoint.clone()),
        ("BankEndpoint", state.bank()?),
        ("Iso8583Endpoint", state.acquirer()?),
        ("KafkaBootstrapServers", state.kafka()?),
        ("MskClusterArn", cluster.clone()),
        ("OwnAccounts", bank::own_accounts()),
        ("StripeEndpoint", state.stripe()?),
        ("ValkeyEndpoint", state.valkey()?),
        ("WebhookTestReceiver", state.webhook_receiver()?),
        ("WorkflowType", choice.workflow_type.clone()),
    ];
    learned.extend(gateway_keys::keep(&endpoint).await?);
    let overrides = parameters.overrides_with(&learned)?;
    let digest = digest(built, &parameters, &overrides);
    let client = Client::new(&aws::sdk_config(&endpoint));
    let changed_at = last_change(&client, &parameters.stack_name).await;
    state.cluster_arn = Some(cluster);
    state.stack_name = Some(parameters.stack_name.clone());
    if state.deployed.as_ref() == Some(&digest) && changed_at.is_some() && state.deployed_at == changed_at {
        return Ok(false);
    }
    // Whatever happens now, the stack is no longer what the old digest says.
    state.deployed = None;
    state.save(workspace)?;
    aws::make_bucket(&endpoint, &parameters.s3_bucket).await?;
    let known = events(&client, &parameters.stack_name).await.len();
    if !run_sam(workspace, &endpoint, &overrides).await? {
        let reasons = refusals(&client, &parameters.stack_name, known).await;
        let log = workspace.log("sam");
        let reasons = if reasons.is_empty() { vec![last_error(&log)] } else { reasons };
        bail!("the deployment was refused (all of it is in {}):\n{}", log.display(), reasons.join("\n"));
    }
    state.deployed = Some(digest);
    state.deployed_at = last_change(&client, &parameters.stack_name).await;
    state.save(workspace)?;
    Ok(true)
}

/// What SAM CLI itself said, when no resource has an event that tells more.
fn last_error(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let error = text.lines().rfind(|line| line.starts_with("Error:"));
    error.map_or_else(|| last_lines(log), |line| format!("  {line}"))
}

fn digest(built: &str, parameters: &DeployParameters, overrides: &[String]) -> String {
    let mut digest = Sha256::new();
    digest.update(built);
    digest.update(format!("{parameters:?}{overrides:?}"));
    hex::encode(digest.finalize())
}

async fn run_sam(workspace: &Workspace, endpoint: &str, overrides: &[String]) -> Result<bool> {
    let log = workspace.log("sam");
    let output = std::fs::File::create(&log).with_context(|| format!("making {}", log.display()))?;
    let errors = output.try_clone().context("sharing SAM CLI's log")?;
    let status = sam(workspace, endpoint)
        .args(["deploy", "--config-env", ENVIRONMENT, "--config-file"])
        .arg(workspace.root().join("samconfig.toml"))
        .arg("--template-file")
        .arg(workspace.build().join("template.yaml"))
        .args(["--no-progressbar", "--parameter-overrides"])
        .args(overrides)
        .current_dir(workspace.root())
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .status()
        .await
        .context("starting SAM CLI")?;
    Ok(status.success())
}

/// SAM CLI that talks to the local stack only, and keeps its own files in `.florin`.
fn sam(workspace: &Workspace, endpoint: &str) -> Command {
    let mut command = Command::new(workspace.tool("sam"));
    command
        .envs(aws::environment(endpoint))
        .envs(hermetic(workspace))
        .env("TMPDIR", workspace.temporary())
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_SESSION_TOKEN");
    command
}

/// What keeps SAM CLI and its SDK from reading or writing the home folder, and from calling home.
pub fn hermetic(workspace: &Workspace) -> [(&'static str, String); 5] {
    let data = workspace.data();
    let path = |name: &str| data.join(name).display().to_string();
    [
        ("SAM_CLI_TELEMETRY", "0".to_owned()),
        ("__SAM_CLI_APP_DIR", path("sam")),
        ("AWS_CONFIG_FILE", path("no-aws-config")),
        ("AWS_SHARED_CREDENTIALS_FILE", path("no-aws-credentials")),
        ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
    ]
}

/// When and to what the stack was last changed; nothing if there is none.
async fn last_change(client: &Client, stack: &str) -> Option<String> {
    let described = client.describe_stacks().stack_name(stack).send().await.ok()?;
    let stack = described.stacks().first()?;
    let time = stack.last_updated_time().or(stack.creation_time())?;
    Some(format!("{} {:?}", stack.stack_status()?.as_str(), time))
}

/// All events of a stack, newest first; none if it does not exist yet.
async fn events(client: &Client, stack: &str) -> Vec<StackEvent> {
    let mut pages = client.describe_stack_events().stack_name(stack).into_paginator().send();
    let mut events = Vec::new();
    while let Some(Ok(page)) = pages.next().await {
        events.extend_from_slice(page.stack_events());
    }
    events
}

/// Why resources failed since there were `known` events, first cause first.
async fn refusals(client: &Client, stack: &str, known: usize) -> Vec<String> {
    let events = events(client, stack).await;
    let fresh = events.iter().take(events.len().saturating_sub(known));
    let reasons = fresh.filter_map(|event| {
        let status = event.resource_status().map_or("", |status| status.as_str());
        status.ends_with("_FAILED").then(|| describe(event, status))
    });
    let mut reasons: Vec<String> = reasons.collect();
    reasons.reverse();
    reasons
}

fn describe(event: &StackEvent, status: &str) -> String {
    format!(
        "  {} ({}): {status}: {}",
        event.logical_resource_id().unwrap_or("?"),
        event.resource_type().unwrap_or("?"),
        event.resource_status_reason().unwrap_or("no reason given")
    )
}
