//! `gateways`: runs the gateways' contract suite, tests/gateways, with PyPI's localstripe in Stripe's place. It knows nothing of
//! the contract.

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use crate::{build, peer};

/// Answers whether every gateway keeps the contract.
pub async fn gateways(workspace: &Workspace) -> Result<bool> {
    let stripe = peer::start(workspace, "localstripe", &["--from-scratch"], "/v1/balance").await?;
    let mut cargo = build::cargo(workspace);
    cargo.env("STRIPE_ENDPOINT", &stripe.endpoint);
    cargo.args(["test", "--package", "tests", "--test", "gateways", "--", "--nocapture"]);
    Ok(cargo.status().await.context("starting cargo test")?.success())
}
