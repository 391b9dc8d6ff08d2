//! The ledger under load: tables in memory that count write units, traffic from a seed, a poller that fails on purpose.

pub mod audit;
pub mod core_run;
pub mod cost;
pub mod ledger_run;
pub mod memory;
pub mod numbers;
pub mod one_by_one;
pub mod poller;
pub mod tables;
pub mod topic;
pub mod traffic;
