//! The ports of [`payments::ports`] on AWS, Kafka and Valkey: one file a port, no business rule.
//!
//! Every adapter has `from_env`, which reads its variables, opens its connections and fails at the start if something
//! is missing; a request never finds out.
#![allow(async_fn_in_trait, reason = "every caller runs on a current-thread runtime")]

mod announcements;
mod balances;
mod billing;
mod cards;
mod codes;
mod config;
mod courier;
mod deliveries;
mod delivery_queue;
mod earned_fees;
mod endpoints;
mod events;
mod invoice_bucket;
mod invoices;
mod journal;
mod kafka;
mod keys;
mod listing;
mod merchants;
mod payments_table;
mod profiles;
mod rate_limit;
mod sealing;
mod signing_secrets;
mod system;
mod table;
mod tokens;
mod valkey;
mod velocity;
mod vetting;
mod workflow;

pub use announcements::AnnouncementsOut;
pub use balances::BalancesTable;
pub use billing::{FeeLinesTable, SettlementsTable};
pub use cards::VaultTable;
pub use codes::CodesInValkey;
pub use config::{SdkConfig, StartError, sdk_config, variable};
pub use courier::{HttpsCourier, test_receiver};
pub use deliveries::DeliveriesTable;
pub use delivery_queue::DeliverQueue;
pub use earned_fees::JournalTable;
pub use endpoints::EndpointsTable;
pub use events::EventsOut;
pub use invoice_bucket::{InvoiceBucket, seller};
pub use invoices::InvoicesTable;
pub use journal::LedgerTables;
pub use kafka::DeadLetterTopics;
pub use keys::KeysTable;
pub use merchants::MerchantsTable;
pub use payments_table::PaymentsTable;
pub use profiles::ProfilesTable;
pub use rate_limit::RateLimitInValkey;
pub use sealing::{OpenError, VaultKeys};
pub use signing_secrets::SigningSecrets;
pub use system::System;
pub use table::{Put, Table, unavailable};
pub use tokens::TokensTable;
pub use velocity::VelocityInValkey;
pub use workflow::PaymentWorkflow;
