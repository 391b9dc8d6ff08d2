//! Two gateways, `a` and `b`, each an acquirer with an account of its own that can be down or slow, and the real steps over
//! both.

use crate::machine::{Outcome, once_over, rests, run_by};
use crate::virtual_time::Timers;
use crate::world::World;
use payments::amount::Amount;
use payments::gateway::*;
use payments::id::{Mode, OperationId, PaymentId};
use payments::payment::{Payment, Status};
use payments::ports::{Clock, Gateway, Gateways};
use payments::routing::Routing;
use serde_json::json;
use std::cell::Cell;
use std::rc::Rc;

pub const APPROVED: &str = "4242424242424242";
/// Sweeps until a payment has to rest.
const SWEEPS: u32 = 40;
/// An amount that `b` does not take.
pub const NOT_TAKEN: u64 = 777;
/// An amount that a gateway with drafts finds out about when it is told.
pub const DRAFT_NOT_TAKEN: u64 = 778;

/// How a gateway is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Condition {
    #[default]
    Well,
    /// Nothing reaches it.
    Down,
    /// It carries out what it is told, and its answers come when nobody waits for them any more.
    Slow,
}

/// What one call takes, and after what time nobody waits any more.
pub const ANSWER_MILLIS: i64 = 80;
pub const PATIENCE_MILLIS: i64 = 2_500;
pub const PING_PATIENCE_MILLIS: i64 = 1_000;

/// One of two gateways: an acquirer with an account of its own.
pub struct Side {
    name: &'static str,
    pub account: World,
    pub condition: Cell<Condition>,
    /// Authorisations that were sent while its breaker was open to nobody.
    pub sent_while_open: Cell<u32>,
    /// Authorisations that were sent.
    pub sent: Cell<u32>,
    timers: Rc<Timers>,
    world: Rc<World>,
}

/// Both.
pub struct Two(pub Side, pub Side);

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
    pub fn truth(&self, id: &PaymentId) -> (usize, u64) {
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

/// A world whose merchant sends payments by these rules over `a` and `b`.
pub fn two(gateways: serde_json::Value) -> (Rc<World>, Rc<Two>, Rc<Timers>) {
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

pub fn in_order() -> serde_json::Value {
    json!([{ "gateway": "a" }, { "gateway": "b" }])
}

/// The step with the state machine's retries, a second, two and four apart.
pub async fn retried(world: &World, two: &Two, timers: &Timers, step: &'static str, id: &PaymentId) -> Outcome {
    for wait in [1_000, 2_000, 4_000] {
        match once_over(world, two, step, id).await {
            Ok(stage) => return Ok(stage),
            Err((_, true)) => timers.sleep(world, wait).await,
            Err((name, false)) => return Err(name),
        }
    }
    once_over(world, two, step, id).await.map_err(|(name, _)| name)
}

pub async fn run(world: &World, two: &Two, timers: &Timers, id: &PaymentId, operation: &OperationId) {
    run_by(operation, async |step| retried(world, two, timers, step, id).await).await;
}

pub async fn sweep(world: &World, two: &Two, timers: &Timers) {
    // A sweep that breaks off is followed by another.
    let _ = sweep::handle(world, world, world, serde_json::Value::Null).await;
    for (id, operation) in world.started.take() {
        run(world, two, timers, &id, &operation).await;
    }
}

pub async fn bring_to_rest(world: &World, two: &Two, timers: &Timers, id: &PaymentId) -> Payment {
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
pub fn check_truth(two: &Two, payment: &Payment, context: &str) {
    let (a, b) = (two.0.truth(&payment.payment_id), two.1.truth(&payment.payment_id));
    assert!(a.0 == 0 || b.0 == 0, "{context}: held at both");
    let expected = if payment.status() == Status::Succeeded { (1, payment.amount.minor()) } else { (0, 0) };
    assert_eq!((a.0 + b.0, a.1 + b.1), expected, "{context}: {:?}", payment.stage);
}
