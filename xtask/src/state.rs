//! What a running stack is, on disk: `.florin/state.json`, written whole and renamed into place.
//!
//! It refuses to know how anything is started or stopped.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::process::Process;
use crate::workspace::Workspace;

/// One server of the stack, in the order they are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Server {
    /// The AWS emulator.
    Ministack,
    /// What functions take for it: it can break calls.
    AwsProxy,
    /// The Kafka broker.
    Kafka,
    /// The cache.
    Valkey,
    /// The bank.
    Bank,
    /// What stands for Stripe.
    Localstripe,
    /// What breaks calls to it.
    StripeProxy,
    /// What stands for an acquirer.
    Iso8583sim,
    /// What breaks calls to it.
    Iso8583Proxy,
    /// The Kafka event-source poller.
    Poller,
}

impl Server {
    /// All, in the order they are started.
    pub const ALL: [Self; 10] = [
        Self::Ministack,
        Self::AwsProxy,
        Self::Kafka,
        Self::Valkey,
        Self::Bank,
        Self::Localstripe,
        Self::StripeProxy,
        Self::Iso8583sim,
        Self::Iso8583Proxy,
        Self::Poller,
    ];

    /// Its name in logs and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ministack => "ministack",
            Self::AwsProxy => "aws-proxy",
            Self::Kafka => "kafka",
            Self::Valkey => "valkey",
            Self::Bank => "bank",
            Self::Localstripe => "localstripe",
            Self::StripeProxy => "stripe-proxy",
            Self::Iso8583sim => "iso8583sim",
            Self::Iso8583Proxy => "iso8583-proxy",
            Self::Poller => "poller",
        }
    }

    /// The port it takes when nobody else has it.
    pub fn usual_port(self) -> Option<u16> {
        match self {
            Self::Ministack => Some(4566),
            Self::AwsProxy => Some(4567),
            Self::Kafka => Some(9092),
            Self::Valkey => Some(6379),
            Self::Bank => Some(8090),
            Self::StripeProxy => Some(8420),
            Self::Localstripe => Some(8421),
            Self::Iso8583Proxy => Some(8583),
            Self::Iso8583sim => Some(8584),
            Self::Poller => None,
        }
    }
}

/// Where a broker keeps its log, if it is to outlive its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// An S3 with nothing else in it.
    pub process: Process,
    /// Its port.
    pub port: u16,
}

impl Disk {
    /// Where it answers.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// What was started and what was deployed on it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// The servers by name.
    pub servers: BTreeMap<Server, Process>,
    /// The ports they were given, kept when one is restarted: functions know them.
    pub ports: BTreeMap<Server, u16>,
    /// The ports at which proxies are told what to break.
    #[serde(default)]
    pub control_ports: BTreeMap<Server, u16>,
    /// The broker's disk; without one its log is in memory.
    #[serde(default)]
    pub broker_disk: Option<Disk>,
    /// The port at which tests take webhooks: nobody listens there otherwise.
    #[serde(default)]
    pub webhook_port: Option<u16>,
    /// The MSK cluster record that stands for the broker.
    #[serde(default)]
    pub cluster_arn: Option<String>,
    /// The stack's name, known once it is deployed.
    #[serde(default)]
    pub stack_name: Option<String>,
    /// A digest of all that the last successful deployment read.
    #[serde(default)]
    pub deployed: Option<String>,
    /// When CloudFormation last changed the stack for us: any other time means that somebody else did.
    #[serde(default)]
    pub deployed_at: Option<String>,
    /// A digest of the poller's program and options.
    #[serde(default)]
    pub poller: Option<String>,
}

impl State {
    /// The state of the last run, or nothing if there is none or it cannot be read.
    pub fn load(workspace: &Workspace) -> Option<Self> {
        let text = std::fs::read(workspace.state_file()).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes it so that a crash leaves the old or the new one.
    pub fn save(&self, workspace: &Workspace) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).context("encoding the state")?;
        write_whole(&workspace.state_file(), &text)
    }

    /// Whether this server is there.
    pub fn is_up(&self, server: Server) -> bool {
        self.servers.get(&server).is_some_and(Process::is_alive)
    }

    /// A server's port.
    pub fn port(&self, server: Server) -> Result<u16> {
        self.ports.get(&server).copied().with_context(|| format!("{} has no port yet", server.name()))
    }

    /// Host and port of the broker.
    pub fn kafka(&self) -> Result<String> {
        Ok(format!("127.0.0.1:{}", self.port(Server::Kafka)?))
    }

    /// Host and port of the cache.
    pub fn valkey(&self) -> Result<String> {
        Ok(format!("127.0.0.1:{}", self.port(Server::Valkey)?))
    }

    /// Where the bank listens.
    pub fn bank(&self) -> Result<String> {
        Ok(format!("http://127.0.0.1:{}", self.port(Server::Bank)?))
    }

    /// Where functions find Stripe.
    pub fn stripe(&self) -> Result<String> {
        Ok(format!("http://127.0.0.1:{}", self.port(Server::StripeProxy)?))
    }

    /// Where functions find the acquirer.
    pub fn acquirer(&self) -> Result<String> {
        Ok(format!("tcp://127.0.0.1:{}", self.port(Server::Iso8583Proxy)?))
    }

    /// Host and port of the tests' receiver of webhooks.
    pub fn webhook_receiver(&self) -> Result<String> {
        let port = self.webhook_port.context("the receiver of webhooks has no port yet: `cargo xtask up`")?;
        Ok(format!("127.0.0.1:{port}"))
    }

    /// What functions take for the AWS endpoint.
    pub fn functions_endpoint(&self) -> Result<String> {
        Ok(format!("http://127.0.0.1:{}", self.port(Server::AwsProxy)?))
    }

    /// The AWS endpoint.
    pub fn endpoint(&self) -> Result<String> {
        Ok(format!("http://127.0.0.1:{}", self.port(Server::Ministack)?))
    }
}

/// Writes a file beside its place and renames it there, so that readers see a whole one.
pub fn write_whole(path: &Path, contents: &[u8]) -> Result<()> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, contents).with_context(|| format!("writing {}", beside.display()))?;
    std::fs::rename(&beside, path).with_context(|| format!("renaming to {}", path.display()))
}
