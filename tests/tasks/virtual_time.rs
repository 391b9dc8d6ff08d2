//! Time that stands still while anything can go on.

use crate::world::World;
use futures::executor::LocalPool;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::task::{Poll, Waker};

/// Virtual time: it stands still while anything can go on, then leaps to whoever waits for the nearest moment.
#[derive(Default)]
pub struct Timers {
    waiting: RefCell<BTreeMap<(i64, u64), Option<Waker>>>,
    count: Cell<u64>,
    /// Outside of [`Self::drive`] nobody waits.
    run: Cell<bool>,
}

impl Timers {
    /// Waits for so long, if time is driven.
    pub async fn sleep(&self, world: &World, millis: i64) {
        if !self.run.get() {
            return;
        }
        let key = (world.now.get() + millis, self.count.replace(self.count.get() + 1));
        self.waiting.borrow_mut().insert(key, None);
        std::future::poll_fn(|context| {
            if world.now.get() >= key.0 && !self.waiting.borrow().contains_key(&key) {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().insert(key, Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// Lets everything go on, and leaps, until nobody waits.
    pub fn drive(&self, world: &World, pool: &mut LocalPool) {
        self.run.set(true);
        loop {
            pool.run_until_stalled();
            let Some(((at, _), waker)) = self.waiting.borrow_mut().pop_first() else { break };
            world.now.set(at);
            waker.expect("whoever waits was polled").wake();
        }
        self.run.set(false);
    }
}
