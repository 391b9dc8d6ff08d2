//! Contracts between the repository's parts: what one file promises to another, checked without a network.

#![allow(clippy::unwrap_used, reason = "a test's failure is its panic")]

mod api_reference;
mod authorization;
mod card_numbers;
mod demo;
mod dependencies;
mod files;
mod functions;
mod payout_workflow;
mod permissions;
mod planted_bugs;
mod schemas;
mod secrets;
mod workflow;
