//! Card gateways behind [`payments::ports::Gateway`], one file each, and the files that banks take and give, in [`bank`].
#![allow(async_fn_in_trait, reason = "every caller runs on a current-thread runtime")]

pub mod bank;
pub mod bank_host;
pub mod https;
mod invocation;
pub mod iso8583;
mod registry;
pub mod simulated;
pub mod stripe;

pub use bank_host::BankHost;
pub use iso8583::{AcquirerFunction, Iso8583Gateway};
pub use registry::{AnyGateway, DeployedGateways};
pub use simulated::SimulatedGateway;
pub use stripe::StripeGateway;

/// How long a ping waits for an answer.
const PING_PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);
