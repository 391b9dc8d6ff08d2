//! The workflow's steps, driven as the state machine drives them: with its retries, its catches, and `sweep` behind it.

use crate::machine::{bring_to_rest, once, retried, run};
use crate::world::{Fault, World};
use payments::gateway::Capabilities;
use payments::id::{OperationId, PaymentId};
use payments::payment::{CaptureMethod, Status};
use payments::stage::StageName;

/// The invariants that hold for a payment at rest (design: 2, 3, 5).
fn check_rest(world: &World, id: &PaymentId, context: &str) {
    let payment = world.payment(id);
    let hold = world.hold(id);
    let captured = hold.as_ref().map_or(0, |hold| hold.captured);
    let open = hold.as_ref().is_some_and(|hold| hold.approved && !hold.voided && hold.captured == 0);
    match payment.status() {
        Status::Succeeded => assert_eq!(captured, payment.amount.minor(), "{context}"),
        Status::RequiresCapture | Status::InReview => assert!(open && captured == 0, "{context}"),
        _ => assert!(!open && captured == 0, "{context}: {hold:?}"),
    }
    let orders = hold.iter().flat_map(|hold| hold.effects.keys()).filter(|key| key.contains(":capture:")).count();
    assert!(orders <= 1, "{context}: one capture is one key, however often it is sent");
    assert!(hold.is_none_or(|hold| !(hold.voided && hold.captured > 0)), "{context}");
    let versions: Vec<u32> =
        world.versions.borrow().iter().filter(|p| p.payment_id == *id).map(|p| p.version).collect();
    assert_eq!(versions, (1..=payment.version).collect::<Vec<_>>(), "{context}: each version once");
    assert_eq!(payment.due_at.is_some(), payment.due_shard.is_some(), "{context}");
    assert!(!world.codes.borrow().contains_key(&payment.token_id) || hold_never_asked(&payment.stage), "{context}");
}

fn hold_never_asked(stage: &payments::stage::Stage) -> bool {
    use payments::stage::{Failed, Stage};
    matches!(stage, Stage::Failed(Failed::Invalid { .. } | Failed::Unresolved(_)))
}

/// What each card comes to: name, number, amount, capture method, final status.
const CASES: [(&str, &str, u64, CaptureMethod, Status); 16] = [
    ("approved", "4242424242424242", 1999, CaptureMethod::Automatic, Status::Succeeded),
    ("manual", "4242424242424242", 1999, CaptureMethod::Manual, Status::RequiresCapture),
    ("reviewed", "4242424242424242", 50_000, CaptureMethod::Automatic, Status::InReview),
    ("risky", "4242424242424242", 90_000, CaptureMethod::Automatic, Status::Declined),
    ("too much", "4242424242424242", 1_000_001, CaptureMethod::Automatic, Status::Failed),
    ("declined", "4000000000000002", 1999, CaptureMethod::Automatic, Status::Declined),
    ("soft decline", "4000000000009995", 1999, CaptureMethod::Automatic, Status::Declined),
    ("declined at sight", "4000000000000127", 1999, CaptureMethod::Automatic, Status::Declined),
    ("to authenticate", "4000002500003155", 1999, CaptureMethod::Automatic, Status::Declined),
    ("online", "4000009900000905", 1999, CaptureMethod::Automatic, Status::RequiresAction),
    ("lost answers", "4000009900000103", 1999, CaptureMethod::Automatic, Status::Succeeded),
    ("late answer", "4000009900000202", 1999, CaptureMethod::Automatic, Status::Succeeded),
    ("outage", "4000009900000301", 1999, CaptureMethod::Automatic, Status::Succeeded),
    ("duplicate", "4000009900000400", 1999, CaptureMethod::Automatic, Status::Succeeded),
    ("down", "4000009900000509", 1999, CaptureMethod::Automatic, Status::Failed),
    ("capture refused", "4000009900000608", 1999, CaptureMethod::Automatic, Status::Failed),
];

/// A gateway that takes drafts and asks cardholders to authenticate, as Stripe does.
const DRAFTS: Capabilities = Capabilities { drafts: true, authentication: true, ..gateways::simulated::CAPABILITIES };

/// A gateway that names holds beforehand and cannot be asked afterwards, as an acquirer by ISO 8583.
const UNASKED: Capabilities = Capabilities { look_up: false, authentication: false, ..FORGETS };

/// A gateway whose drafts are names only.
const FORGETS: Capabilities =
    Capabilities { drafts: true, draft_forgets_card: true, ..gateways::simulated::CAPABILITIES };

fn opened(world: &World, case: usize) -> PaymentId {
    let (name, number, minor, method, _) = CASES[case];
    match name {
        "online" => world.open_online(name, number, minor, method),
        _ => world.open(&name.replace(' ', "-"), number, minor, method),
    }
}

#[tokio::test]
async fn each_case_comes_to_its_end() {
    for (case, (name, .., status)) in CASES.into_iter().enumerate() {
        let world = World::new();
        let id = opened(&world, case);
        bring_to_rest(&world, &id).await;
        assert_eq!(world.payment(&id).status(), status, "{name}");
        check_rest(&world, &id, name);
    }
}

#[tokio::test]
async fn every_step_twice_answers_the_same_and_writes_nothing_more() {
    for (case, (name, ..)) in CASES.into_iter().enumerate() {
        let world = World::new();
        let id = opened(&world, case);
        for step in ["Validate", "Authorize", "FraudCheck", "Execute", "Settle", "Void"] {
            let first = retried(&world, step, &id).await;
            let (payment, hold) = (world.payment(&id), world.hold(&id));
            let second = retried(&world, step, &id).await;
            assert_eq!(first, second, "{name}, {step}");
            assert_eq!(world.payment(&id), payment, "{name}, {step}");
            let effects = |hold: Option<simulated_acquirer::Entry>| hold.map(|hold| hold.effects);
            assert_eq!(effects(world.hold(&id)), effects(hold), "{name}, {step}");
        }
    }
}

#[tokio::test]
async fn where_nobody_can_be_asked_a_lost_hold_is_reversed() {
    for (case, (name, .., planned)) in CASES.into_iter().enumerate() {
        for (call, count, fault) in (0..20).flat_map(|call| [1, 30].map(|count| (call, count, Fault::After))) {
            let world = World::new();
            world.can.set(Some(UNASKED));
            world.fault.set(Some((call, count, fault)));
            let id = opened(&world, case);
            bring_to_rest(&world, &id).await;
            let context = format!("{name}, from call {call} on {count} fail {fault:?}");
            let planned = if name == "online" { Status::Declined } else { planned };
            let status = world.payment(&id).status();
            assert!(status == planned || status == Status::Failed, "{context}: {status:?}");
            check_rest(&world, &id, &context);
        }
    }
    // By the run that lost the answer, at once: nobody has to wait for a sweep.
    let world = World::new();
    world.can.set(Some(UNASKED));
    let id = world.open("lost", "4000009900000103", 1999, CaptureMethod::Automatic);
    retried(&world, "Validate", &id).await.unwrap();
    assert_eq!(retried(&world, "Authorize", &id).await, Ok(StageName::Voiding));
    retried(&world, "Void", &id).await.unwrap();
    assert_eq!(world.payment(&id).status(), Status::Failed);
    assert!(world.hold(&id).is_some_and(|hold| hold.approved && hold.voided));
}

#[tokio::test]
async fn a_failure_before_or_after_any_call_changes_nothing_in_the_end() {
    for (case, can) in (0..CASES.len()).flat_map(|case| [(case, None), (case, Some(DRAFTS))]) {
        let (name, .., status) = CASES[case];
        let calm = World::new();
        calm.can.set(can);
        let id = opened(&calm, case);
        bring_to_rest(&calm, &id).await;
        let calls = calm.calls.get();
        assert!(calls > 0, "{name}: a case without calls proves nothing");
        for call in 0..calls {
            for (count, fault) in [(1, Fault::Before), (1, Fault::After), (30, Fault::Before), (30, Fault::After)] {
                let world = World::new();
                world.can.set(can);
                world.fault.set(Some((call, count, fault)));
                let id = opened(&world, case);
                bring_to_rest(&world, &id).await;
                let context = format!("{name}, from call {call} on {count} fail {fault:?}, {can:?}");
                assert_eq!(world.payment(&id).status(), status, "{context}");
                check_rest(&world, &id, &context);
            }
        }
    }
}

#[tokio::test]
async fn a_card_whose_holder_would_have_to_authenticate_ends_declined_and_is_counted() {
    let cannot = Capabilities { authentication: false, ..gateways::simulated::CAPABILITIES };
    for can in [None, Some(cannot), Some(DRAFTS)] {
        let world = World::new();
        world.can.set(can);
        let id = world.open("p", "4000002500003155", 1999, CaptureMethod::Automatic);
        bring_to_rest(&world, &id).await;
        let stage = world.payment(&id).stage;
        let payments::stage::Stage::Declined(payments::stage::Declined::Issuer { code, .. }) = stage else {
            panic!("{stage:?}")
        };
        assert_eq!(code, payments::gateway::DeclineCode::AuthenticationRequired);
        assert_eq!(world.hold(&id).unwrap().voided, can != Some(cannot), "what waits at the gateway is undone");
        assert_eq!(world.counted.borrow().values().flatten().count(), 1, "a card tester's try counts");
    }
}

#[tokio::test]
async fn a_run_that_dies_at_any_call_is_taken_up_by_sweep() {
    for (case, (name, .., status)) in CASES.into_iter().enumerate() {
        for steps in 0..5 {
            let world = World::new();
            let id = opened(&world, case);
            for step in ["Validate", "Authorize", "FraudCheck", "Execute", "Settle"].into_iter().take(steps) {
                let _ = once(&world, step, &id).await;
            }
            bring_to_rest(&world, &id).await;
            assert_eq!(world.payment(&id).status(), status, "{name} after {steps} steps");
            check_rest(&world, &id, name);
        }
    }
}

#[tokio::test]
async fn a_capture_found_while_it_is_undone_is_settled_and_not_lost() {
    let world = World::new();
    let id = opened(&world, 0);
    for step in ["Validate", "Authorize", "FraudCheck"] {
        retried(&world, step, &id).await.unwrap();
    }
    // The capture takes effect, and neither its answer nor any look-up ever arrives.
    let order = |operation| world.payment(&id).gateway_key(operation, 1);
    let pay = OperationId::pay();
    let hold = payments::gateway::CaptureOrder {
        key: order(payments::gateway::GatewayOperation::Capture(&pay)),
        mode: world.payment(&id).owner.mode,
        hold_key: order(payments::gateway::GatewayOperation::Authorize),
        hold_reference: None,
        amount: world.payment(&id).amount,
        last: true,
    };
    payments::ports::Gateway::capture(&world, &hold).await.unwrap();
    while !matches!(world.payment(&id).stage, payments::stage::Stage::Voiding(_)) {
        world.now.set(world.payment(&id).due_at.unwrap().as_millis());
        sweep::handle(&world, &world, &world, serde_json::Value::Null).await.unwrap();
        world.started.take();
    }
    assert!(world.payment(&id).takeovers <= payments::payment::MAX_TAKEOVERS + 1);
    for _ in 0..2 {
        assert_eq!(retried(&world, "Void", &id).await, Err("AlreadyCaptured"));
    }
    retried(&world, "Settle", &id).await.unwrap();
    assert_eq!(world.payment(&id).status(), Status::Succeeded);
    check_rest(&world, &id, "found");
}

#[tokio::test]
async fn a_hold_that_nobody_captures_expires_and_is_let_go() {
    for case in [1, 2] {
        let world = World::new();
        let id = opened(&world, case);
        bring_to_rest(&world, &id).await;
        world.now.set(world.payment(&id).due_at.unwrap().as_millis());
        sweep::handle(&world, &world, &world, serde_json::Value::Null).await.unwrap();
        for (id, operation) in world.started.take() {
            run(&world, &id, &operation).await;
        }
        assert_eq!(world.payment(&id).status(), Status::Canceled);
        check_rest(&world, &id, "expired");
    }
}

#[tokio::test]
async fn the_card_s_sixth_payment_is_declined_and_a_repeat_is_not_counted() {
    let world = World::new();
    let mut statuses = Vec::new();
    for number in 0..7 {
        let id = world.open(&format!("velocity-{number}"), "4242424242424242", 100, CaptureMethod::Automatic);
        bring_to_rest(&world, &id).await;
        run(&world, &id, &OperationId::pay()).await;
        statuses.push(world.payment(&id).status());
    }
    let expected = [[Status::Succeeded; 5].as_slice(), [Status::Declined; 2].as_slice()].concat();
    assert_eq!(statuses, expected);
}

#[tokio::test]
async fn a_step_before_its_turn_is_refused_by_name() {
    let world = World::new();
    let id = opened(&world, 0);
    for step in ["FraudCheck", "Execute", "Settle", "Void"] {
        assert_eq!(retried(&world, step, &id).await, Err("StepOutOfTurn"), "{step}");
    }
    assert_eq!(world.payment(&id).version, 1);
}
