//! Webhooks while calls fail: nothing is lost, and attempts stay bounded.

use crate::webhook_world::{Webhooks, event};
use crate::webhooks::{DAY, OTHER, URL, alice, id};
use crate::world::Fault;
use payments::webhook_delivery::{AttemptError, DeliveryState, MAX_ATTEMPTS};

#[tokio::test]
async fn a_failure_before_or_after_any_call_loses_nothing_and_ends() {
    // A server that fails once, so that there is a retry to break; another that is silent for a while.
    let run = async |fault: Option<(u32, u32, Fault)>| {
        let world = Webhooks::new();
        world.subscribe(&alice(), URL, &["*"]).await;
        world.subscribe(&alice(), OTHER, &["*"]).await;
        world.answers.borrow_mut().insert(URL.to_owned(), Ok(500));
        world.answers.borrow_mut().insert(OTHER.to_owned(), Err(AttemptError::TimedOut));
        world.calls.set(0);
        world.fault.set(fault);
        world.publish(&event(&alice(), "pay_1:2", "payment.succeeded"));
        world.run_until(400).await;
        world.answers.borrow_mut().clear();
        world.run_until(10 * DAY).await;
        world
    };
    let calls = run(None).await.calls.get();
    assert!(calls > 30, "{calls} calls");
    for fault in [Fault::Before, Fault::After] {
        for (from, count) in (0..calls).flat_map(|from| [1, 2, 5, 8].map(|count| (from, count))) {
            let world = run(Some((from, count, fault))).await;
            let what = format!("{fault:?} {from}+{count}");
            assert_eq!(world.states(), [DeliveryState::Delivered; 2], "{what}");
            for url in [URL, OTHER] {
                let posted = world.at(url);
                assert!((1..=MAX_ATTEMPTS).contains(&posted.len()), "{what}: {} attempts", posted.len());
                assert!(posted.iter().all(|one| id(one) == "pay_1:2"), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_store_that_takes_everything_and_answers_nothing_does_not_multiply_attempts() {
    for fault in [Fault::Before, Fault::After] {
        for from in 0..12 {
            let world = Webhooks::new();
            world.subscribe(&alice(), URL, &["*"]).await;
            world.answers.borrow_mut().insert(URL.to_owned(), Ok(500));
            world.calls.set(0);
            world.fault.set(Some((from, u32::MAX, fault)));
            world.publish(&event(&alice(), "pay_1:2", "payment.succeeded"));
            world.run_until(2 * DAY).await;
            world.fault.set(None);
            world.run_until(12 * DAY).await;
            assert!(world.at(URL).len() <= MAX_ATTEMPTS, "{fault:?} from {from}: {}", world.at(URL).len());
            assert!(!world.states().contains(&DeliveryState::Pending), "{fault:?} from {from}");
        }
    }
}

#[tokio::test]
async fn attempts_whose_outcome_is_lost_are_counted_all_the_same() {
    let world = Webhooks::new();
    world.subscribe(&alice(), URL, &["*"]).await;
    world.refuse_outcomes.set(true);
    world.publish(&event(&alice(), "pay_1:2", "payment.succeeded"));
    world.run_until(2 * DAY).await;
    assert_eq!(world.at(URL).len(), MAX_ATTEMPTS);
    world.refuse_outcomes.set(false);
    world.run_until(3 * DAY).await;
    assert_eq!((world.at(URL).len(), world.states()), (MAX_ATTEMPTS, vec![DeliveryState::Failed]));
}
