//! The running stack as other commands and tests see it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use aws_sdk_cloudformation::Client;
use aws_types::SdkConfig;

use crate::aws;
use crate::poller::{lag, report::Report};
use crate::process::{POLL_INTERVAL, Process};
use crate::state::{Server, State};
use crate::workspace::Workspace;

/// A deployed local stack.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Where it lives.
    pub workspace: Workspace,
    /// Pids and ports, as `up` left them.
    pub state: State,
    /// The CloudFormation stack's name.
    pub name: String,
    /// The AWS endpoint.
    pub endpoint: String,
    /// The stack's outputs.
    pub outputs: BTreeMap<String, String>,
}

impl Stack {
    /// The stack of this repository; an error that names `up` if it does not run.
    pub async fn open(workspace: &Workspace) -> Result<Self> {
        let state = State::load(workspace).context("no stack here: start one with `cargo xtask up`")?;
        if !state.is_up(Server::Ministack) {
            bail!("the stack is not running: start it with `cargo xtask up`");
        }
        let name = state.stack_name.clone().context("nothing is deployed yet: `cargo xtask up`")?;
        let endpoint = state.endpoint()?;
        let outputs = read_outputs(&endpoint, &name).await?;
        Ok(Self { workspace: workspace.clone(), state, name, endpoint, outputs })
    }

    /// Configuration with root credentials, for any SDK client.
    pub fn sdk_config(&self) -> SdkConfig {
        aws::sdk_config(&self.endpoint)
    }

    /// The API's base URL.
    pub fn api_url(&self) -> Result<&str> {
        self.outputs.get("ApiUrl").map(String::as_str).context("the stack has no output ApiUrl")
    }

    /// The Kafka broker's host and port.
    pub fn kafka(&self) -> Result<String> {
        self.state.kafka()
    }

    /// The cache's host and port.
    pub fn valkey(&self) -> Result<String> {
        self.state.valkey()
    }

    /// Host and port at which a test may take webhooks.
    pub fn webhook_receiver(&self) -> Result<String> {
        self.state.webhook_receiver()
    }

    /// A server's process, to kill it in a test.
    pub fn process(&self, server: Server) -> Option<Process> {
        self.state.servers.get(&server).copied()
    }

    /// The deployed name of a function folder.
    pub fn function_name(&self, folder: &str) -> String {
        format!("{}-{folder}", self.name)
    }

    /// The folders of the deployed functions.
    pub async fn functions(&self) -> Result<Vec<String>> {
        let client = aws_sdk_lambda::Client::new(&self.sdk_config());
        let mut pages = client.list_functions().into_paginator().send();
        let prefix = self.function_name("");
        let mut functions = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.context("listing the functions")?;
            let names = page.functions().iter().filter_map(|function| function.function_name());
            functions.extend(names.filter_map(|name| name.strip_prefix(&prefix)).map(str::to_owned));
        }
        functions.sort();
        Ok(functions)
    }

    /// The deployed name of a function, or an error that lists those that exist.
    pub async fn resolve_function(&self, folder: &str) -> Result<String> {
        let functions = self.functions().await?;
        if !functions.iter().any(|known| known == folder) {
            bail!("no function {folder}; there are: {}", functions.join(", "));
        }
        Ok(self.function_name(folder))
    }

    /// What the poller last said about itself.
    pub fn poller_report(&self) -> Option<Report> {
        Report::load(&self.workspace)
    }

    /// Records that consumer groups of the deployed mappings have still to finish, over all groups.
    pub async fn poller_lag(&self) -> Result<i64> {
        let report = self.poller_report().context("the poller has not reported yet")?;
        lag::total(&self.kafka()?, &report).await
    }

    /// Waits until the consumers have finished all that was in Kafka when they were looked at last.
    pub async fn wait_for_consumers(&self, bound: Duration) -> Result<()> {
        let deadline = Instant::now() + bound;
        loop {
            // The broker may be away for a moment in tests of crashes: that is a lag, not a failure.
            let lag = self.poller_lag().await;
            if matches!(lag, Ok(0)) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let lag = lag.context("reading the lag")?;
                bail!("after {} s the consumers are still {lag} records behind", bound.as_secs());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

async fn read_outputs(endpoint: &str, name: &str) -> Result<BTreeMap<String, String>> {
    let client = Client::new(&aws::sdk_config(endpoint));
    let described = client.describe_stacks().stack_name(name).send().await;
    let described = described.with_context(|| format!("looking for the stack {name}; `cargo xtask up` deploys it"))?;
    let stack = described.stacks().first().context("an answer without a stack")?;
    let outputs = stack.outputs().iter();
    let outputs =
        outputs.filter_map(|output| Some((output.output_key()?.to_owned(), output.output_value()?.to_owned())));
    Ok(outputs.collect())
}
