//! The world: its time and chance, what is stored in it, and the one way in which a process asks a service for something.

use crate::acquirer::Acquirer;
use crate::book::Book;
use crate::consumers::Consumers;
use crate::ledger::Ledger;
use crate::machine::Machine;
use crate::options::{FAULTS, Fault, Options, PER};
use crate::rules::Rules;
use crate::service::{Function, Service};
use crate::store::Store;
use crate::time::{BEGIN, SECOND, Time};
use crate::topics::Topics;
use crate::trace::Trace;
use fastrand::Rng;
use payments::id::PaymentId;
use payments::timestamp::Timestamp;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;

/// How an answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Nothing was done, and that is certain.
    Before,
    /// Nobody knows.
    After,
}

/// What must never be, and was.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The invariant, by its number in the design and a word.
    pub invariant: &'static str,
    pub payment: Option<PaymentId>,
    pub what: String,
}

/// How much was done.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub payments: u64,
    pub operations: u64,
    pub calls: u64,
    pub faults: [u64; 10],
    pub invocations: u64,
    pub executions: u64,
}

impl Counts {
    pub fn faulted(&self) -> u64 {
        self.faults.iter().sum()
    }

    pub fn add(&mut self, other: &Self) {
        self.payments += other.payments;
        self.operations += other.operations;
        self.calls += other.calls;
        self.invocations += other.invocations;
        self.executions += other.executions;
        for (sum, count) in self.faults.iter_mut().zip(other.faults) {
            *sum += count;
        }
    }
}

pub struct World {
    pub time: Time,
    rng: RefCell<Rng>,
    pub options: Options,
    pub counts: RefCell<Counts>,
    pub trace: Trace,
    pub violations: RefCell<Vec<Violation>>,
    pub machine: Arc<Machine>,
    pub rules: Arc<Rules>,
    pub store: Store,
    pub acquirers: [Acquirer; 2],
    pub topics: Topics,
    pub ledger: Ledger,
    pub consumers: Consumers,
    /// Payments of which the stream gave up versions: these are told later, and out of turn.
    pub told_late: RefCell<BTreeSet<PaymentId>>,
    /// How many batches were given up.
    pub given_up: Cell<u32>,
    /// What clients asked for and were told.
    pub clients_book: Book,
    /// Clients that are not done yet.
    pub clients: Cell<u32>,
}

impl World {
    pub fn new(options: Options, machine: &Arc<Machine>, rules: &Arc<Rules>, trace: Trace) -> Rc<Self> {
        let world = Self {
            time: Time::new(),
            // Another stream of chance than the options': the same world may then be played with other options.
            rng: RefCell::new(Rng::with_seed(options.seed ^ 0x5eed_c4a2_ce00)),
            counts: RefCell::default(),
            trace,
            violations: RefCell::default(),
            machine: Arc::clone(machine),
            rules: Arc::clone(rules),
            store: Store::new(&options),
            acquirers: [Acquirer::new("a", options.gateways[0]), Acquirer::new("b", options.gateways[1])],
            topics: Topics::new(&options),
            ledger: Ledger::default(),
            consumers: Consumers::default(),
            told_late: RefCell::default(),
            given_up: Cell::new(0),
            clients_book: Book::default(),
            clients: Cell::new(0),
            options,
        };
        Rc::new(world)
    }

    /// One in so many ten thousand.
    pub fn chance(&self, per: u32) -> bool {
        per > 0 && self.rng.borrow_mut().u32(..PER) < per
    }

    pub fn below(&self, end: usize) -> usize {
        self.rng.borrow_mut().usize(..end)
    }

    pub fn between(&self, from: i64, to: i64) -> i64 {
        self.rng.borrow_mut().i64(from..to)
    }

    pub fn bits(&self) -> u64 {
        self.rng.borrow_mut().u64(..)
    }

    pub async fn sleep(&self, millis: i64) {
        self.time.sleep(millis, self.bits()).await;
    }

    /// Whether faults have stopped.
    pub fn is_calm(&self) -> bool {
        self.time.now() - BEGIN >= self.options.calm_after
    }

    pub fn violate(&self, invariant: &'static str, payment: Option<&PaymentId>, what: impl Display) {
        let mut violations = self.violations.borrow_mut();
        // The first is what has to be understood.
        if violations.len() < 20 {
            violations.push(Violation { invariant, payment: payment.cloned(), what: what.to_string() });
        }
    }

    /// How the call of that process to that service goes wrong, if it does.
    fn fault(&self, process: Function, service: Service, may_be_stale: bool) -> Option<Fault> {
        if self.is_calm() {
            return None;
        }
        let at = self.time.now() - BEGIN;
        let apart = self.options.partitions.iter().find(|partition| {
            partition.service == service
                && partition.process.is_none_or(|kind| kind == process as u8)
                && (partition.from..partition.until).contains(&at)
        });
        if let Some(partition) = apart {
            return Some(if partition.deaf { Fault::After } else { Fault::Apart });
        }
        if at >= self.options.storm {
            return None;
        }
        let mut drawn = self.rng.borrow_mut().u32(..PER);
        // A batch is as good as its worst call: at the full rate none would ever be done.
        drawn = drawn.saturating_mul(process.calls_in_batch());
        for (fault, rate) in FAULTS.iter().zip(self.options.rates) {
            if drawn < rate {
                let mortal = !matches!(process, Function::Client | Function::StateMachine | Function::Poller);
                return match fault {
                    Fault::Stale if !may_be_stale => Some(Fault::Slow),
                    Fault::DiesBefore if !mortal => Some(Fault::Before),
                    Fault::DiesAfter if !mortal => Some(Fault::After),
                    fault => Some(*fault),
                };
            }
            drawn -= rate;
        }
        None
    }
}

impl World {
    /// How the request of that process to that service goes wrong, if it does: counted and traced.
    pub fn arrives(&self, process: &Process, service: Service) -> Option<Fault> {
        self.drawn(process, service, false)
    }

    fn drawn(&self, process: &Process, service: Service, may_be_stale: bool) -> Option<Fault> {
        let fault = self.fault(process.function, service, may_be_stale);
        let mut counts = self.counts.borrow_mut();
        counts.calls += 1;
        if let Some(fault) = fault {
            counts.faults[fault as usize] += 1;
        }
        drop(counts);
        self.trace.call(self.time.now(), process.function, service, fault, process.subject.as_ref());
        fault
    }
}

/// A process: which function, at what time by its own clock, for which payment if it is for one.
pub struct Process {
    pub world: Rc<World>,
    pub function: Function,
    skew: i64,
    pub subject: Option<PaymentId>,
}

impl Process {
    pub fn new(world: &Rc<World>, function: Function, subject: Option<PaymentId>) -> Self {
        let skew = world.options.skew;
        let skew = if skew > 0 && !world.is_calm() { world.between(-skew, skew + 1) } else { 0 };
        Self { world: Rc::clone(world), function, skew, subject }
    }

    /// What time it is by this process's clock.
    pub fn clock(&self) -> Timestamp {
        Timestamp::from_millis(self.world.time.now() + self.skew)
    }

    /// Writes a line about this process's payment into the trace, if that is followed.
    pub fn note(&self, text: impl FnOnce() -> String) {
        self.world.trace.note(self.world.time.now(), self.function, self.subject.as_ref(), text);
    }

    /// One call to a service. Whatever comes of it, the effect is in the world at one moment, or is not.
    pub async fn call<T: 'static>(&self, service: Service, effect: impl Fn(&World) -> T + 'static) -> Result<T, Lost> {
        self.call_stale(service, false, move |world, _| effect(world)).await
    }

    /// The same, where the effect may be told to read what is not the latest.
    pub async fn call_stale<T: 'static>(
        &self,
        service: Service,
        may_be_stale: bool,
        effect: impl Fn(&World, bool) -> T + 'static,
    ) -> Result<T, Lost> {
        let world = &self.world;
        let fault = world.drawn(self, service, may_be_stale);
        let pause = world.between(1, 40);
        match fault {
            None => {
                let answer = effect(world, false);
                world.sleep(pause).await;
                Ok(answer)
            }
            Some(Fault::Stale) => {
                let answer = effect(world, true);
                world.sleep(pause).await;
                Ok(answer)
            }
            Some(Fault::Slow) => {
                let answer = effect(world, false);
                world.sleep(world.between(SECOND, 30 * SECOND)).await;
                Ok(answer)
            }
            Some(Fault::Before | Fault::Throttled | Fault::Apart) => {
                world.sleep(pause).await;
                Err(Lost::Before)
            }
            Some(Fault::After) => {
                drop(effect(world, false));
                world.sleep(50 * pause).await;
                Err(Lost::After)
            }
            Some(Fault::Late) => {
                let later = world.between(SECOND, 120 * SECOND);
                let outside = Rc::clone(world);
                world.time.spawn(async move {
                    outside.sleep(later).await;
                    drop(effect(&outside, false));
                });
                world.sleep(50 * pause).await;
                Err(Lost::After)
            }
            Some(Fault::Twice) => {
                drop(effect(world, false));
                world.sleep(20 * pause).await;
                let answer = effect(world, false);
                world.sleep(pause).await;
                Ok(answer)
            }
            Some(Fault::DiesBefore) => {
                world.sleep(pause).await;
                world.time.die().await;
                Err(Lost::Before)
            }
            Some(Fault::DiesAfter) => {
                drop(effect(world, false));
                world.sleep(pause).await;
                world.time.die().await;
                Err(Lost::After)
            }
        }
    }
}
