//! A scenario: how a payment came to where it is, who acts on it at once, and within which bounds.

use crate::client::Client;
use crate::naive::Naive;
use crate::world::Table;
use payments::stage::StageName;

/// What is looked at exhaustively.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub name: &'static str,
    /// The customer's card.
    pub card: &'static str,
    /// What happened before, one after the other, without faults.
    pub before: &'static [Before],
    /// Who acts at once. What these start acts with them.
    pub at_once: &'static [Happening],
    /// The most faults on one path.
    pub faults: u8,
    /// The most leaps in time on one path.
    pub leaps: u8,
    /// Whether a client's patience may pass, and not only the time until the payment is due.
    pub patience: bool,
    pub table: Table,
    /// Whether only what comes of it in the end is looked at, and not how it came about.
    pub ends_only: bool,
}

impl Scenario {
    /// Two faults, one leap to when the payment is due, and the card that is always approved.
    pub const PLAIN: Self = Self {
        name: "",
        card: "4242424242424242",
        before: &[],
        at_once: &[],
        faults: 2,
        leaps: 1,
        patience: false,
        table: Table::Conditional,
        ends_only: false,
    };
}

/// What happened before.
#[derive(Clone, Copy, Debug)]
pub enum Before {
    /// It, and all that it started, to its end.
    Whole(Happening),
    /// It alone: what it started was lost.
    Alone(Happening),
    /// It, and what it started, until the payment came to that stage: then all was lost.
    Until(Happening, StageName),
    /// So often it was due, and the sweep took it over, and the run was lost.
    TakenOver(u8),
}

/// What may happen to a payment.
#[derive(Clone, Copy, Debug)]
pub enum Happening {
    /// A client's call.
    Client(Client),
    /// The sweep's schedule.
    Sweep,
    /// A run of what the payment is in the middle of: one that was started earlier, or by someone who was not seen.
    Run,
    /// A variant that has to be found wanting.
    Naive(Naive),
}
