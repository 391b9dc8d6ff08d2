//! Two gateways behind the real steps: who is asked, who is asked next, and what is never done twice. And ten thousand payments
//! in virtual time, while one of the two goes down, gets slow, and comes back.

use crate::machine::{Outcome, once_over, rests, run_by};
use crate::world::{Fault, World};
use explain_route::Verdict;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use payments::amount::Amount;
use payments::breaker::Call;
use payments::failure::Failure;
use payments::gateway::*;
use payments::id::{Mode, OperationId, PaymentId};
use payments::payment::{CaptureMethod, Payment, Status};
use payments::ports::{Clock, Gateway, Gateways};
use payments::routing::{RouteOutcome, Routing};
use payments::stage::{Stage, StageName};
use payments::step::StepRequest;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

const APPROVED: &str = "4242424242424242";
const NOT_NOW: &str = "4000000000000119";
const NO_MONEY: &str = "4000000000009995";
const NEVER: &str = "4000000000000002";
const AUTHENTICATE: &str = "4000002500003155";
/// Sweeps until a payment has to rest.
const SWEEPS: u32 = 40;

/// How a gateway is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Condition {
    #[default]
    Well,
    /// Nothing reaches it.
    Down,
    /// It carries out what it is told, and its answers come when nobody waits for them any more.
    Slow,
}

/// What one call takes, and after what time nobody waits any more.
const ANSWER_MILLIS: i64 = 80;
const PATIENCE_MILLIS: i64 = 2_500;
const PING_PATIENCE_MILLIS: i64 = 1_000;

/// One of two gateways: an acquirer with an account of its own.
struct Side {
    name: &'static str,
    account: World,
    condition: Cell<Condition>,
    /// Authorisations that were sent while its breaker was open to nobody.
    sent_while_open: Cell<u32>,
    sent: Cell<u32>,
    timers: Rc<Timers>,
    world: Rc<World>,
}

/// Both.
struct Two(Side, Side);

impl Gateways for Two {
    type Gateway = Side;

    fn find(&self, name: &GatewayName) -> Option<&Side> {
        [&self.0, &self.1].into_iter().find(|side| side.name == name.0)
    }

    fn standard(&self) -> GatewayName {
        GatewayName(self.0.name.to_owned())
    }
}

impl Side {
    fn new(name: &'static str, world: &Rc<World>, timers: &Rc<Timers>) -> Self {
        let (world, timers) = (Rc::clone(world), Rc::clone(timers));
        let (condition, sent_while_open, sent) = (Cell::default(), Cell::default(), Cell::default());
        Self { name, account: World::new(), condition, sent_while_open, sent, timers, world }
    }

    async fn carry_out<T>(&self, order: impl Future<Output = Result<T, NoAnswer>>) -> Result<T, NoAnswer> {
        self.account.now.set(self.world.now.get());
        match self.condition.get() {
            Condition::Down => Err(NoAnswer::Unavailable("down".to_owned())),
            Condition::Well => {
                let answer = order.await;
                self.timers.sleep(&self.world, ANSWER_MILLIS).await;
                answer
            }
            Condition::Slow => {
                let _ = order.await;
                self.timers.sleep(&self.world, PATIENCE_MILLIS).await;
                Err(NoAnswer::Unknown("slow".to_owned()))
            }
        }
    }

    /// Holds that stand, and what was taken, of that payment.
    fn truth(&self, id: &PaymentId) -> (usize, u64) {
        let account = self.account.holds.borrow();
        let own = account.values().filter(|entry| entry.hold_key.starts_with(id.as_str()) && entry.approved);
        own.fold((0, 0), |(standing, captured), entry| {
            (standing + usize::from(!entry.voided), captured + entry.captured)
        })
    }
}

impl Gateway for Side {
    fn name(&self) -> GatewayName {
        GatewayName(self.name.to_owned())
    }

    fn capabilities(&self) -> Capabilities {
        self.account.capabilities()
    }

    fn takes(&self, _: Mode, amount: Amount) -> bool {
        amount.minor() != NOT_TAKEN || self.name != "b"
    }

    async fn ping(&self, mode: Mode) -> Result<(), NoAnswer> {
        if self.condition.get() == Condition::Slow {
            self.timers.sleep(&self.world, PING_PATIENCE_MILLIS).await;
            return Err(NoAnswer::Unknown("slow".to_owned()));
        }
        self.carry_out(self.account.ping(mode)).await
    }

    async fn draft(&self, order: &DraftOrder) -> Result<Drafted, NoAnswer> {
        if order.amount.minor() == DRAFT_NOT_TAKEN {
            return Ok(Drafted::NotTaken { reason: "amount_too_small".to_owned() });
        }
        self.carry_out(self.account.draft(order)).await
    }

    async fn authorize(&self, order: &AuthorizeOrder) -> Result<Authorization, NoAnswer> {
        self.sent.set(self.sent.get() + 1);
        if self.condition.get() != Condition::Well && self.world.health.borrow().is_open(&self.name(), self.world.now())
        {
            self.sent_while_open.set(self.sent_while_open.get() + 1);
        }
        self.carry_out(self.account.authorize(order)).await
    }

    async fn capture(&self, order: &CaptureOrder) -> Result<CaptureAnswer, NoAnswer> {
        self.carry_out(self.account.capture(order)).await
    }

    async fn void(&self, order: &VoidOrder) -> Result<VoidAnswer, NoAnswer> {
        self.carry_out(self.account.void(order)).await
    }

    async fn refund(&self, order: &RefundOrder) -> Result<RefundAnswer, NoAnswer> {
        self.carry_out(self.account.refund(order)).await
    }

    async fn look_up(&self, question: &Question) -> Result<Option<Effect>, NoAnswer> {
        self.carry_out(self.account.look_up(question)).await
    }
}

/// Virtual time: it stands still while anything can go on, then leaps to whoever waits for the nearest moment.
#[derive(Default)]
struct Timers {
    waiting: RefCell<BTreeMap<(i64, u64), Option<Waker>>>,
    count: Cell<u64>,
    /// Outside of [`drive`] nobody waits.
    run: Cell<bool>,
}

impl Timers {
    async fn sleep(&self, world: &World, millis: i64) {
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

    fn drive(&self, world: &World, pool: &mut LocalPool) {
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

/// A world whose merchant sends payments by these rules over `a` and `b`.
fn two(gateways: serde_json::Value) -> (Rc<World>, Rc<Two>, Rc<Timers>) {
    let world = Rc::new(World::new());
    let timers = Rc::new(Timers::default());
    let routing: Routing = serde_json::from_value(json!([{ "name": "both", "gateways": gateways }])).unwrap();
    for merchant in world.merchants.borrow_mut().values_mut() {
        merchant.routing = routing.clone();
        merchant.risk.payments_per_card = 1_000_000;
    }
    let two = Two(Side::new("a", &world, &timers), Side::new("b", &world, &timers));
    (world, Rc::new(two), timers)
}

fn in_order() -> serde_json::Value {
    json!([{ "gateway": "a" }, { "gateway": "b" }])
}

/// The step with the state machine's retries, a second, two and four apart.
async fn retried(world: &World, two: &Two, timers: &Timers, step: &'static str, id: &PaymentId) -> Outcome {
    for wait in [1_000, 2_000, 4_000] {
        match once_over(world, two, step, id).await {
            Ok(stage) => return Ok(stage),
            Err((_, true)) => timers.sleep(world, wait).await,
            Err((name, false)) => return Err(name),
        }
    }
    once_over(world, two, step, id).await.map_err(|(name, _)| name)
}

async fn run(world: &World, two: &Two, timers: &Timers, id: &PaymentId, operation: &OperationId) {
    run_by(operation, async |step| retried(world, two, timers, step, id).await).await;
}

async fn sweep(world: &World, two: &Two, timers: &Timers) {
    // A sweep that breaks off is followed by another.
    let _ = sweep::handle(world, world, world, serde_json::Value::Null).await;
    for (id, operation) in world.started.take() {
        run(world, two, timers, &id, &operation).await;
    }
}

async fn bring_to_rest(world: &World, two: &Two, timers: &Timers, id: &PaymentId) -> Payment {
    run(world, two, timers, id, &OperationId::pay()).await;
    for _ in 0..SWEEPS {
        if rests(world, id) {
            break;
        }
        world.now.set(world.payment(id).due_at.unwrap().as_millis());
        sweep(world, two, timers).await;
    }
    assert!(rests(world, id), "{:?}", world.payment(id).stage);
    world.payment(id)
}

/// What is at the gateways is what the payment says, and at one of them only.
fn check_truth(two: &Two, payment: &Payment, context: &str) {
    let (a, b) = (two.0.truth(&payment.payment_id), two.1.truth(&payment.payment_id));
    assert!(a.0 == 0 || b.0 == 0, "{context}: held at both");
    let expected = if payment.status() == Status::Succeeded { (1, payment.amount.minor()) } else { (0, 0) };
    assert_eq!((a.0 + b.0, a.1 + b.1), expected, "{context}: {:?}", payment.stage);
}

fn outcomes(payment: &Payment) -> Vec<(String, RouteOutcome)> {
    let routed = payment.routed.clone().unwrap();
    assert_eq!(routed.rule.as_deref(), Some("both"));
    routed.steps.into_iter().map(|step| (step.gateway.0, step.outcome)).collect()
}

/// An amount that `b` does not take.
const NOT_TAKEN: u64 = 777;
/// An amount that a gateway with drafts finds out about when it is told.
const DRAFT_NOT_TAKEN: u64 = 778;

#[tokio::test]
async fn an_order_that_a_gateway_does_not_take_goes_elsewhere_and_is_no_failure_of_it() {
    let (world, two, timers) = two(in_order());
    two.0.account.can.set(Some(Capabilities { drafts: true, ..gateways::simulated::CAPABILITIES }));
    for count in 0..10 {
        let id = world.open(&format!("small-{count}"), APPROVED, DRAFT_NOT_TAKEN, CaptureMethod::Automatic);
        let payment = bring_to_rest(&world, &two, &timers, &id).await;
        let expected = [("a", RouteOutcome::NotTaken), ("b", RouteOutcome::Asked)];
        assert_eq!(outcomes(&payment), expected.map(|(side, outcome)| (side.to_owned(), outcome)));
        check_truth(&two, &payment, "elsewhere");
    }
    assert!(!world.health.borrow().is_open(&two.0.name(), world.now()), "others are still sent there");
}

#[tokio::test]
async fn what_followed_a_hold_of_a_later_attempt_is_found_by_its_key() {
    let (world, two, timers) = two(in_order());
    two.0.condition.set(Condition::Down);
    let id = world.open("one", APPROVED, 1999, CaptureMethod::Automatic);
    let payment = bring_to_rest(&world, &two, &timers, &id).await;
    let operation = OperationId::pay();
    let key = payment.gateway_key(GatewayOperation::Capture(&operation), 1);
    let question = Question { key, mode: Mode::Test, order: OrderKind::Capture, reference: None };
    let found = two.1.look_up(&question).await.unwrap();
    assert!(matches!(found, Some(Effect::Captured(CaptureAnswer::Captured { .. }))), "{found:?}");
    let key = payment.gateway_key(GatewayOperation::Authorize, 2);
    let question = Question { key, mode: Mode::Test, order: OrderKind::Authorize, reference: None };
    assert!(two.1.look_up(&question).await.unwrap().is_some());
}

#[tokio::test]
async fn another_gateway_is_asked_only_when_the_first_holds_nothing_for_certain() {
    use Condition::{Down, Slow, Well};
    use RouteOutcome::{Asked, NotTaken, SoftDecline, Unavailable};
    let declined = |code| Some((Status::Declined, SoftDecline(code)));
    let rows = [
        ("both well", APPROVED, 1999, Well, Status::Succeeded, vec![("a", Asked)]),
        ("a down", APPROVED, 1999, Down, Status::Succeeded, vec![("a", Unavailable), ("b", Asked)]),
        ("a down and b does not take it", APPROVED, NOT_TAKEN, Down, Status::Succeeded, vec![("a", Asked)]),
        // Its answer is lost; a later look-up finds the hold, and the payment stays there.
        ("a slow at first", APPROVED, 1999, Slow, Status::Succeeded, vec![("a", Asked)]),
        ("a hard decline", NEVER, 1999, Well, Status::Declined, vec![("a", Asked)]),
        ("to authenticate", AUTHENTICATE, 1999, Well, Status::Declined, vec![("a", Asked)]),
    ];
    for (name, number, amount, condition, status, expected) in rows {
        let (world, two, timers) = two(in_order());
        two.0.condition.set(condition);
        let id = world.open("one", number, amount, CaptureMethod::Automatic);
        run(&world, &two, &timers, &id, &OperationId::pay()).await;
        let waits = StageName::from(&world.payment(&id).stage) == StageName::Authorizing;
        assert_eq!(waits, condition == Slow || (condition, amount) == (Down, NOT_TAKEN), "{name}");
        two.0.condition.set(Well);
        let payment = bring_to_rest(&world, &two, &timers, &id).await;
        assert_eq!(payment.status(), status, "{name}");
        let expected: Vec<_> = expected.into_iter().map(|(side, outcome)| (side.to_owned(), outcome)).collect();
        assert_eq!(outcomes(&payment), expected, "{name}");
        check_truth(&two, &payment, name);
    }
    for (number, code) in [(NOT_NOW, DeclineCode::ProcessingError), (NO_MONEY, DeclineCode::InsufficientFunds)] {
        let (world, two, timers) = two(in_order());
        let id = world.open("soft", number, 1999, CaptureMethod::Automatic);
        let payment = bring_to_rest(&world, &two, &timers, &id).await;
        let (status, first) = declined(code).unwrap();
        assert_eq!(payment.status(), status);
        assert_eq!(outcomes(&payment), [("a".to_owned(), first), ("b".to_owned(), Asked)]);
        assert_eq!((two.0.sent.get(), two.1.sent.get()), (1, 1), "once each, under keys of their own");
    }
    // The other takes what this one does not.
    let (world, two, timers) = two(json!([{ "gateway": "c" }, { "gateway": "b" }, { "gateway": "a" }]));
    let id = world.open("not-taken", APPROVED, NOT_TAKEN, CaptureMethod::Automatic);
    let payment = bring_to_rest(&world, &two, &timers, &id).await;
    let expected = [("c", RouteOutcome::NotThere), ("b", NotTaken), ("a", Asked)];
    assert_eq!(outcomes(&payment), expected.map(|(side, outcome)| (side.to_owned(), outcome)));
}

#[tokio::test]
async fn a_card_that_the_schemes_would_fine_us_for_is_asked_once() {
    let (world, two, timers) = two(in_order());
    for count in 0..20 {
        let id = world.open(&format!("again-{count}"), NO_MONEY, 1999, CaptureMethod::Automatic);
        bring_to_rest(&world, &two, &timers, &id).await;
    }
    // A Visa card, declined at both: what follows its thirteenth decline is the last retry within thirty days.
    assert_eq!((two.0.sent.get(), two.1.sent.get()), (20, 7));
    world.now.set(world.now.get() + 31 * 24 * 60 * 60 * 1000);
    let id = world.open("a-month-later", NO_MONEY, 1999, CaptureMethod::Automatic);
    bring_to_rest(&world, &two, &timers, &id).await;
    assert_eq!((two.0.sent.get(), two.1.sent.get()), (21, 8));
}

#[tokio::test]
async fn a_failure_of_any_call_on_the_way_elsewhere_holds_nothing_twice() {
    for number in [APPROVED, NOT_NOW] {
        for drafts in [false, true] {
            for (call, count, fault) in (0..40)
                .flat_map(|call| [1, 3].map(|count| (call, count)))
                .flat_map(|(call, count)| [(call, count, Fault::Before), (call, count, Fault::After)])
            {
                let (world, two, timers) = two(in_order());
                for side in [&two.0, &two.1] {
                    side.account.can.set(Some(Capabilities { drafts, ..gateways::simulated::CAPABILITIES }));
                }
                two.0.condition.set(if number == APPROVED { Condition::Down } else { Condition::Well });
                world.fault.set(Some((call, count, fault)));
                let id = world.open("one", number, 1999, CaptureMethod::Automatic);
                let context = format!("{number:.6}, drafts {drafts}, from call {call} on {count} fail {fault:?}");
                run(&world, &two, &timers, &id, &OperationId::pay()).await;
                two.0.condition.set(Condition::Well);
                let payment = bring_to_rest(&world, &two, &timers, &id).await;
                check_truth(&two, &payment, &context);
            }
        }
    }
}

/// Two runs of the step at once, in every order that a seed draws, while `a` refuses the first sending only: whoever sends
/// to `a` again says so first, so whoever was refused cannot take the payment to `b` any more.
#[tokio::test]
async fn two_runs_at_once_never_hold_at_both() {
    let mut elsewhere = 0;
    for seed in 0..2_000_u64 {
        let (world, two, _) = two(in_order());
        let id = world.open("one", APPROVED, 1999, CaptureMethod::Automatic);
        two.0.condition.set(Condition::Down);
        world.turns.set(true);
        two.0.account.turns.set(true);
        let (first, second) = (once_over(&world, &*two, "Authorize", &id), once_over(&world, &*two, "Authorize", &id));
        let mut tasks: [Option<Pin<Box<dyn Future<Output = _>>>>; 2] = [Some(Box::pin(first)), Some(Box::pin(second))];
        let mut drawn = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut context = std::task::Context::from_waker(Waker::noop());
        while tasks.iter().any(Option::is_some) {
            drawn ^= drawn << 13;
            drawn ^= drawn >> 7;
            drawn ^= drawn << 17;
            // It comes back at some moment, sooner or later by the seed.
            if drawn.is_multiple_of(5 << (seed % 4)) {
                two.0.condition.set(Condition::Well);
            }
            let task = &mut tasks[usize::from(drawn & 256 == 0)];
            if task.as_mut().is_some_and(|running| running.as_mut().poll(&mut context).is_ready()) {
                *task = None;
            }
        }
        world.turns.set(false);
        let (a, b) = (two.0.truth(&id), two.1.truth(&id));
        assert!(a.0 + b.0 <= 1, "seed {seed}: held at both");
        elsewhere += b.0;
    }
    assert!((100..1_900).contains(&elsewhere), "{elsewhere} went elsewhere: both ends are to be seen");
}

#[tokio::test]
async fn a_gateway_that_is_away_stays_a_payments_own() {
    let (world, two, timers) = two(in_order());
    let id = world.open("manual", APPROVED, 1999, CaptureMethod::Manual);
    two.0.condition.set(Condition::Down);
    bring_to_rest(&world, &two, &timers, &id).await;
    let Stage::RequiresCapture(rest) = world.payment(&id).stage else { panic!("{:?}", world.payment(&id).stage) };
    assert_eq!((rest.0.hold.gateway.0.as_str(), rest.0.hold.attempt), ("b", 2));
    // What is done to the hold goes to who holds it, and nowhere else; a deployment without it says so.
    let request = StepRequest { payment_id: id.clone(), operation_id: OperationId::reverse() };
    let payment = world.payment(&id);
    let due = payment.due_at.unwrap();
    world.now.set(due.as_millis());
    sweep::handle(&*world, &*world, &*world, serde_json::Value::Null).await.unwrap();
    let refused = void::handle(&*world, &two.0, &*world, request.clone()).await.expect_err("a is not b");
    assert_eq!((refused.name(), refused.transient()), ("GatewayUnavailable", true));
    void::handle(&*world, &*two, &*world, request).await.unwrap();
    assert_eq!(two.1.truth(&id), (0, 0));
    assert_eq!(world.payment(&id).status(), Status::Canceled);
}

/// What `explain-route` says of that payment before it is made: each gateway and its verdict.
async fn explained(world: &World, two: &Two, id: &PaymentId) -> Vec<(String, Verdict)> {
    let payment = world.payment(id);
    let ports = explain_route::Ports { merchants: world, tokens: world, gateways: two, breakers: world, clock: world };
    let request = json!({
        "merchant_id": payment.owner.merchant_id, "mode": "test", "token": payment.token_id,
        "amount": payment.amount.minor(), "currency": "EUR", "idempotency_key": "one",
    });
    let answer = explain_route::handle(&ports, serde_json::from_value(request).unwrap()).await.unwrap();
    assert_eq!((answer.rule.as_deref(), answer.drawn), (Some("both"), true));
    answer.gateways.into_iter().map(|considered| (considered.gateway.0, considered.verdict)).collect()
}

#[tokio::test]
async fn a_route_is_explained_as_it_is_taken() {
    use Verdict::{AskedFirst, AskedNext, BreakerOpen, NotTaken, NotThere};
    let rows = [
        (in_order(), 1999, false, vec![("a", AskedFirst), ("b", AskedNext)]),
        (json!([{ "gateway": "b" }, { "gateway": "a" }]), NOT_TAKEN, false, vec![("b", NotTaken), ("a", AskedFirst)]),
        (json!([{ "gateway": "c" }, { "gateway": "b" }]), 1999, false, vec![("c", NotThere), ("b", AskedFirst)]),
        (in_order(), 1999, true, vec![("a", BreakerOpen), ("b", AskedFirst)]),
        // Who has no choice does not ask the breaker.
        (json!([{ "gateway": "a" }]), 1999, true, vec![("a", AskedFirst)]),
    ];
    for (rule, amount, broken, expected) in rows {
        let (world, two, timers) = two(rule.clone());
        if broken {
            let gateway = GatewayName("a".to_owned());
            let mut health = world.health.borrow_mut();
            (0..5).for_each(|_| health.record(&gateway, Call::Failed, world.now()));
        }
        let id = world.open("one", APPROVED, amount, CaptureMethod::Automatic);
        let verdicts = explained(&world, &two, &id).await;
        let named = expected.into_iter().map(|(side, verdict)| (side.to_owned(), verdict)).collect::<Vec<_>>();
        assert_eq!(verdicts, named, "{rule}");
        let payment = bring_to_rest(&world, &two, &timers, &id).await;
        let asked = outcomes(&payment).into_iter().find(|(_, outcome)| *outcome == RouteOutcome::Asked).unwrap().0;
        assert!(verdicts.contains(&(asked, AskedFirst)), "{rule}");
    }
    // By weight: with its key it is the payment's own draw.
    let halves = json!([{ "gateway": "a", "weight": 50 }, { "gateway": "b", "weight": 50 }]);
    let (world, two, timers) = two(halves);
    let id = world.open("one", APPROVED, 1999, CaptureMethod::Automatic);
    let first = explained(&world, &two, &id).await[0].0.clone();
    let payment = bring_to_rest(&world, &two, &timers, &id).await;
    assert_eq!(outcomes(&payment), [(first, RouteOutcome::Asked)]);
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_names_its_field() {
    let (world, two, _) = two(in_order());
    let ports = explain_route::Ports {
        merchants: &*world,
        tokens: &*world,
        gateways: &*two,
        breakers: &*world,
        clock: &*world,
    };
    let card = json!({ "brand": "visa", "first6": "424242" });
    let token = format!("tok_{}", "0".repeat(32));
    for (fields, field) in [
        (json!({}), "merchant_id"),
        (json!({ "merchant_id": "mer_other", "card": card }), "merchant_id"),
        (json!({ "merchant_id": "mer_test" }), "token"),
        (json!({ "merchant_id": "mer_test", "token": token }), "token"),
        (json!({ "merchant_id": "mer_test", "token": token, "card": card }), "card"),
        (json!({ "routing": [], "token": token }), "merchant_id"),
    ] {
        let mut request = json!({ "mode": "test", "amount": 1999, "currency": "EUR" });
        request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let error = explain_route::handle(&ports, serde_json::from_value(request).unwrap()).await.unwrap_err();
        assert_eq!(error.to_string().split(':').next(), Some(field), "{fields}");
    }
    // Rules that are not kept yet can be tried.
    let request = json!({ "mode": "test", "amount": 1999, "currency": "EUR", "card": card, "routing": [
        { "name": "dollars", "currencies": ["USD"], "countries": ["DE"], "gateways": [{ "gateway": "a" }] },
        { "name": "rest", "gateways": [{ "gateway": "a", "weight": 1 }, { "gateway": "b", "weight": 2 }] },
    ] });
    let answer = explain_route::handle(&ports, serde_json::from_value(request).unwrap()).await.unwrap();
    assert_eq!(
        serde_json::to_value(answer).unwrap(),
        json!({
            "rule": "rest", "drawn": false,
            "passed_over": [{ "rule": "dollars", "by": ["currencies", "countries"] }],
            "gateways": [
                { "gateway": "a", "weight": 1, "verdict": "asked_first" },
                { "gateway": "b", "weight": 2, "verdict": "asked_next" },
            ],
        })
    );
}

/// Payments, and how many milliseconds apart they come.
const PAYMENTS: i64 = 10_000;
const EVERY_MILLIS: i64 = 25;
/// What happens to `b`: from which second on it is how.
const STORY: [(i64, Condition); 5] = [
    (0, Condition::Well),
    (50, Condition::Down),
    (90, Condition::Well),
    (130, Condition::Slow),
    (170, Condition::Well),
];
const SWEEP_MILLIS: i64 = 60_000;

#[test]
fn ten_thousand_payments_over_two_gateways_one_of_which_goes_down_slow_and_back() {
    let halves = json!([{ "gateway": "a", "weight": 50 }, { "gateway": "b", "weight": 50 }]);
    let (world, two, timers) = two(halves);
    let began = world.now.get();
    let mut pool = LocalPool::new();
    let spawner = pool.spawner();
    let resting_at_once = Rc::new(RefCell::new(BTreeMap::<PaymentId, bool>::new()));
    let mut ids = Vec::new();
    for count in 0..PAYMENTS {
        let id = world.open(&format!("payment-{count}"), APPROVED, 1999, CaptureMethod::Automatic);
        ids.push(id.clone());
        let (world, two, timers) = (Rc::clone(&world), Rc::clone(&two), Rc::clone(&timers));
        let resting_at_once = Rc::clone(&resting_at_once);
        let paying = async move {
            timers.sleep(&world, count * EVERY_MILLIS).await;
            run(&world, &two, &timers, &id, &OperationId::pay()).await;
            let approved = world.payment(&id).status() == Status::Succeeded;
            resting_at_once.borrow_mut().insert(id, approved);
        };
        spawner.spawn_local(paying).unwrap();
    }
    for (second, condition) in STORY {
        let (world, two, timers) = (Rc::clone(&world), Rc::clone(&two), Rc::clone(&timers));
        let story = async move {
            timers.sleep(&world, second * 1000).await;
            two.1.condition.set(condition);
        };
        spawner.spawn_local(story).unwrap();
    }
    let sweeping = {
        let (world, two, timers) = (Rc::clone(&world), Rc::clone(&two), Rc::clone(&timers));
        async move {
            for _ in 0..20 {
                timers.sleep(&world, SWEEP_MILLIS).await;
                sweep(&world, &two, &timers).await;
            }
        }
    };
    spawner.spawn_local(sweeping).unwrap();
    timers.drive(&world, &mut pool);

    let mut seconds = BTreeMap::<i64, (u32, u32, u32)>::new();
    for (count, id) in (0..).zip(&ids) {
        let payment = world.payment(id);
        assert_eq!(payment.status(), Status::Succeeded, "{:?}", payment.stage);
        check_truth(&two, &payment, "at rest");
        let (made, approved, at_b) = seconds.entry(count * EVERY_MILLIS / 1000).or_default();
        *made += 1;
        *approved += u32::from(resting_at_once.borrow()[id]);
        *at_b += u32::from(two.1.truth(id).0 == 1);
    }
    let over = |from: i64, to: i64| {
        seconds
            .range(from..to)
            .fold((0, 0, 0), |sum: (u32, u32, u32), (_, second)| (sum.0 + second.0, sum.1 + second.1, sum.2 + second.2))
    };
    let lost_at_once = PAYMENTS - i64::from(over(0, i64::MAX).1);
    eprintln!(
        "{PAYMENTS} payments in {} s of virtual time: {lost_at_once} waited for sweep; sent to b while its breaker was \
         open: {}; at b in the ten seconds after each recovery's first ten: {:?}, {:?}",
        (world.now.get() - began) / 1000,
        two.1.sent_while_open.get(),
        over(100, 110),
        over(180, 190),
    );
    let made_while_broken = over(50, 90).0 + over(130, 170).0;
    assert!(two.1.sent_while_open.get() * 1000 < made_while_broken, "while the breaker is open, nobody is sent there");
    // Down costs no payment: it is certain that nothing was done. Slow costs those that were sent before the breaker opened.
    // But those in whose middle it went down have their hold there, and wait for it.
    assert_eq!(over(51, 129).0, over(51, 129).1, "approved at once, all of them");
    for recovered in [100, 180] {
        let (made, approved, at_b) = over(recovered, recovered + 10);
        assert_eq!(approved, made, "the approval rate is back within ten seconds of the recovery");
        assert!(at_b * 10 > made * 4, "and so is its share: {at_b} of {made}");
    }
    assert!(lost_at_once < PAYMENTS / 100, "{lost_at_once} payments waited for sweep");
    assert!(over(55, 90).2 == 0 && over(0, 50).2 > 800, "while it was down nothing was held there");
}
