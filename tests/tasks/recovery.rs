//! Ten thousand payments in virtual time over two gateways, while one of them goes down, gets slow, and comes back.

use crate::pair::{APPROVED, Condition, check_truth, run, sweep, two};
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use payments::id::{OperationId, PaymentId};
use payments::payment::{CaptureMethod, Status};
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

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
