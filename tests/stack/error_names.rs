//! Each name by which a step fails, provoked for what it stands for, and caught by that name in both workflow types.

use crate::machines::{Kind, Machine, Outcome};
use crate::numbers::{fresh, unique, with_check_digit};
use crate::shop::{Shop, alone, healthy};
use crate::tables::Tables;
use payments::fraud::{Decision, Screening};
use payments::gateway::{Checks, GatewayName};
use payments::id::{OperationId, OperationKind};
use payments::operation::{Action, Operation, Wanted};
use payments::payment::{HOLD_SECONDS, Payment};
use payments::stage::{
    Approved, Authorized, Authorizing, Captured, Capturing, Created, Hold, Refunding, Stage, StageName, VoidReason,
};
use serde_json::{Value, json};
use xtask::aws::Call;

const KINDS: [Kind; 2] = [Kind::Express, Kind::Standard];
const STEPS: [&str; 7] = ["Validate", "Authorize", "FraudCheck", "Execute", "Settle", "Void", "Refund"];
/// Makes a stage to plant.
type MakeStage = fn() -> Stage;
/// Steps that have a predecessor.
const LATER_STEPS: [&str; 5] = ["FraudCheck", "Execute", "Settle", "Void", "Refund"];

fn gateway() -> GatewayName {
    GatewayName("simulated".to_owned())
}

fn hold() -> Hold {
    let expires_at = crate::shop::now().plus_seconds(HOLD_SECONDS);
    let (checks, limits) = (Checks::default(), payments::gateway::HoldLimits::default());
    Hold { gateway: gateway(), attempt: 1, reference: "planted".to_owned(), checks, expires_at, limits }
}

fn approved() -> Approved {
    Approved { hold: hold(), screening: Screening { decision: Decision::Approve, reasons: Vec::new() } }
}

fn authorizing() -> Stage {
    Stage::Authorizing(Authorizing { gateway: gateway(), attempt: 1, draft: None, repeated: false })
}

fn capturing() -> Stage {
    Stage::Capturing(Capturing(approved()))
}

fn captured() -> Stage {
    Stage::Captured(Captured(approved()))
}

fn voiding() -> Stage {
    Stage::Voiding(approved().void(VoidReason::Unresolved, 1))
}

fn refunding() -> Stage {
    Stage::Refunding(Refunding(approved()))
}

/// Stores the payment at that stage, with the operations that bring it there.
async fn plant(shop: &Shop, mut payment: Payment, stage: Stage) -> Payment {
    let amount = payment.amount.minor();
    let operation = |id: OperationId, action, reference: Option<&str>| Operation {
        id,
        action,
        request_hash: None,
        v: 1,
        reference: reference.map(str::to_owned),
        settlement: None,
        deduction: None,
        end: None,
    };
    let capture = Action::Capture { amount, last: true };
    payment.operations = match StageName::from(&stage) {
        StageName::Capturing => vec![operation(OperationId::pay(), capture, None)],
        StageName::Captured => vec![operation(OperationId::pay(), capture, Some("planted"))],
        StageName::Refunding => {
            let key = unique().parse().unwrap();
            let id = OperationId::derive(&payment.payment_id, OperationKind::Refund, &key);
            let mut taken = operation(OperationId::pay(), capture, Some("planted"));
            taken.end = Some(1);
            vec![taken, operation(id, Action::Refund { amount, reason: None }, None)]
        }
        StageName::Created
        | StageName::Authorizing
        | StageName::Authenticating
        | StageName::Authorized
        | StageName::Voiding
        | StageName::RequiresCapture
        | StageName::InReview
        | StageName::Succeeded
        | StageName::Declined
        | StageName::Canceled
        | StageName::Failed => Vec::new(),
    };
    shop.plant(payment, stage).await
}

async fn run(shop: &Shop, kind: Kind, state: &str, payment_id: &str) -> Outcome {
    let machine = Machine::make(shop, kind, Some(state)).await;
    let outcome = machine.run(payment_id).await;
    machine.delete().await;
    outcome
}

/// The execution failed in the state of that name, which only the catcher of that name leads to.
fn assert_failed(outcome: &Outcome, name: &str, at: &str) {
    assert!(!outcome.succeeded, "{at}: ended well with {}", outcome.output);
    assert_eq!(outcome.error.as_deref(), Some(name), "{at}");
    assert_entered(outcome, name, at);
}

/// The execution was left to `sweep` by a catcher that has the name in its list.
fn assert_left_to_sweep(outcome: &Outcome, name: &str, at: &str) {
    assert!(outcome.succeeded, "{at}: failed with {:?}", outcome.error);
    assert_eq!(outcome.output["error"], name, "{at}: {}", outcome.output);
    let names = outcome.output["caught_by"].as_array().unwrap();
    assert!(names.contains(&json!(name)), "{at}: caught by {names:?}");
    assert_entered(outcome, "LeftToSweep", at);
}

fn assert_entered(outcome: &Outcome, state: &str, at: &str) {
    if let Some(entered) = &outcome.entered {
        assert!(entered.iter().any(|name| name == state), "{at}: entered {entered:?}");
    }
}

/// Forgets a planted payment and what the acquirer did for it.
async fn forget(tables: &Tables, payment: &Payment) {
    let id = payment.payment_id.as_str();
    tables.delete("Payments", json!({ "payment_id": id })).await;
    tables.delete("Acquirer", json!({ "hold_key": format!("{id}:authorize:1") })).await;
}

/// Runs all rows at once: each waits for its own retries.
async fn together(runs: Vec<impl Future<Output = ()> + Send + 'static>) {
    let tasks: Vec<_> = runs.into_iter().map(tokio::spawn).collect();
    let mut failures = Vec::new();
    for task in tasks {
        if let Err(failure) = task.await {
            failures.push(failure.to_string());
        }
    }
    assert!(failures.is_empty(), "{} of the rows failed: {failures:#?}", failures.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_are_none_or_nobodys_are_caught_by_name_at_every_step() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let rows = KINDS.into_iter().flat_map(|kind| STEPS.map(|step| (kind, step)));
    let runs = rows.map(|(kind, step)| {
        let shop = shop.clone();
        async move {
            let at = format!("{kind:?} {step}");
            assert_failed(&run(&shop, kind, step, "nonsense").await, "InvalidInput", &at);
            assert_failed(&run(&shop, kind, step, &shop.payment_id(&unique())).await, "PaymentNotFound", &at);
        }
    });
    together(runs.collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_before_its_turn_is_caught_by_name() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let payment = shop.plant(shop.opened(&fresh()).await, Stage::Created(Created {})).await;
    let rows = KINDS.into_iter().flat_map(|kind| LATER_STEPS.map(|step| (kind, step)));
    let runs = rows.map(|(kind, step)| {
        let (shop, id) = (shop.clone(), payment.payment_id.to_string());
        async move {
            assert_failed(&run(&shop, kind, step, &id).await, "StepOutOfTurn", &format!("{kind:?} {step}"));
        }
    });
    together(runs.collect()).await;
    forget(&shop.tables, &payment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_read_is_caught_as_store_unavailable_at_every_step() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let mut payment = shop.opened(&fresh()).await;
    payment.schema += 1;
    let payment = shop.plant(payment, Stage::Created(Created {})).await;
    let rows = KINDS.into_iter().flat_map(|kind| STEPS.map(|step| (kind, step)));
    let runs = rows.map(|(kind, step)| {
        let (shop, id) = (shop.clone(), payment.payment_id.to_string());
        async move {
            assert_left_to_sweep(&run(&shop, kind, step, &id).await, "StoreUnavailable", &format!("{kind:?} {step}"));
        }
    });
    together(runs.collect()).await;
    forget(&shop.tables, &payment).await;
}

/// A step with a payment, planted for it, that it cannot finish.
struct Broken {
    step: &'static str,
    name: &'static str,
    stage: MakeStage,
    card: String,
    harm: Harm,
}

/// What is wrong beside the payment's stage.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Harm {
    Nothing,
    NoCard,
    UnreadableHold,
    CountersOfAnotherKind,
}

fn broken() -> Vec<Broken> {
    let created: MakeStage = || Stage::Created(Created {});
    let authorized: MakeStage = || Stage::Authorized(Authorized { hold: hold() });
    let row = |step, name, stage, harm| Broken { step, name, stage, card: fresh(), harm };
    let mut down = row("Authorize", "GatewayUnavailable", created, Harm::Nothing);
    down.card = with_check_digit("400000990000050");
    vec![
        down,
        row("Authorize", "VaultUnavailable", created, Harm::NoCard),
        row("Authorize", "GatewayOutcomeUnknown", authorizing, Harm::UnreadableHold),
        row("Execute", "GatewayOutcomeUnknown", capturing, Harm::UnreadableHold),
        row("Void", "GatewayOutcomeUnknown", voiding, Harm::UnreadableHold),
        row("Refund", "GatewayOutcomeUnknown", refunding, Harm::UnreadableHold),
        row("FraudCheck", "CountersUnavailable", authorized, Harm::CountersOfAnotherKind),
    ]
}

async fn do_harm(shop: &Shop, payment: &Payment, harm: Harm) {
    match harm {
        Harm::Nothing => {}
        Harm::NoCard => shop.tables.delete("Vault", json!({ "token_id": payment.token_id })).await,
        Harm::UnreadableHold => {
            let hold_key = format!("{}:authorize:1", payment.payment_id);
            shop.tables.put("Acquirer", &json!({ "hold_key": hold_key, "version": "unreadable" })).await;
        }
        Harm::CountersOfAnotherKind => {
            let name = format!("velocity:{}:{}:{}", payment.owner.merchant_id, payment.owner.mode, payment.fingerprint);
            let client = redis::Client::open(format!("redis://{}", shop.stack.valkey().unwrap())).unwrap();
            let mut valkey = client.get_connection_manager().await.unwrap();
            let set = redis::cmd("SET").arg(&name).arg("no set").arg("EX").arg(600).exec_async(&mut valkey).await;
            set.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_step_depends_on_is_caught_by_name_when_it_fails() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let rows = KINDS.into_iter().flat_map(|kind| broken().into_iter().map(move |row| (kind, row)));
    let runs = rows.map(|(kind, row)| {
        let shop = shop.clone();
        async move {
            let payment = plant(&shop, shop.opened(&row.card).await, (row.stage)()).await;
            do_harm(&shop, &payment, row.harm).await;
            let outcome = run(&shop, kind, row.step, payment.payment_id.as_str()).await;
            assert_left_to_sweep(&outcome, row.name, &format!("{kind:?} {} {}", row.step, row.name));
            forget(&shop.tables, &payment).await;
        }
    });
    together(runs.collect()).await;
}

/// How many executions of the acquirer may run at once; `None` takes the limit away.
async fn limit_acquirer(shop: &Shop, limit: Option<u32>) {
    let function = shop.stack.function_name("simulated-acquirer");
    let path = format!("/2017-10-31/functions/{function}/concurrency");
    let (method, body) = match limit {
        Some(limit) => ("PUT", json!({ "ReservedConcurrentExecutions": limit }).to_string().into_bytes()),
        None => ("DELETE", Vec::new()),
    };
    Call { service: "lambda", method, path: &path, target: None, body }.send(&shop.stack.endpoint).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_takes_no_orders_is_caught_by_name() {
    let _alone = alone().await;
    let shop = Shop::open().await;
    limit_acquirer(&shop, Some(0)).await;
    let steps: [(&str, MakeStage); 3] = [("Execute", capturing), ("Void", voiding), ("Refund", refunding)];
    let rows = KINDS.into_iter().flat_map(|kind| steps.map(|(step, stage)| (kind, step, stage)));
    let runs = rows.map(|(kind, step, stage)| {
        let shop = shop.clone();
        async move {
            let payment = plant(&shop, shop.opened(&fresh()).await, stage()).await;
            let outcome = run(&shop, kind, step, payment.payment_id.as_str()).await;
            forget(&shop.tables, &payment).await;
            assert_left_to_sweep(&outcome, "GatewayUnavailable", &format!("{kind:?} {step}"));
        }
    });
    let ended = tokio::spawn(together(runs.collect())).await;
    limit_acquirer(&shop, None).await;
    ended.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_of_a_merchant_that_is_gone_is_caught_as_settlement_impossible() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let mut payment = shop.opened(&fresh()).await;
    payment.owner.merchant_id = format!("mer_gone{}", unique()).parse().unwrap();
    let payment = plant(&shop, payment, captured()).await;
    for kind in KINDS {
        let outcome = run(&shop, kind, "Settle", payment.payment_id.as_str()).await;
        assert_failed(&outcome, "SettlementImpossible", &format!("{kind:?}"));
    }
    forget(&shop.tables, &payment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_capture_is_caught_and_the_hold_is_let_go() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    for kind in KINDS {
        let card = with_check_digit("400000990000060");
        let payment = shop.plant(shop.opened(&card).await, Stage::Created(Created {})).await;
        let id = payment.payment_id.as_str();
        let machine = Machine::make(&shop, kind, None).await;
        let outcome = machine.run(id).await;
        machine.delete().await;
        assert!(outcome.succeeded, "{kind:?}: {:?}", outcome.error);
        assert_eq!(outcome.output, json!({ "stage": "failed" }), "{kind:?}");
        assert_entered(&outcome, "Void", &format!("{kind:?}"));
        let stage = shop.tables.payment(id).await.unwrap()["stage"].clone();
        assert_eq!((&stage["name"], &stage["reason"]), (&json!("failed"), &json!("capture_refused")), "{kind:?}");
        let entry = shop.tables.hold(id).await.unwrap();
        assert_eq!((&entry["voided"], &entry["captured"]), (&json!(true), &json!(0)), "{kind:?}");
    }
}

/// A capture whose answers were lost until its undo was begun: the acquirer has taken the money.
async fn captured_while_voiding(shop: &Shop) -> String {
    let token = shop.create_token(&fresh()).await;
    let key = unique();
    let body = json!({ "amount": 1999, "currency": "EUR", "token": token, "capture_method": "manual" });
    let answer = shop.pay(&body, &key).await;
    assert_eq!(answer.body["status"], "requires_capture", "{}", answer.text);
    let id = shop.payment_id(&key);
    let mut entry = shop.tables.hold(&id).await.unwrap();
    entry["captured"] = json!(1999);
    shop.tables.put("Acquirer", &entry).await;
    let item: Value = shop.tables.payment(&id).await.unwrap();
    let payment: Payment = serde_json::from_value(item).unwrap();
    let capture = OperationId::derive(&payment.payment_id, OperationKind::Capture, &unique().parse().unwrap());
    let wanted = Wanted::Capture { amount: None, last: true };
    let payment = payment.accept(capture, wanted, "0".repeat(32), crate::shop::now()).unwrap();
    let Stage::Capturing(intent) = payment.stage.clone() else { panic!("the capture is not accepted") };
    let undo = payment.void(intent.0, VoidReason::Unresolved);
    shop.plant(payment, undo).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_void_after_a_capture_is_caught_and_the_payment_is_settled() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    for kind in KINDS {
        let id = captured_while_voiding(&shop).await;
        let outcome = run(&shop, kind, "Void", &id).await;
        assert!(outcome.succeeded, "{kind:?}: {:?}", outcome.error);
        assert_eq!(outcome.output, json!({ "stage": "succeeded" }), "{kind:?}");
        assert_entered(&outcome, "Settle", &format!("{kind:?}"));
    }
}
