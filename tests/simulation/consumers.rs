//! Queues, and the lines that `bill` writes.

use crate::service::Service;
use crate::time::{MINUTE, Signal};
use crate::topics::Record;
use crate::world::{Process, World};
use payments::billing::{FeeLine, SettlementLine};
use payments::failure::Unavailable;
use payments::ports::{FeeLines, SettlementLines};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// A message, and from when on it may be received.
#[derive(Clone)]
pub struct Message {
    pub id: u64,
    pub body: String,
    visible_at: i64,
}

/// A queue: at least once, in no order.
#[derive(Default)]
pub struct Queue {
    messages: RefCell<BTreeMap<u64, Message>>,
    count: Cell<u64>,
    pub news: Signal,
}

/// How long a received message is hidden from others.
const HIDDEN: i64 = MINUTE;

impl Queue {
    pub fn send(&self, body: String) {
        let id = self.count.replace(self.count.get() + 1);
        self.messages.borrow_mut().insert(id, Message { id, body, visible_at: 0 });
        self.news.ring();
    }

    /// At most so many messages that can be seen.
    pub fn receive(&self, world: &World, most: usize) -> Vec<Message> {
        let now = world.time.now();
        let mut messages = self.messages.borrow_mut();
        let mut seen: Vec<&mut Message> = messages.values_mut().filter(|message| message.visible_at <= now).collect();
        let mut received = Vec::new();
        while received.len() < most && !seen.is_empty() {
            let message = seen.swap_remove(world.below(seen.len()));
            message.visible_at = now + HIDDEN;
            received.push(message.clone());
        }
        received
    }

    pub fn delete(&self, id: u64) {
        self.messages.borrow_mut().remove(&id);
    }

    /// When the next message can be seen; none if there is none.
    pub fn next(&self) -> Option<i64> {
        self.messages.borrow().values().map(|message| message.visible_at).min()
    }
}

#[derive(Default)]
pub struct Consumers {
    pub billing: Queue,
    /// What streams gave up: before `republish`.
    pub given_up: Queue,
    pub fee_lines: RefCell<BTreeMap<(String, String), FeeLine>>,
    pub settlements: RefCell<BTreeMap<(String, String), SettlementLine>>,
}

impl Consumers {
    /// The rules of the bus.
    pub fn on_the_bus(&self, world: &World, record: &Record, kind: &str) {
        if world.rules.billed.iter().any(|billed| billed == kind) {
            self.billing.send(format!("{{\"detail\":{}}}", record.text));
        }
    }
}

impl FeeLines for Process {
    async fn add(&self, line: &FeeLine) -> Result<(), Unavailable> {
        let line = line.clone();
        let add = move |world: &World| {
            let key = (line.bill.clone(), line.line_id.clone());
            world.consumers.fee_lines.borrow_mut().entry(key).or_insert_with(|| line.clone());
        };
        Ok(self.call(Service::Bills, add).await?)
    }
}

impl SettlementLines for Process {
    async fn add(&self, line: &SettlementLine) -> Result<(), Unavailable> {
        let line = line.clone();
        let add = move |world: &World| {
            let key = (line.owner.to_string(), line.settlement_id.clone());
            world.consumers.settlements.borrow_mut().entry(key).or_insert_with(|| line.clone());
        };
        Ok(self.call(Service::Bills, add).await?)
    }
}
