//! The workflow's real steps over a gateway whose calls are broken: every operation, every fault, at every call that it makes.
//! Each is tried again as the state machine and `sweep` do, a bounded number of times; then the payment says what is true, and
//! the gateway did it once.

use crate::proxy::{FAULTS, Fault};
use crate::world::World;
use crate::{Row, Truth};
use payments::failure::Failure;
use payments::id::{OperationId, OperationKind, PaymentId};
use payments::operation::Wanted;
use payments::payment::CaptureMethod;
use payments::ports::{Clock, Gateway};
use payments::stage::StageName;
use payments::step::StepRequest;
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How long the adapters wait: a delayed answer is later than that. A slow machine breaks more calls than were planned, which is
/// no harm.
const PATIENCE: Duration = Duration::from_millis(900);
/// A run's tries of a step, four, and as many again by `sweep`: an operation has to be over within so many.
const MAX_TRIES: u32 = 8;
/// How many calls in a row are broken.
const COUNTS: [u32; 2] = [1, 3];
/// Plans that are carried out at the same time.
const AT_ONCE: usize = 12;
/// Calls of one operation, at most: a plan beyond that strikes nothing.
const MAX_CALLS: u32 = 12;

const APPROVED: &str = "4242424242424242";

/// An operation: the stage before it, the step that carries it out, the stage after it, and what is then true.
#[derive(Clone, Copy, Debug)]
struct Case {
    step: &'static str,
    minor: u64,
    after: StageName,
    truth: Truth,
}

const NOTHING: Truth = Truth { holds: 0, held: 0, captured: 0, refunds: (0, 0) };
const CASES: [Case; 4] = [
    Case {
        step: "Authorize",
        minor: 1999,
        after: StageName::Authorized,
        truth: Truth { holds: 1, held: 1999, ..NOTHING },
    },
    Case {
        step: "Execute",
        minor: 1999,
        after: StageName::Captured,
        truth: Truth { holds: 1, captured: 1999, ..NOTHING },
    },
    // So much is declined by the risk side after it was held.
    Case { step: "Void", minor: 90_000, after: StageName::Declined, truth: Truth { holds: 1, ..NOTHING } },
    Case {
        step: "Refund",
        minor: 1999,
        after: StageName::Succeeded,
        truth: Truth { holds: 1, captured: 1999, refunds: (1, 700), ..NOTHING },
    },
];

pub async fn has_one_effect_under_every_fault<R: Row>(_: PhantomData<R>) {
    let started = Instant::now();
    // localstripe does one thing at a time: with too many at once nothing is in time any more.
    let turns = Rc::new(Semaphore::new(AT_ONCE));
    let mut running = Vec::new();
    for (case, fault) in CASES.into_iter().flat_map(|case| FAULTS.map(|fault| (case, fault))) {
        for count in COUNTS {
            let turns = turns.clone();
            running.push(tokio::task::spawn_local(async move {
                let _turn = turns.acquire().await.unwrap();
                every_call::<R>(case, fault, count).await
            }));
        }
    }
    let mut broken = 0;
    for row in running {
        broken += row.await.unwrap();
    }
    println!("{broken} plans struck, {} s", started.elapsed().as_secs());
}

/// The fault at every call of the operation; answers how often it struck.
async fn every_call<R: Row>(case: Case, fault: Fault, count: u32) -> u32 {
    let row = R::open(PATIENCE).await;
    for from in 0..MAX_CALLS {
        let name = format!("{}-{fault:?}-{count}-{from}", case.step);
        if !cell(&row, case, &name, (from, count, fault)).await {
            assert!(from > 0, "{name}: a plan that strikes nothing proves nothing");
            return from;
        }
    }
    panic!("an operation of more than {MAX_CALLS} calls")
}

/// Answers whether the fault struck.
async fn cell<R: Row>(row: &R, case: Case, name: &str, (from, count, fault): (u32, u32, Fault)) -> bool {
    let world = World::new();
    let id = before(row, &world, case, name).await;
    // localstripe carries out the same refund as often as it arrives; Stripe does not. What arrives twice, or after its
    // repeat, cannot be told apart on our side of the wire: there the proxy keeps Stripe's promise.
    row.proxy().keep_keys(matches!(fault, Fault::Duplicate | Fault::Late));
    row.proxy().plan(from, count, fault);
    let untouched = row.truth(&id).await;
    if let Err((error, _)) = step(row, &world, case.step, &id).await {
        // Whoever reads this may go to another gateway: it has to be certain.
        let certain = error == "GatewayUnavailable";
        assert!(!certain || row.truth(&id).await == untouched, "{name}: {error}, and it was carried out");
        carry_out(row, &world, case.step, &id, name).await;
    }
    let given_up = case.step == "Authorize" && StageName::from(&world.payment(&id).stage) == StageName::Voiding;
    if given_up {
        assert!(!row.gateway().capabilities().look_up, "{name}: it could have asked");
        carry_out(row, &world, "Void", &id, name).await;
    }
    let struck = row.proxy().calls() > from;
    row.proxy().heal();
    let (after, truth) = match given_up {
        true => (StageName::Failed, Truth { holds: row.truth(&id).await.holds.min(1), ..NOTHING }),
        false => (case.after, case.truth),
    };
    assert_eq!(StageName::from(&world.payment(&id).stage), after, "{name}");
    assert_eq!(row.truth(&id).await, truth, "{name}: {:?}", world.payment(&id));
    if row.proxy().deliver_late().await > 0 {
        assert_eq!(row.truth(&id).await, truth, "{name}: after what was late arrived");
    }
    let payment = world.payment(&id);
    assert_eq!(payment.captured().minor(), truth.captured, "{name}");
    assert_eq!(payment.refunded().minor(), truth.refunds.1, "{name}");
    struck
}

/// Brings a payment to where the case's step is next, with nothing broken.
async fn before<R: Row>(row: &R, world: &World, case: Case, name: &str) -> PaymentId {
    let id = world.open(name, APPROVED, case.minor, CaptureMethod::Automatic);
    for earlier in ["Authorize", "FraudCheck", "Execute", "Settle"] {
        let done = StageName::from(&world.payment(&id).stage);
        if earlier == case.step || done == StageName::Voiding {
            return id;
        }
        carry_out(row, world, earlier, &id, name).await;
    }
    let key = "refund".parse().unwrap();
    let operation = OperationId::derive(&id, OperationKind::Refund, &key);
    let wanted = Wanted::Refund { amount: Some(700), reason: None };
    let accepted = world.payment(&id).accept(operation, wanted, "0".repeat(32), world.now()).unwrap();
    world.payments.borrow_mut().insert(id.clone(), accepted);
    id
}

/// The step, tried again until it is done.
async fn carry_out<R: Row>(row: &R, world: &World, name: &str, id: &PaymentId, context: &str) {
    let mut tries = 0;
    while let Err((error, transient)) = step(row, world, name, id).await {
        tries += 1;
        assert!(transient && tries < MAX_TRIES, "{context}: {error} after {tries} tries");
    }
}

async fn step<R: Row>(row: &R, world: &World, step: &str, id: &PaymentId) -> Result<(), (String, bool)> {
    fn named<E: Failure>(answer: Result<payments::step::StepAnswer, E>) -> Result<(), (String, bool)> {
        answer.map(drop).map_err(|error| {
            let said = task::chain(&error);
            assert!(!said.contains(APPROVED) && !said.contains("sk_test_"), "an error that tells too much");
            (error.name().to_owned(), error.transient())
        })
    }
    let request = StepRequest { payment_id: id.clone(), operation_id: OperationId::pay() };
    let gateway = row.gateway();
    let ports = authorize::Ports {
        payments: world,
        merchants: world,
        vault: world,
        codes: world,
        gateways: gateway,
        health: world,
        velocity: world,
        system: world,
    };
    match step {
        "Authorize" => named(authorize::handle(&ports, request).await),
        "FraudCheck" => named(fraud_check::handle(world, world, world, world, request).await),
        "Execute" => named(execute::handle(world, gateway, world, request).await),
        "Settle" => named(settle::handle(world, world, world, world, request).await),
        "Void" => named(void::handle(world, gateway, world, request).await),
        "Refund" => named(refund::handle(world, world, gateway, world, request).await),
        other => panic!("no step {other}"),
    }
}

/// An authorisation that is on its way while `sweep` gives the payment up: it finds nothing to hold on to.
pub async fn refuses_what_comes_after_its_void<R: Row>(_: PhantomData<R>) {
    let row = R::open(PATIENCE).await;
    if !row.gateway().capabilities().refuses_late_orders {
        return;
    }
    let case = CASES[0];
    for from in 0..MAX_CALLS {
        let world = World::new();
        let id = before(&row, &world, case, &format!("late-{from}")).await;
        row.proxy().plan(from, MAX_CALLS, Fault::Late);
        let lost = step(&row, &world, case.step, &id).await;
        row.proxy().heal();
        if StageName::from(&world.payment(&id).stage) == StageName::Authorized {
            assert!(from > 0, "{lost:?}");
            break;
        }
        // Where nobody can be asked it is given up at once.
        assert!(
            lost.as_ref().is_ok_and(|()| !row.gateway().capabilities().look_up)
                || lost.as_ref().is_err_and(|lost| lost.1)
        );
        while !matches!(StageName::from(&world.payment(&id).stage), StageName::Voiding | StageName::Failed) {
            assert!(world.payment(&id).takeovers <= payments::payment::MAX_TAKEOVERS, "{lost:?}");
            world.now.set(world.payment(&id).due_at.unwrap().as_millis());
            sweep::handle(&world, &world, &world, serde_json::Value::Null).await.unwrap();
        }
        carry_out(&row, &world, "Void", &id, "void").await;
        assert!(row.proxy().deliver_late().await > 0, "nothing was late: {PATIENCE:?} is too long");
        assert_eq!(StageName::from(&world.payment(&id).stage), StageName::Failed);
        let truth = row.truth(&id).await;
        assert_eq!((truth.held, truth.captured), (0, 0), "from call {from}");
    }
}
