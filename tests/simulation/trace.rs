//! What happened: a hash of every call in order, and, of one payment that is followed, the lines.

use crate::options::Fault;
use crate::service::{Function, Service};
use crate::time::BEGIN;
use payments::id::PaymentId;
use std::cell::{Cell, RefCell};

/// The most lines that are kept: a payment that goes on for longer than that goes round in circles.
const MAX_LINES: usize = 2_000;

#[derive(Default)]
pub struct Trace {
    hash: Cell<u64>,
    follows: Option<PaymentId>,
    pub lines: RefCell<Vec<String>>,
}

impl Trace {
    pub fn following(payment: Option<PaymentId>) -> Self {
        Self { follows: payment, ..Self::default() }
    }

    pub fn is_followed(&self) -> bool {
        self.follows.is_some()
    }

    pub fn hash(&self) -> u64 {
        self.hash.get()
    }

    fn mix(&self, value: u64) {
        let mixed = (self.hash.get().rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
        self.hash.set(mixed);
    }

    pub fn call(&self, now: i64, who: Function, what: Service, fault: Option<Fault>, subject: Option<&PaymentId>) {
        let fault_number = fault.map_or(255, |fault| fault as u64);
        self.mix(now.cast_unsigned() << 24 ^ (who as u64) << 16 ^ (what as u64) << 8 ^ fault_number);
        if self.follows.is_some() && self.follows.as_ref() == subject {
            let fault = fault.map_or(String::new(), |fault| format!("  ✗ {fault:?}"));
            self.push(now, who, format!("→ {what:?}{fault}"));
        }
    }

    pub fn note(&self, now: i64, who: Function, subject: Option<&PaymentId>, text: impl FnOnce() -> String) {
        if self.follows.is_some() && self.follows.as_ref() == subject {
            self.push(now, who, text());
        }
    }

    fn push(&self, now: i64, who: Function, text: String) {
        let mut lines = self.lines.borrow_mut();
        if lines.len() < MAX_LINES {
            let at = now - BEGIN;
            lines.push(format!("{:>9}.{:03}  {:<13} {text}", at / 1000, at % 1000, format!("{who:?}")));
        }
    }
}
