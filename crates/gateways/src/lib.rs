//! Card gateways behind [`payments::ports::Gateway`], one file each.
#![allow(async_fn_in_trait, reason = "every caller runs on a current-thread runtime")]

pub mod simulated;

pub use simulated::SimulatedGateway;
