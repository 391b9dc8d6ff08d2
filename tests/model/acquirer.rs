//! The real simulated acquirer over an account that is a value: an order makes of one account another.

use crate::line::Answer;
use crate::pool::{Account, No, Values};
use crate::shop::moment;
use futures::FutureExt;
use gateways::simulated::Order;
use payments::failure::Unavailable;
use payments::gateway::Effect;
use payments::ports::{Clock, OpenCard};
use payments::reconcile::Day;
use payments::secret::Secret;
use payments::timestamp::Timestamp;
use payments::token::PresentedCard;
use simulated_acquirer::{Delay, Entry, Kept};
use std::cell::RefCell;

/// The acquirer at one moment.
struct Acquirer {
    account: RefCell<Account>,
    now: Timestamp,
}

/// What the order makes of the account at that second, and what is answered.
pub fn carry_out(values: &Values, account: No<Account>, order: No<Order>, now: u32) -> (No<Account>, Answer) {
    let before = Account::clone(&values.accounts.value(account));
    let acquirer = Acquirer { account: RefCell::new(before), now: moment(now) };
    let order = Order::clone(&values.orders.value(order));
    let answer = simulated_acquirer::handle(&acquirer, &acquirer, &acquirer, &acquirer, order)
        .now_or_never()
        .expect("its account answers at once");
    let effect = |effect: Option<Effect>| Answer::Effect(values.effects.number(effect));
    let answer = match answer {
        Ok(simulated_acquirer::Answer::Done(done)) => effect(Some(done)),
        Ok(simulated_acquirer::Answer::Found(found)) => effect(found),
        Ok(simulated_acquirer::Answer::Reported(page)) => panic!("nobody asked for {page:?}"),
        Err(simulated_acquirer::Error::AcquirerUnavailable) => Answer::NotTaken,
        Err(_) => Answer::Unknown,
    };
    (values.accounts.number(acquirer.account.into_inner()), answer)
}

impl simulated_acquirer::Account for Acquirer {
    async fn entry(&self, hold_key: &str) -> Result<Option<Entry>, Unavailable> {
        Ok(self.account.borrow().get(hold_key).cloned())
    }

    async fn keep(&self, entry: &Entry) -> Result<Kept, Unavailable> {
        self.account.borrow_mut().insert(entry.hold_key.clone(), entry.clone());
        Ok(Kept::Done)
    }

    async fn booked_last_on(&self, _: Day) -> Result<Vec<Entry>, Unavailable> {
        unreachable!("nobody asks for a report")
    }
}

impl OpenCard for Acquirer {
    async fn open(
        &self,
        card: &PresentedCard,
    ) -> Result<(Secret, Option<Secret>), Box<dyn std::error::Error + Send + Sync>> {
        Ok((Secret::new(card.sealed.number.clone()), card.verification.clone().map(Secret::new)))
    }
}

impl Delay for Acquirer {
    async fn late(&self) {}
}

impl Clock for Acquirer {
    fn now(&self) -> Timestamp {
        self.now
    }
}
