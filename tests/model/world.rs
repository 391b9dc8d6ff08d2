//! Everything outside of the actors, as a few numbers: the payment's item, the acquirer's account, the clock.

use crate::acquirer::carry_out;
use crate::line::{Answer, Asked};
use crate::pool::{Account, No, Values};
use crate::shop::seconds;
use gateways::simulated::Order;
use payments::id::OperationId;
use payments::payment::Payment;
use rustc_hash::FxHashMap;
use std::rc::Rc;

/// The world between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub payment: Option<No<Payment>>,
    pub account: No<Account>,
    /// Seconds since the beginning.
    pub now: u32,
    /// Until when someone has the turn to carry the payment on.
    turn_until: u32,
    /// How often time may still pass.
    pub leaps: u8,
}

/// How the payments table writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// On condition of the version before.
    Conditional,
    /// Whatever is there: a variant that has to be found wanting.
    Careless,
}

/// What a question does to the world, and what is answered.
pub struct Effects<'v> {
    values: &'v Values,
    table: Table,
    /// What each order made of each account, once worked out.
    known: FxHashMap<(No<Account>, No<Order>, u32), CarriedOut>,
}

/// The account after an order, and what was answered.
type CarriedOut = (No<Account>, Answer);

/// What came of a question.
pub struct Done {
    pub world: World,
    pub answer: Answer,
    /// The run that was started by it.
    pub started: Option<No<OperationId>>,
}

impl World {
    /// Nothing has happened.
    pub fn new(values: &Values, leaps: u8) -> Self {
        let account = values.accounts.number(Account::new());
        Self { payment: None, account, now: 0, turn_until: 0, leaps }
    }

    /// The same, at that second.
    pub fn at(self, now: u32) -> Self {
        Self { now, ..self }
    }

    /// The payment, where there is one.
    pub fn payment(&self, values: &Values) -> Option<Rc<Payment>> {
        self.payment.map(|number| values.payments.value(number))
    }

    /// The second at which the payment is due, if it ever is.
    pub fn due(&self, values: &Values) -> Option<u32> {
        self.payment(values)?.due_at.map(seconds)
    }
}

impl<'v> Effects<'v> {
    /// Over a table that writes so.
    pub fn new(values: &'v Values, table: Table) -> Self {
        Self { values, table, known: FxHashMap::default() }
    }

    /// Carries the question out, at once and whole.
    pub fn of(&mut self, world: World, asked: Asked) -> Done {
        let mut next = world;
        let mut started = None;
        let answer = match asked {
            Asked::Load => Answer::Payment(world.payment),
            Asked::Open(payment) => {
                next.payment = world.payment.or(Some(payment));
                Answer::Payment(world.payment)
            }
            Asked::Save(payment) => {
                let answer = self.save(world, payment);
                if answer == Answer::Done {
                    next.payment = Some(payment);
                }
                answer
            }
            Asked::Due => Answer::Truth(world.due(self.values).is_some_and(|due| due <= world.now)),
            Asked::Merchant | Asked::Token | Asked::Card | Asked::ForgetCode | Asked::Count => Answer::Done,
            Asked::FindCode => Answer::Truth(true),
            Asked::Start(operation) => {
                started = Some(operation);
                Answer::Done
            }
            Asked::Turn(lasts) => {
                let free = world.turn_until <= world.now;
                if free {
                    next.turn_until = world.now + lasts;
                }
                Answer::Truth(free)
            }
            Asked::Order(order) => {
                let answer;
                (next.account, answer) = self.carry_out(world, order);
                answer
            }
        };
        Done { world: next, answer, started }
    }

    fn save(&self, world: World, payment: No<Payment>) -> Answer {
        let new = self.values.payments.value(payment);
        match world.payment(self.values) {
            _ if self.table == Table::Careless => Answer::Done,
            Some(there) if there.version + 1 == new.version => Answer::Done,
            Some(_) if world.payment == Some(payment) => Answer::There,
            Some(_) | None => Answer::Conflict,
        }
    }

    fn carry_out(&mut self, world: World, order: No<Order>) -> CarriedOut {
        let values = self.values;
        let carried_out = || carry_out(values, world.account, order, world.now);
        *self.known.entry((world.account, order, world.now)).or_insert_with(carried_out)
    }
}
