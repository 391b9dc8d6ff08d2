//! Every operation in every stage: what comes of it, as `docs/states.md` shows it.

use crate::machine::{Call, call, once, rests, retried, run, sweep_until_it_rests};
use crate::operations::{Posted, check_account, post};
use crate::world::{Fault, World};
use payments::id::{OperationId, PaymentId};
use payments::payment::CaptureMethod;
use payments::stage::StageName;
use serde_json::{Value, json};
use std::fmt::Write;
use strum::IntoEnumIterator;

const APPROVED: &str = "4242424242424242";
/// Its holder authenticates within seconds.
const TO_AUTHENTICATE: &str = "4000002500003155";

/// A payment at that stage, with its hold at the acquirer.
pub async fn at(stage: StageName) -> (World, PaymentId) {
    let world = World::new();
    world.runs.set(true);
    let open = |number, minor, method| world.open("p", number, minor, method);
    let automatic = || open(APPROVED, 1999, CaptureMethod::Automatic);
    let pay = OperationId::pay();
    let id = match stage {
        StageName::Created => automatic(),
        StageName::Authorizing => {
            let id = open("4000009900000509", 1999, CaptureMethod::Automatic);
            run(&world, &id, &pay).await;
            id
        }
        StageName::Authenticating => {
            let id = world.open_online("p", TO_AUTHENTICATE, 1999, CaptureMethod::Automatic);
            run(&world, &id, &pay).await;
            world.now.set(world.now.get() + 5_000);
            id
        }
        StageName::Authorized | StageName::Capturing | StageName::Captured => {
            let id = automatic();
            let steps = ["Validate", "Authorize", "FraudCheck", "Execute"];
            let count = match stage {
                StageName::Authorized => 2,
                StageName::Capturing => 3,
                _ => 4,
            };
            for step in steps.into_iter().take(count) {
                retried(&world, step, &id).await.unwrap();
            }
            id
        }
        StageName::Voiding => {
            let id = open(APPROVED, 90_000, CaptureMethod::Automatic);
            for step in ["Validate", "Authorize", "FraudCheck"] {
                retried(&world, step, &id).await.unwrap();
            }
            id
        }
        StageName::RequiresCapture => {
            let id = open(APPROVED, 1999, CaptureMethod::Manual);
            run(&world, &id, &pay).await;
            id
        }
        StageName::InReview | StageName::Declined => {
            let minor = if stage == StageName::InReview { 50_000 } else { 90_000 };
            let id = open(APPROVED, minor, CaptureMethod::Automatic);
            run(&world, &id, &pay).await;
            id
        }
        StageName::Succeeded => {
            let id = automatic();
            run(&world, &id, &pay).await;
            id
        }
        StageName::Refunding => {
            let id = automatic();
            run(&world, &id, &pay).await;
            world.runs.set(false);
            assert_eq!(post(&world, &id, Posted::Refund(Some(500)), "earlier").await.status, 202);
            world.runs.set(true);
            id
        }
        StageName::Canceled => {
            let id = open(APPROVED, 1999, CaptureMethod::Manual);
            run(&world, &id, &pay).await;
            assert_eq!(post(&world, &id, Posted::Cancel, "earlier").await.status, 200);
            id
        }
        StageName::Failed => {
            let id = open("4000009900000608", 1999, CaptureMethod::Automatic);
            run(&world, &id, &pay).await;
            id
        }
    };
    world.started.take();
    assert_eq!(StageName::from(&world.payment(&id).stage), stage);
    (world, id)
}

const OPERATIONS: [(&str, Posted); 7] = [
    ("confirm", Posted::Confirm),
    ("capture", Posted::Capture(None, true)),
    ("capture a part", Posted::Capture(Some(500), false)),
    ("cancel", Posted::Cancel),
    ("refund", Posted::Refund(None)),
    ("review: approve", Posted::Review("approve")),
    ("review: decline", Posted::Review("decline")),
];

/// What comes of it: the stage where the payment rests, or the problem's type; a refused payment is as it was.
async fn cell(stage: StageName, posted: Posted) -> String {
    let (world, id) = at(stage).await;
    let (before, hold) = (world.payment(&id), world.hold(&id));
    let answer = post(&world, &id, posted, "now").await;
    if answer.status >= 400 {
        assert_eq!((world.payment(&id), world.hold(&id)), (before, hold), "{stage}: refused, and yet changed");
        assert_eq!(answer.retry_after.is_some(), answer.problem() == "operation-in-progress", "{stage}");
        return format!("{} {}", answer.status, answer.problem());
    }
    assert!(answer.status == 200 || answer.status == 201, "{stage}: {}", answer.body);
    assert!(rests(&world, &id));
    check_account(&world, &id, "cell");
    StageName::from(&world.payment(&id).stage).to_string()
}

#[tokio::test]
async fn the_table_of_stages_and_operations_is_what_happens() {
    let mut page = String::from(
        "# Stages and operations\n\nWhat comes of each operation in each stage: where the payment rests afterwards, or \
         the status and type of the\nproblem, with the payment as it was. Made by `tests/tasks/states.rs`, which runs \
         every cell; `UPDATE_EXPECT=1` writes it.\n\n| stage | status |",
    );
    for (name, _) in OPERATIONS {
        write!(page, " {name} |").unwrap();
    }
    page.push_str("\n|---|---|");
    page.push_str(&"---|".repeat(OPERATIONS.len()));
    page.push('\n');
    for stage in StageName::iter() {
        write!(page, "| {stage} | {} |", stage.status()).unwrap();
        for (_, posted) in OPERATIONS {
            write!(page, " {} |", cell(stage, posted).await).unwrap();
        }
        page.push('\n');
    }
    expect_test::expect_file!["../../docs/states.md"].assert_eq(&page);
}

#[tokio::test]
async fn every_stage_comes_to_rest_by_sweep_alone() {
    for stage in StageName::iter() {
        let (world, id) = at(stage).await;
        sweep_until_it_rests(&world, &id).await;
        check_account(&world, &id, &stage.to_string());
    }
}

#[tokio::test]
async fn nothing_is_held_after_a_last_capture_a_cancel_or_the_expiry() {
    let expire = Posted::Capture(Some(700), false);
    for posted in [Posted::Capture(Some(700), true), Posted::Cancel, expire] {
        let (world, id) = at(StageName::RequiresCapture).await;
        assert_eq!(post(&world, &id, Posted::Capture(Some(500), false), "first").await.status, 200);
        assert_eq!(world.hold(&id).unwrap().held(), 1499);
        assert_eq!(post(&world, &id, posted, "second").await.status, 200);
        if posted == expire {
            assert_eq!(world.hold(&id).unwrap().held(), 799);
            world.now.set(world.payment(&id).due_at.unwrap().as_millis());
            let late = post(&world, &id, Posted::Capture(None, true), "late").await;
            assert_eq!((late.status, late.problem().as_str()), (409, "hold-expired"));
            sweep::handle(&world, &world, &world, Value::Null).await.unwrap();
            for (id, operation) in world.started.take() {
                run(&world, &id, &operation).await;
            }
        }
        assert_eq!(world.hold(&id).unwrap().held(), 0, "{posted:?}");
        assert_eq!(StageName::from(&world.payment(&id).stage), StageName::Succeeded, "{posted:?}");
        check_account(&world, &id, "released");
    }
}

#[tokio::test]
async fn a_lost_capture_of_several_is_found_by_the_void_and_the_next_void_is_another_order() {
    let (world, id) = at(StageName::RequiresCapture).await;
    world.runs.set(false);
    assert_eq!(post(&world, &id, Posted::Capture(Some(500), false), "lost").await.status, 202);
    // It takes effect, and neither its answer nor any look-up ever arrives, until sweep gives up and voids.
    let turn = world.calls.get();
    world.fault.set(Some((turn, 2, Fault::Before)));
    let _ = once(&world, "Execute", &id).await;
    world.fault.set(None);
    let order = {
        let payment = world.payment(&id);
        let (capture, amount, last) = payment.open_capture().unwrap();
        payments::gateway::CaptureOrder {
            key: payment.gateway_key(payments::gateway::GatewayOperation::Capture(&capture.id), 1),
            mode: payment.owner.mode,
            hold_key: payment.gateway_key(payments::gateway::GatewayOperation::Authorize, 1),
            hold_reference: None,
            amount,
            last,
        }
    };
    payments::ports::Gateway::capture(&world, &order).await.unwrap();
    while StageName::from(&world.payment(&id).stage) != StageName::Voiding {
        world.now.set(world.payment(&id).due_at.unwrap().as_millis());
        sweep::handle(&world, &world, &world, Value::Null).await.unwrap();
        world.started.take();
    }
    run(&world, &id, &OperationId::reverse()).await;
    assert_eq!(
        StageName::from(&world.payment(&id).stage),
        StageName::RequiresCapture,
        "the found capture was not the last"
    );
    world.runs.set(true);
    assert_eq!(post(&world, &id, Posted::Cancel, "rest").await.status, 200);
    assert_eq!(world.hold(&id).unwrap().held(), 0);
    check_account(&world, &id, "found");
    let answer =
        call(&world, &Call { resource: "/v1/payments/{payment_id}", payment: Some(&id), ..Call::default() }).await;
    assert_eq!(answer.json()["amount_captured"], json!(500));
}
