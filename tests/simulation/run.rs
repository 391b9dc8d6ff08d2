//! One world, from its seed to its end.

use crate::machine::Machine;
use crate::options::Options;
use crate::rules::Rules;
use crate::time::{HOUR, MINUTE};
use crate::trace::Trace;
use crate::world::{Counts, Violation, World};
use crate::{check, client, pollers};
use payments::id::PaymentId;
use std::rc::Rc;
use std::sync::Arc;

/// Turns of all tasks of a world, per payment: far more than any needs.
const MAX_TURNS: u64 = 20_000;
/// After faults have stopped, everything is at rest within so long: the longest interval of `sweep`, and what a run takes.
const REST: i64 = 2 * HOUR + 10 * MINUTE;

/// What the product says of itself.
#[derive(Clone)]
pub struct Product {
    pub machine: Arc<Machine>,
    pub rules: Arc<Rules>,
}

/// What came of a world.
pub struct Outcome {
    pub options: Options,
    pub counts: Counts,
    pub hash: u64,
    pub violations: Vec<Violation>,
    /// Of the payment that was followed.
    pub lines: Vec<String>,
}

/// Plays the world of that seed; of `follow`, every step is written down.
pub fn run(product: &Product, seed: u64, payments: u32, follow: Option<PaymentId>) -> Outcome {
    let options = Options::draw(seed, payments);
    let world = World::new(options.clone(), &product.machine, &product.rules, Trace::following(follow));
    pollers::start(&world);
    client::start(&world);
    let probe = Rc::clone(&world);
    drop(world.time.spawn(async move {
        probe.sleep(probe.options.calm_after + REST).await;
        if let Some(payment) = probe.store.under_way().first() {
            probe.violate("4 rest", Some(&payment.payment_id), "two hours after the last fault it is still under way");
        }
    }));
    if world.time.run(MAX_TURNS * u64::from(payments.max(10))) {
        check::at_the_end(&world);
    } else {
        world.violate("4 rest", None, "the world never comes to rest");
    }
    for panic in world.time.panics.take() {
        world.violate("0 panic", None, panic);
    }
    world.time.end();
    let counts = world.counts.borrow().clone();
    let outcome = Outcome {
        options,
        counts,
        hash: world.trace.hash(),
        violations: world.violations.take(),
        lines: world.trace.lines.take(),
    };
    assert_eq!(Rc::strong_count(&world), 1, "a world is forgotten as a whole");
    outcome
}
