//! What the outside must be able to do for us: one trait per need, about one IAM statement each.
//!
//! Nothing here says how. Failures are [`Unavailable`]: asked, and not known whether it was done.
#![allow(async_fn_in_trait, reason = "every caller runs on a current-thread runtime; no future crosses a thread")]

mod billing;
mod card;
mod gateway;
mod ledger;
mod merchant;
mod outbox;
mod payment;
mod payout;
mod reconcile;
mod webhook;

pub use billing::*;
pub use card::*;
pub use gateway::*;
pub use ledger::*;
pub use merchant::*;
pub use outbox::*;
pub use payment::*;
pub use payout::*;
pub use reconcile::*;
pub use webhook::*;

use crate::timestamp::Timestamp;

/// What time it is.
pub trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Fresh randomness, for names only.
pub trait Randomness {
    /// 128 bits that nobody can guess.
    fn bits(&self) -> [u8; 16];
}
