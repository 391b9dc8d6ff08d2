//! The one line from a task to everything outside of it. A handler's only inputs are what it is answered here and what it
//! reads of the clock; so where it stands is a function of the answers that it has heard.

use crate::pool::{No, Values};
use crate::shop::{Shop, moment};
use gateways::simulated::Order;
use payments::failure::Unavailable;
use payments::gateway::{Effect, NoAnswer};
use payments::id::OperationId;
use payments::payment::Payment;
use payments::ports::Clock;
use payments::timestamp::Timestamp;
use std::cell::Cell;
use std::future::poll_fn;
use std::task::Poll;

/// One step of input or output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    /// The payment, strongly consistent.
    Load,
    /// To store a new payment.
    Open(No<Payment>),
    /// To store a version on condition of the one before.
    Save(No<Payment>),
    /// Whether the payment is due.
    Due,
    /// The merchant's settings.
    Merchant,
    /// The token's public half.
    Token,
    /// The sealed card.
    Card,
    /// The sealed verification code.
    FindCode,
    /// To forget it.
    ForgetCode,
    /// To count the payment among its card's.
    Count,
    /// To run the workflow.
    Start(No<OperationId>),
    /// For the turn to carry the payment on, for so many seconds.
    Turn(u32),
    /// The gateway.
    Order(No<Order>),
}

impl Asked {
    /// Whether the answer is the same whatever happened, and nothing is different by it: a payment that is counted again counts
    /// once, and the verification code is taken to be forgotten when all is over.
    pub fn is_constant(self) -> bool {
        match self {
            Self::Merchant | Self::Token | Self::Card | Self::FindCode | Self::ForgetCode | Self::Count => true,
            Self::Load
            | Self::Open(_)
            | Self::Save(_)
            | Self::Due
            | Self::Start(_)
            | Self::Turn(_)
            | Self::Order(_) => false,
        }
    }
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It is done, or what was asked for is as it always is.
    Done,
    /// It was there already, to the letter.
    There,
    /// Someone else was faster.
    Conflict,
    /// The payment; `None` if there is none.
    Payment(Option<No<Payment>>),
    /// Yes or no.
    Truth(bool),
    /// What the gateway did.
    Effect(No<Option<Effect>>),
    /// Nobody answered: a store of ours.
    Silence,
    /// The gateway certainly did nothing.
    NotTaken,
    /// Nobody knows what the gateway did.
    Unknown,
}

/// A task's end of the line.
pub struct Line<'v> {
    pub values: &'v Values,
    pub shop: &'v Shop,
    asked: Cell<Option<Asked>>,
    heard: Cell<Option<Answer>>,
    now: Cell<u32>,
    read: Cell<bool>,
}

impl<'v> Line<'v> {
    /// A line that nobody spoke on.
    pub fn new(values: &'v Values, shop: &'v Shop) -> Self {
        let (asked, heard, now, read) = Default::default();
        Self { values, shop, asked, heard, now, read }
    }

    /// What the task waits for.
    pub fn asked(&self) -> Asked {
        self.asked.get().expect("a task that waits has asked for something here, and nowhere else")
    }

    /// The next poll finds this answer, at that second; whether it reads the clock is noted from here on.
    pub fn answer(&self, answer: Answer, now: u32) {
        self.asked.set(None);
        self.heard.set(Some(answer));
        self.now.set(now);
        self.read.set(false);
    }

    /// Whether the clock was read since the last answer.
    pub fn clock_was_read(&self) -> bool {
        self.read.get()
    }

    /// Asks, and waits until the answer is put on the line.
    pub async fn ask(&self, asked: Asked) -> Answer {
        assert!(self.asked.replace(Some(asked)).is_none(), "one question at a time: else the order of answers matters");
        poll_fn(|_| self.heard.take().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// The same, of a store of ours.
    pub async fn tell(&self, asked: Asked) -> Result<Answer, Unavailable> {
        match self.ask(asked).await {
            Answer::Silence => Err(Unavailable::new("the model's store", "a planned fault")),
            answer => Ok(answer),
        }
    }

    /// The same, of the gateway.
    pub async fn order(&self, order: Order) -> Result<Option<Effect>, NoAnswer> {
        match self.ask(Asked::Order(self.values.orders.number(order))).await {
            Answer::Effect(effect) => Ok(Option::clone(&self.values.effects.value(effect))),
            Answer::NotTaken => Err(NoAnswer::Unavailable("a planned fault".to_owned())),
            Answer::Unknown => Err(NoAnswer::Unknown("a planned fault".to_owned())),
            other => panic!("no gateway says {other:?}"),
        }
    }
}

impl Clock for Line<'_> {
    fn now(&self) -> Timestamp {
        self.read.set(true);
        moment(self.now.get())
    }
}
