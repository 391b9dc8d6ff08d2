//! The project's automation: a local AWS of real software, and what is done with it.
//!
//! It knows how things are started, deployed and fed, and no business rule.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a panic is how a test fails"))]

mod attribute;
pub mod aws;
pub mod aws_proxy;
pub mod bank;
pub mod bench;
pub mod broker;
pub mod build;
pub mod chaos;
mod control;
pub mod crash;
pub mod demo;
pub mod deploy;
pub mod docs;
pub mod down;
pub mod explain_route;
pub mod fault;
pub mod fuzz;
pub mod gateway_keys;
pub mod gateway_proxy;
pub mod gateways;
pub mod invoke;
pub mod ledger;
pub mod logs;
pub mod merchant;
pub mod month;
pub mod operator;
mod peer;
pub mod poller;
pub mod process;
pub mod progress;
pub mod reconcile;
pub mod redrive;
pub mod samconfig;
pub mod samples;
pub mod servers;
pub mod simulate;
pub mod stack;
pub mod state;
pub mod status;
pub mod tables;
pub mod template;
pub mod test;
pub mod tools;
pub mod topics;
pub mod up;
pub mod workspace;

pub use stack::Stack;
pub use workspace::Workspace;
