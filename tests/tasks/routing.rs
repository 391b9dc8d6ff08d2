//! Two gateways behind the real steps: who is asked, who is asked next, and what is never done twice.

use crate::machine::once_over;
use crate::pair::{
    APPROVED, Condition, DRAFT_NOT_TAKEN, NOT_TAKEN, Two, bring_to_rest, check_truth, in_order, run, two,
};
use crate::world::{Fault, World};
use explain_route::Verdict;
use payments::breaker::Call;
use payments::failure::Failure;
use payments::gateway::*;
use payments::id::{Mode, OperationId, PaymentId};
use payments::payment::{CaptureMethod, Payment, Status};
use payments::ports::{Clock, Gateway};
use payments::routing::RouteOutcome;
use payments::stage::{Stage, StageName};
use payments::step::StepRequest;
use serde_json::json;
use std::pin::Pin;
use std::task::Waker;

const NOT_NOW: &str = "4000000000000119";
const NO_MONEY: &str = "4000000000009995";
const NEVER: &str = "4000000000000002";
const AUTHENTICATE: &str = "4000002500003155";

fn outcomes(payment: &Payment) -> Vec<(String, RouteOutcome)> {
    let routed = payment.routed.clone().unwrap();
    assert_eq!(routed.rule.as_deref(), Some("both"));
    routed.steps.into_iter().map(|step| (step.gateway.0, step.outcome)).collect()
}

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
