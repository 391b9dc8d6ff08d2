//! Stands for the card network in test mode: decides by the public test card numbers, misbehaves by numbers of its own,
//! and keeps an account of what it really did, one item per hold.

mod account;
mod cards;
mod network;
mod report;
mod tariff;

pub use account::{Account, AcquirerTable, Booking, Challenge, Entry, Kept};
pub use cards::{Cardholder, Quirk};

use gateways::simulated::{Order, ReportPage};
use payments::failure::Unavailable;
use payments::gateway::Effect;
use payments::ports::{Clock, OpenCard};
use payments::reconcile::Day;
use serde::Serialize;

/// Why there is no answer.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the workflow sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// The order was not taken: nothing was done. Its name is [`gateways::simulated::UNAVAILABLE`].
    #[error("the network is out")]
    AcquirerUnavailable,
    /// The order was carried out, and its answer lost on purpose.
    #[error("the answer is lost")]
    AnswerLost,
    /// The account could not be read or written.
    #[error("the acquirer's account did not answer")]
    StoreUnavailable(#[from] Unavailable),
    /// The card could not be opened.
    #[error("the card could not be opened")]
    CardUnreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The day has not begun, or is too long ago.
    #[error("there is no report of {day}: expected a day from {earliest} to {latest}")]
    NoReport {
        /// The day that was asked for.
        day: Day,
        /// The earliest that is kept.
        earliest: Day,
        /// The latest: today.
        latest: Day,
    },
}
payments::failure!(
    Error, ErrorName,
    transient: [AcquirerUnavailable, AnswerLost, StoreUnavailable],
    permanent: [CardUnreadable, NoReport],
);

/// The effect of an order, or of the key that is looked up.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// What the order did.
    Done(Effect),
    /// What the key did, if anything.
    Found(Option<Effect>),
    /// A part of a day's report.
    Reported(ReportPage),
}

/// Waits: an answer that is late on purpose.
pub trait Delay {
    /// Longer than any caller's patience.
    fn late(&self) -> impl Future<Output = ()>;
}

/// Carries the order out, once per key.
pub async fn handle(
    account: &impl Account,
    cards: &impl OpenCard,
    delay: &impl Delay,
    clock: &impl Clock,
    order: Order,
) -> Result<Answer, Error> {
    let now = clock.now();
    let today = Day::of(now);
    let answer = match order {
        Order::Authorize { key, mode, amount, card, return_url } => {
            let hold = network::Hold { key, mode, amount, asks: return_url.is_some(), now };
            network::authorize(account, cards, delay, &hold, &card).await
        }
        Order::Capture { key, hold_key, amount, last } => {
            network::capture(account, today, &key, &hold_key, amount, last).await
        }
        Order::Void { key, hold_key, captured } => network::void(account, &key, &hold_key, captured).await,
        Order::Refund { key, hold_key, amount } => network::refund(account, today, &key, &hold_key, amount).await,
        Order::LookUp { key } => return Ok(Answer::Found(network::look_up(account, &key, now).await?)),
        Order::Report { mode, day, from_line } => {
            return Ok(Answer::Reported(report::page(account, mode, day, today, from_line).await?));
        }
    };
    answer.map(Answer::Done)
}
