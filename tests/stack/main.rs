//! What only the whole stack can show, asked of the deployed system from outside: run by `cargo xtask test`.
//!
//! Every test sells through a merchant of its own, so that none sees another's records. Tests that break something for
//! all (a policy, a process) run while no other does.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's failure is its panic")]

mod acquirer;
mod bad_input;
mod bank_files;
mod capacity;
mod card_numbers;
mod cardholder;
mod chaos;
mod dead_letters;
mod error_names;
mod footprint;
mod ingest;
mod invoices;
mod isolation;
mod kills;
mod least_privilege;
mod lists;
mod logs;
mod machines;
mod merchants;
mod numbers;
mod operator;
mod outages;
mod payouts;
mod policies;
mod races;
mod recording;
mod redrive;
mod refusals;
mod replay;
mod samples;
mod secrets;
mod shop;
mod stripe;
mod tables;
mod topics;
mod two_gateways;
mod webhooks;
