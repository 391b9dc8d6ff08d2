//! `gateways`: runs the gateways' contract suite, tests/gateways, with PyPI's localstripe in Stripe's place and iso8583sim in an
//! acquirer's. It knows nothing of the contract.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::peer::Ready;
use crate::workspace::Workspace;
use crate::{build, peer, tools};

/// By what iso8583sim declines.
const RULES: &str = "tests/gateways/iso8583sim.json";

/// Where they are.
pub(crate) fn rules(workspace: &Workspace) -> PathBuf {
    workspace.root().join(RULES)
}

/// Answers whether every gateway keeps the contract.
pub async fn gateways(workspace: &Workspace) -> Result<bool> {
    let stripe = [&tools::confined("localstripe")[..], &["--from-scratch"]].concat();
    let stripe = peer::start(workspace, "python", &stripe, Ready::Answers("/v1/balance")).await?;
    let rules = rules(workspace);
    let rules = rules.to_str().context("a path that is not text")?;
    let acquirer = peer::start(workspace, "iso8583sim", &["serve", "--rules", rules], Ready::Listens).await?;
    let mut cargo = build::cargo(workspace);
    cargo.env("STRIPE_ENDPOINT", &stripe.endpoint).env("ISO8583_ENDPOINT", &acquirer.endpoint);
    cargo.args(["test", "--package", "tests", "--test", "gateways", "--", "--nocapture"]);
    Ok(cargo.status().await.context("starting cargo test")?.success())
}
