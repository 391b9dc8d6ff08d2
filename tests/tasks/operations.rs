//! Capture, cancel, refund and review through the API's handler: replays, kills at every point, isolation, lists.

use crate::machine::{Answer, Call, call, rests, sweep_until_it_rests};
use crate::states::at;
use crate::world::World;
use payments::gateway::Capabilities;
use payments::id::PaymentId;
use payments::stage::StageName;
use serde_json::{Value, json};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// What a client posts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Posted {
    Capture(Option<u64>, bool),
    Cancel,
    Confirm,
    Refund(Option<u64>),
    Review(&'static str),
}

impl Posted {
    pub fn resource(self) -> &'static str {
        match self {
            Self::Capture(..) => "/v1/payments/{payment_id}/capture",
            Self::Cancel => "/v1/payments/{payment_id}/cancel",
            Self::Confirm => "/v1/payments/{payment_id}/confirm",
            Self::Refund(_) => "/v1/payments/{payment_id}/refunds",
            Self::Review(_) => "/v1/payments/{payment_id}/review",
        }
    }

    pub fn body(self) -> Value {
        match self {
            Self::Capture(None, last) => json!({ "final_capture": last }),
            Self::Capture(Some(amount), last) => json!({ "amount": amount, "final_capture": last }),
            Self::Cancel | Self::Confirm | Self::Refund(None) => json!({}),
            Self::Refund(Some(amount)) => json!({ "amount": amount }),
            Self::Review(decision) => json!({ "decision": decision }),
        }
    }

    pub fn call<'a>(self, id: &'a PaymentId, key: &'a str) -> Call<'a> {
        let (resource, body) = (self.resource(), self.body());
        Call { method: "POST", resource, payment: Some(id), key: Some(key), body, ..Call::default() }
    }
}

pub async fn post(world: &World, id: &PaymentId, posted: Posted, key: &str) -> Answer {
    call(world, &posted.call(id, key)).await
}

/// The payment's own account of its money is what the acquirer really did (design: invariants 2, 3 and 5).
pub fn check_account(world: &World, id: &PaymentId, context: &str) {
    let payment = world.payment(id);
    let (captured, refunded) = (payment.captured().minor(), payment.refunded().minor());
    assert!(captured <= payment.amount.minor() && refunded <= captured, "{context}");
    let Some(hold) = world.hold(id) else {
        assert_eq!((captured, refunded), (0, 0), "{context}: nobody was asked");
        return;
    };
    assert_eq!((hold.captured, hold.refunded), (captured, refunded), "{context}: {payment:?}\n{hold:?}");
    assert!(!(hold.voided && hold.captured > 0), "{context}: both voided and captured");
    let waits = matches!(StageName::from(&payment.stage), StageName::RequiresCapture | StageName::InReview);
    let held = if waits { payment.amount.minor() - captured } else { 0 };
    assert_eq!(hold.held(), held, "{context}: held at {:?}", payment.stage);
    let versions = world.versions.borrow();
    let versions: Vec<u32> = versions.iter().filter(|p| p.payment_id == *id).map(|p| p.version).collect();
    assert_eq!(versions, (1..=payment.version).collect::<Vec<_>>(), "{context}: each version once");
    let due = waits || StageName::from(&payment.stage) == StageName::Authenticating;
    assert_eq!(payment.due_at.is_some(), !rests(world, id) || due, "{context}");
    assert!(payment.operations.iter().all(|operation| operation.end.is_some()) || !rests(world, id), "{context}");
}

/// Each operation where it is possible.
const CASES: [(StageName, Posted); 11] = [
    (StageName::Authenticating, Posted::Confirm),
    (StageName::Authenticating, Posted::Cancel),
    (StageName::RequiresCapture, Posted::Capture(None, true)),
    (StageName::RequiresCapture, Posted::Capture(Some(500), true)),
    (StageName::RequiresCapture, Posted::Capture(Some(500), false)),
    (StageName::RequiresCapture, Posted::Cancel),
    (StageName::InReview, Posted::Review("approve")),
    (StageName::InReview, Posted::Review("decline")),
    (StageName::InReview, Posted::Cancel),
    (StageName::Succeeded, Posted::Refund(None)),
    (StageName::Succeeded, Posted::Refund(Some(500))),
];

#[tokio::test]
async fn the_same_call_twice_has_one_effect_and_the_same_bytes_and_writes_nothing() {
    for (stage, posted) in CASES {
        let (world, id) = at(stage).await;
        let first = post(&world, &id, posted, "k").await;
        assert!(matches!(first.status, 200 | 201), "{posted:?}: {}", first.body);
        let (payment, hold, writes) = (world.payment(&id), world.hold(&id), world.writes.get());
        let again = post(&world, &id, posted, "k").await;
        assert_eq!(again, Answer { replayed: true, ..first.clone() }, "{posted:?}");
        assert_eq!((world.payment(&id), world.hold(&id), world.writes.get()), (payment, hold, writes), "{posted:?}");
    }
}

#[tokio::test]
async fn what_was_answered_once_is_answered_for_ever() {
    let (world, id) = at(StageName::RequiresCapture).await;
    let token = world.payment(&id).token_id;
    let create = || Call {
        method: "POST",
        resource: "/v1/payments",
        key: Some("born"),
        body: json!({ "amount": 1999, "currency": "EUR", "token": token, "capture_method": "manual" }),
        ..Call::default()
    };
    let mut answers = vec![(call(&world, &create()).await, None)];
    let born: PaymentId = serde_json::from_value(answers[0].0.json()["id"].clone()).unwrap();
    let steps = [
        (Posted::Capture(Some(500), false), "a"),
        (Posted::Capture(Some(700), true), "b"),
        (Posted::Refund(Some(600)), "c"),
        (Posted::Refund(None), "d"),
    ];
    for (posted, key) in steps {
        world.now.set(world.now.get() + 1000);
        answers.push((post(&world, &born, posted, key).await, Some((posted, key))));
        for (first, asked) in &answers {
            let again = match asked {
                None => call(&world, &create()).await,
                Some((posted, key)) => post(&world, &born, *posted, key).await,
            };
            assert_eq!(again, Answer { replayed: true, ..first.clone() }, "{asked:?} after {posted:?}");
        }
    }
    let statuses: Vec<u16> = answers.iter().map(|(answer, _)| answer.status).collect();
    assert_eq!(statuses, [201, 200, 200, 201, 201]);
    check_account(&world, &born, "a life");
}

#[tokio::test]
async fn a_used_key_with_another_body_is_refused_and_changes_nothing() {
    let (world, id) = at(StageName::Succeeded).await;
    assert_eq!(post(&world, &id, Posted::Refund(Some(500)), "k").await.status, 201);
    let before = (world.payment(&id), world.hold(&id));
    let other = post(&world, &id, Posted::Refund(Some(501)), "k").await;
    assert_eq!((other.status, other.problem().as_str()), (422, "idempotency-key-reused"));
    let missing = call(&world, &Call { key: None, ..Posted::Refund(None).call(&id, "k") }).await;
    assert_eq!((missing.status, missing.problem().as_str()), (400, "idempotency-key-missing"));
    assert_eq!((world.payment(&id), world.hold(&id)), before);
}

/// Polls the task until it has been left `turns` times, then drops it as a killed process would be. Answers whether it
/// ended before.
pub fn kill_after<T>(task: impl Future<Output = T>, turns: u32) -> Option<T> {
    let mut task = pin!(task);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..=turns {
        if let Poll::Ready(answer) = task.as_mut().poll(&mut context) {
            return Some(answer);
        }
    }
    None
}

#[tokio::test]
async fn killed_at_any_point_and_called_again_an_operation_has_one_effect() {
    for (stage, posted) in CASES {
        let mut points = 0;
        for turns in 0.. {
            let (world, id) = at(stage).await;
            let before = world.hold(&id).unwrap().effects.len();
            world.turns.set(true);
            let ended = kill_after(post(&world, &id, posted, "k"), turns).is_some();
            world.turns.set(false);
            let context = format!("{posted:?} killed at {turns}");
            let soon = post(&world, &id, posted, "k").await;
            if soon.status == 409 {
                assert_eq!((soon.problem().as_str(), soon.retry_after), ("request-in-progress", Some(1)), "{context}");
            }
            world.now.set(world.now.get() + 5_000);
            let answer = post(&world, &id, posted, "k").await;
            assert!(matches!(answer.status, 200 | 201), "{context}: {}", answer.body);
            check_account(&world, &id, &context);
            assert_eq!(post(&world, &id, posted, "k").await, Answer { replayed: true, ..answer }, "{context}");
            let hold = world.hold(&id).unwrap();
            assert_eq!(hold.effects.len(), before + 1, "{context}: {hold:?}");
            if ended {
                break;
            }
            points += 1;
        }
        assert!(points >= 8, "{posted:?}: {points} points prove little");
    }
}

#[tokio::test]
async fn killed_at_any_point_and_never_called_again_an_operation_is_ended_by_sweep() {
    for (stage, posted) in CASES {
        for turns in 0.. {
            let (world, id) = at(stage).await;
            let before = world.payment(&id).version;
            world.turns.set(true);
            let ended = kill_after(post(&world, &id, posted, "k"), turns).is_some();
            world.turns.set(false);
            sweep_until_it_rests(&world, &id).await;
            let context = format!("{posted:?} killed at {turns}");
            check_account(&world, &id, &context);
            if world.payment(&id).version > before {
                let answer = post(&world, &id, posted, "k").await;
                assert!(answer.replayed && matches!(answer.status, 200 | 201), "{context}: {}", answer.body);
            }
            if ended {
                break;
            }
        }
    }
}

#[tokio::test]
async fn amounts_beyond_what_is_left_are_refused_with_what_is_left() {
    let (world, id) = at(StageName::RequiresCapture).await;
    let check = |answer: Answer, kind: &str, left: &str| {
        assert_eq!((answer.status, answer.problem().as_str()), (422, kind));
        assert_eq!(answer.json()["errors"][0]["field"], "amount");
        assert!(answer.body.contains(left), "{}", answer.body);
    };
    check(post(&world, &id, Posted::Capture(Some(2000), true), "a").await, "capture-exceeds-hold", "1 to 1999 ");
    assert_eq!(post(&world, &id, Posted::Capture(Some(1000), false), "b").await.status, 200);
    check(post(&world, &id, Posted::Capture(Some(1000), false), "c").await, "capture-exceeds-hold", "1 to 999 ");
    assert_eq!(post(&world, &id, Posted::Cancel, "d").await.status, 200);
    check(post(&world, &id, Posted::Refund(Some(1001)), "e").await, "refund-exceeds-captured", "1 to 1000 ");
    assert_eq!(post(&world, &id, Posted::Refund(None), "f").await.status, 201);
    check(post(&world, &id, Posted::Refund(Some(1)), "g").await, "refund-exceeds-captured", "1 to 0 ");
    check_account(&world, &id, "all given back");
}

#[tokio::test]
async fn what_the_gateway_cannot_do_to_a_hold_is_refused_before_it_is_asked() {
    let world = World::new();
    world.runs.set(true);
    let can = gateways::simulated::CAPABILITIES;
    world.can.set(Some(Capabilities { several_captures: false, partial_refund: false, ..can }));
    let id = world.open("p", "4242424242424242", 1999, payments::payment::CaptureMethod::Manual);
    crate::machine::run(&world, &id, &payments::id::OperationId::pay()).await;
    let check = |answer: Answer, field: &str, detail: &str| {
        assert_eq!((answer.status, answer.problem().as_str()), (422, "not-supported-by-gateway"));
        let error = &answer.json()["errors"][0];
        assert_eq!((error["field"].as_str().unwrap(), error["detail"].as_str().unwrap()), (field, detail));
    };
    let (payment, hold) = (world.payment(&id), world.hold(&id));
    let part = "expected true: simulated captures a hold once, and lets the rest go with it";
    check(post(&world, &id, Posted::Capture(Some(500), false), "a").await, "final_capture", part);
    assert_eq!((world.payment(&id), world.hold(&id)), (payment, hold));
    assert_eq!(post(&world, &id, Posted::Capture(Some(500), true), "b").await.status, 200);
    let whole = "expected 500 minor units, all of what was captured: simulated refunds no part of it";
    check(post(&world, &id, Posted::Refund(Some(499)), "c").await, "amount", whole);
    assert_eq!(post(&world, &id, Posted::Refund(Some(500)), "d").await.status, 201);
    check_account(&world, &id, "a gateway of few words");
}

#[tokio::test]
async fn a_refund_that_the_gateway_refuses_has_failed_and_another_may_be_tried() {
    let world = World::new();
    world.runs.set(true);
    let id = world.open("p", "4000009900000707", 1999, payments::payment::CaptureMethod::Automatic);
    crate::machine::bring_to_rest(&world, &id).await;
    for key in ["a", "b"] {
        let answer = post(&world, &id, Posted::Refund(None), key).await;
        assert_eq!((answer.status, &answer.json()["status"]), (201, &json!("failed")), "{}", answer.body);
    }
    assert_eq!(StageName::from(&world.payment(&id).stage), StageName::Succeeded);
    check_account(&world, &id, "refused");
}

#[tokio::test]
async fn lost_answers_to_operations_are_asked_for_and_not_paid_twice() {
    let world = World::new();
    world.runs.set(true);
    let id = world.open("p", "4000009900000103", 1999, payments::payment::CaptureMethod::Manual);
    crate::machine::bring_to_rest(&world, &id).await;
    assert_eq!(post(&world, &id, Posted::Capture(Some(500), false), "a").await.status, 200);
    assert_eq!(post(&world, &id, Posted::Cancel, "b").await.status, 200);
    assert_eq!(post(&world, &id, Posted::Refund(Some(200)), "c").await.status, 201);
    check_account(&world, &id, "lost answers");
}

#[tokio::test]
async fn another_merchant_and_the_other_mode_find_nothing() {
    for (merchant, mode) in [("mer_other", "test"), ("mer_test", "live")] {
        for (stage, posted) in CASES {
            let (world, id) = at(stage).await;
            let before = (world.payment(&id), world.hold(&id));
            let foreign = call(&world, &Call { merchant, mode, ..posted.call(&id, "k") }).await;
            assert_eq!((foreign.status, foreign.problem().as_str()), (404, "not-found"), "{posted:?}");
            assert_eq!((world.payment(&id), world.hold(&id)), before);
        }
        let (world, id) = at(StageName::Succeeded).await;
        for resource in ["/v1/payments/{payment_id}", "/v1/payments/{payment_id}/events"] {
            let foreign = call(&world, &Call { resource, payment: Some(&id), merchant, mode, ..Call::default() }).await;
            assert_eq!(foreign.status, 404, "{resource}");
        }
        let list = call(&world, &Call { merchant, mode, ..Call::default() }).await;
        assert_eq!(list.json(), json!({ "data": [] }));
    }
}

#[tokio::test]
async fn a_client_that_does_not_wait_is_answered_at_once_and_the_same_again() {
    for (stage, posted) in CASES {
        let (world, id) = at(stage).await;
        let asked = |prefer| Call { prefer, ..posted.call(&id, "k") };
        let first = call(&world, &asked(Some("respond-async"))).await;
        if StageName::from(&world.payment(&id).stage).is_rest() {
            continue; // An approval of a manual capture is over at once; none of the cases is one.
        }
        assert_eq!((first.status, first.retry_after), (202, Some(1)), "{posted:?}");
        let again = call(&world, &asked(Some("respond-async"))).await;
        assert_eq!(again, Answer { replayed: true, ..first }, "{posted:?}");
        let waiting = call(&world, &asked(None)).await;
        assert_eq!((waiting.status, waiting.problem().as_str()), (409, "request-in-progress"), "{posted:?}");
        sweep_until_it_rests(&world, &id).await;
        let over = call(&world, &asked(Some("wait=3"))).await;
        assert!(over.replayed && matches!(over.status, 200 | 201), "{posted:?}: {}", over.body);
    }
}

#[tokio::test]
async fn events_tell_each_version_and_name_what_happened() {
    let (world, id) = at(StageName::RequiresCapture).await;
    post(&world, &id, Posted::Capture(Some(500), false), "a").await;
    post(&world, &id, Posted::Capture(Some(100), true), "b").await;
    post(&world, &id, Posted::Refund(Some(50)), "c").await;
    let resource = "/v1/payments/{payment_id}/events";
    let answer = call(&world, &Call { resource, payment: Some(&id), ..Call::default() }).await.json();
    let kinds: Vec<_> =
        answer["data"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    let published: Vec<String> =
        world.versions.borrow().iter().map(|version| payments::event::Event::of(version).kind.to_string()).collect();
    assert_eq!(kinds, published);
    let expected = "payment.processing payment.processing payment.authorized payment.requires_capture \
        payment.processing payment.processing payment.partially_captured \
        payment.processing payment.processing payment.succeeded refund.processing refund.succeeded";
    assert_eq!(kinds.join(" "), expected);
}

#[tokio::test]
async fn a_list_is_walked_by_its_cursor_and_narrowed_by_its_filters() {
    let world = World::new();
    world.runs.set(true);
    let mut ids = Vec::new();
    for number in 0..7 {
        world.now.set(world.now.get() + 1);
        let method = payments::payment::CaptureMethod::Manual;
        let id = world.open(&format!("n{number}"), "4242424242424242", 1999, method);
        ids.push(id);
    }
    ids.reverse();
    let list = async |query: Value| call(&world, &Call { query, ..Call::default() }).await;
    let (mut seen, mut cursor) = (Vec::new(), Value::Null);
    for _ in 0..4 {
        let mut query = json!({ "limit": "2" });
        if let Some(text) = cursor.as_str() {
            query["cursor"] = json!(text);
        }
        let page = list(query).await.json();
        seen.extend(page["data"].as_array().unwrap().iter().map(|payment| payment["id"].as_str().unwrap().to_owned()));
        cursor = page["next_cursor"].clone();
    }
    assert_eq!(cursor, Value::Null);
    assert_eq!(seen, ids.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(list(json!({ "status": "succeeded" })).await.json()["data"], json!([]));
    for (field, value) in [
        ("limit", "0"),
        ("limit", "101"),
        ("cursor", "pay_1.2.3"),
        ("status", "paid"),
        ("created_from", "yesterday"),
        ("page", "2"),
    ] {
        let answer = list(json!({ field: value })).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "invalid-request"), "{field}={value}");
        assert_eq!(answer.json()["errors"][0]["field"], field);
    }
}
