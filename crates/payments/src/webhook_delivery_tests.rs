//! The schedule of attempts, in virtual time.

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000).plus_seconds(seconds)
}

fn opened() -> Delivery {
    let notice = Notice {
        event_id: "pay_1:2".to_owned(),
        event_type: "payment.succeeded".to_owned(),
        occurred_at: at(-1),
        owner: Owner { merchant_id: "mer_a".parse().expect("a merchant"), mode: Mode::Test },
        body: "{}".to_owned(),
    };
    Delivery::open(&notice, &EndpointId::from_random([7; 16]), at(0))
}

/// Makes an attempt at its time.
fn attempted(delivery: &Delivery, outcome: Outcome, chance: u64) -> Delivery {
    let now = delivery.next_at;
    assert_eq!(delivery.turn(now), Turn::Now);
    match delivery.claim(now) {
        Claim::Attempt(claimed) => {
            assert_eq!(claimed.turn(now), Turn::Later, "a second worker waits");
            claimed.settle(outcome, now, chance)
        }
        Claim::GivenUp(delivery) => delivery,
    }
}

#[test]
fn failures_are_tried_again_over_three_days_and_no_more_than_ten_times() {
    for (chance, hours) in [(0, 75), (u64::MAX, 90)] {
        let mut delivery = opened();
        let mut times = Vec::new();
        while delivery.state == DeliveryState::Pending {
            times.push(delivery.next_at);
            delivery = attempted(&delivery, Ok(500), if chance == 0 { 0 } else { largest(delivery.tries) });
        }
        assert_eq!(times.len(), MAX_ATTEMPTS);
        assert_eq!(
            (delivery.given_up, delivery.due_at, delivery.due_shard),
            (Some(GivenUp::AttemptsUsedUp), None, None)
        );
        let last = times.last().expect("ten").as_millis() - at(0).as_millis();
        assert_eq!(last / 3_600_000, hours, "hours until the last attempt");
    }
}

/// The chance that makes the wait after that many tries the longest.
fn largest(tries: usize) -> u64 {
    WAITS.get(tries).map_or(0, |wait| u64::try_from(wait / 5).expect("positive"))
}

#[test]
fn each_wait_is_the_schedules_and_at_most_a_fifth_more() {
    let mut delivery = opened();
    for (place, wait) in WAITS.iter().enumerate() {
        let before = delivery.next_at;
        delivery = attempted(&delivery, Err(AttemptError::TimedOut), 0x9e37_79b9_7f4a_7c15 ^ (place as u64));
        let waited = (delivery.next_at.as_millis() - before.as_millis()) / 1000;
        assert!((*wait..=wait + wait / 5).contains(&waited), "{place}: {waited}");
        // The queue waits a quarter of an hour at most; beyond that the index does.
        let queued = delivery.queue_delay(before);
        assert_eq!(queued.is_some(), waited <= QUEUE_SECONDS);
        let late = if queued.is_some() { GRACE_SECONDS } else { 0 };
        assert_eq!(delivery.due_at, Some(delivery.next_at.plus_seconds(late)));
    }
}

#[test]
fn only_2xx_is_success() {
    for status in [200, 201, 204, 299] {
        assert_eq!(attempted(&opened(), Ok(status), 0).state, DeliveryState::Delivered, "{status}");
    }
    for status in [100, 199, 300, 301, 302, 307, 308, 400, 404, 410, 429, 500, 503] {
        assert_eq!(attempted(&opened(), Ok(status), 0).state, DeliveryState::Pending, "{status}");
    }
}

#[test]
fn an_attempt_whose_maker_was_stopped_counts() {
    let mut delivery = opened();
    let mut made = 0;
    while let Claim::Attempt(claimed) = delivery.claim(delivery.next_at) {
        delivery = claimed;
        made += 1;
    }
    assert_eq!(made, MAX_ATTEMPTS);
}

#[test]
fn a_redelivery_begins_a_round_and_old_attempts_are_forgotten_in_the_end() {
    let mut delivery = attempted(&opened(), Ok(200), 0);
    for _ in 0..100 {
        let before = delivery.version;
        delivery = delivery.again(delivery.next_at);
        assert_eq!((delivery.version, delivery.tries), (before + 1, 0));
        delivery = attempted(&delivery, Ok(200), 0);
    }
    assert_eq!(delivery.attempts.len(), KEPT_ATTEMPTS);
    let Claim::Attempt(under_way) = opened().claim(at(0)) else { panic!("a claim") };
    assert_eq!(under_way.again(at(1)), under_way, "an attempt under way goes on");
    let waiting = under_way.settle(Ok(500), at(1), 0);
    assert_eq!((waiting.again(at(2)).next_at, waiting.again(at(2)).tries), (at(2), 1), "the wait ends");
}

#[test]
fn a_resting_endpoints_delivery_waits_uncounted_and_not_for_ever() {
    let mut delivery = opened();
    let mut now = at(0);
    let mut rests = 0;
    while let Claim::Attempt(_) = delivery.claim(now) {
        delivery = delivery.defer(now.plus_seconds(60), now, rests);
        now = delivery.next_at;
        rests += 1;
        assert!(rests < 10_000, "for ever");
    }
    assert_eq!(delivery.tries, 0);
    assert!(now >= at(ROUND_SECONDS));
}

#[test]
fn ids_sort_by_the_events_time_and_tell_endpoints_apart() {
    let id =
        |endpoint: u8, event: &str, millis| DeliveryId::derive(&EndpointId::from_random([endpoint; 16]), event, millis);
    assert!(id(1, "z", 1_000) < id(1, "a", 1_001));
    assert_ne!(id(1, "a", 1), id(2, "a", 1));
    assert_eq!(id(1, "a", 1), id(1, "a", 1));
    assert_eq!(id(1, "a", -5).as_str().parse(), Ok(id(1, "a", -5)));
}
