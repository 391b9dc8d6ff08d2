//! Outcomes that nobody knows: how many there are and how old is told to operators, as CloudWatch reads it.

use crate::machine::run;
use crate::world::{Fault, World};
use payments::id::OperationId;
use payments::payment::{CaptureMethod, Status};
use serde_json::{Value, json};
use task::metric::line;

async fn sweep(world: &World) -> sweep::Response {
    sweep::handle(world, world, world, Value::Null).await.unwrap()
}

#[tokio::test]
async fn a_sweep_counts_unknown_outcomes_and_says_how_old_they_are() {
    let world = World::new();
    let down = world.open("down", "4000009900000509", 1999, CaptureMethod::Automatic);
    run(&world, &down, &OperationId::pay()).await;
    // It is not known what became of its hold; a payment that was never begun is no unknown outcome.
    world.open("new", "4242424242424242", 1999, CaptureMethod::Automatic);
    assert_eq!(sweep(&world).await.unknown, 0, "nothing is due yet");
    world.now.set(world.now.get() + 95_000);
    let first = sweep(&world).await;
    assert_eq!((first.resumed, first.unknown, first.oldest_unknown_seconds), (2, 1, 95));
    // A sweep that runs at once finds nobody due.
    assert_eq!(sweep(&world).await, sweep::Response::default());
    let due = world.payment(&down).due_at.unwrap().as_millis();
    world.now.set(due);
    let second = sweep(&world).await;
    assert_eq!((second.unknown, second.oldest_unknown_seconds), (1, (due - 1_795_000_000_000) / 1000));
    // Known in the end, and not counted any more.
    for _ in 0..40 {
        let Some(due) = world.payment(&down).due_at else { break };
        world.now.set(due.as_millis());
        sweep(&world).await;
        for (id, operation) in world.started.take() {
            run(&world, &id, &operation).await;
        }
    }
    assert_eq!(world.payment(&down).status(), Status::Failed);
    world.now.set(world.now.get() + 7_200_000);
    assert_eq!(sweep(&world).await.unknown, 0);
}

#[tokio::test]
async fn a_takeover_that_was_not_saved_counts_nothing() {
    let world = World::new();
    let down = world.open("down", "4000009900000509", 1999, CaptureMethod::Automatic);
    run(&world, &down, &OperationId::pay()).await;
    world.now.set(world.now.get() + 95_000);
    // The list, the payment, then the save.
    world.fault.set(Some((world.calls.get() + 2, 1, Fault::Before)));
    let broken = sweep::handle(&world, &world, &world, Value::Null).await;
    assert!(broken.is_err());
    assert_eq!(sweep(&world).await.unknown, 1);
}

#[test]
fn a_metric_s_line_is_as_cloudwatch_reads_it() {
    let response = sweep::Response { unknown: 2, oldest_unknown_seconds: 630, ..sweep::Response::default() };
    let expected = json!({
        "_aws": {
            "Timestamp": 1_795_000_000_000_u64,
            "CloudWatchMetrics": [{
                "Namespace": "Florin",
                "Dimensions": [["FunctionName"]],
                "Metrics": [
                    { "Name": "UnknownOutcomes", "Unit": "Count" },
                    { "Name": "UnknownOutcomeAge", "Unit": "Seconds" },
                ],
            }],
        },
        "FunctionName": "florin-sweep", "UnknownOutcomes": 2, "UnknownOutcomeAge": 630,
    });
    assert_eq!(line(&response.metrics(), "florin-sweep", 1_795_000_000_000), expected);
}

#[tokio::test]
async fn a_payment_that_cannot_be_read_does_not_stand_in_the_way_of_others() {
    let world = World::new();
    for name in ["one", "two", "three"] {
        world.open(name, "4242424242424242", 1999, CaptureMethod::Automatic);
    }
    world.now.set(world.now.get() + 95_000);
    // The list, then the first of them.
    world.fault.set(Some((world.calls.get() + 1, 1, Fault::Before)));
    assert!(sweep::handle(&world, &world, &world, Value::Null).await.is_err(), "it is told");
    assert_eq!(world.started.borrow().len(), 2, "the others are on their way");
    world.started.take();
    assert_eq!(sweep(&world).await.resumed, 1);
}
