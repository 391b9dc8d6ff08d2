//! Every task over ports in memory: twice, and with a failure before and after each call that it makes.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test's failure is its panic")]

mod ask_acquirer;
mod bank_messages;
mod bank_world;
mod billing;
mod bills_world;
mod cardholder;
mod consumers;
mod exceptions_kept;
mod health;
mod ingest;
mod invoicing;
mod ledger;
mod lifecycle;
mod machine;
mod merchants;
mod operations;
mod outbox;
mod outbox_world;
mod payout_world;
mod payouts;
mod present_card;
mod races;
mod reconcile_world;
mod reconciliation;
mod refusals;
mod registry;
mod routing;
mod schema_samples;
mod schemas;
mod states;
mod unknown;
mod webhook_faults;
mod webhook_world;
mod webhooks;
mod world;
