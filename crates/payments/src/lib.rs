//! Card payments, decided: values in, values out.
//!
//! What is deliberately absent: I/O, clocks, randomness, AWS, async runtimes, floats. A handler loads a
//! [`payment::Payment`], lets a function of this crate decide what it becomes, and saves that on condition of its
//! version. What the outside must be able to do for us is written down as traits in [`ports`].

pub mod amount;
pub mod authentication;
pub mod bank;
pub mod bank_account;
pub mod billing;
pub mod breaker;
pub mod calendar;
pub mod card;
pub mod currency;
pub mod event;
pub mod failure;
pub mod fee;
mod fields;
pub mod fraud;
pub mod gateway;
pub mod gateway_cost;
pub mod id;
pub mod invoice;
pub mod key;
pub mod ledger;
pub mod listing;
pub mod merchant;
pub mod month;
pub mod operation;
pub mod outbox;
pub mod payment;
pub mod payment_request;
pub mod payout;
pub mod ports;
pub mod posting;
pub mod problem;
pub mod reconcile;
pub mod region;
pub mod request;
pub mod retry;
pub mod routing;
#[cfg(feature = "schema")]
pub mod schema;
pub mod secret;
pub mod settlement;
pub mod stage;
pub mod step;
pub mod timestamp;
pub mod token;
pub mod validation;
pub mod view;
pub mod webhook;
pub mod webhook_address;
pub mod webhook_delivery;
pub mod webhook_event;
pub mod webhook_request;
pub mod webhook_signature;
pub mod webhook_url;
pub mod webhook_view;
