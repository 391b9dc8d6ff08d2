//! Two operations at once on one payment, in many orders: one wins, the other is told so, and the acquirer did what the
//! payment says.

use crate::machine::{Answer, Call, call, run, sweep_until_it_rests};
use crate::operations::{Posted, check_account, post};
use crate::states::at;
use crate::world::World;
use payments::id::PaymentId;
use payments::stage::StageName;
use serde_json::Value;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Orders tried of each pair.
const ORDERS: u64 = 1000;
/// Callers with one key.
const CALLERS: usize = 1000;
/// Turns after which two tasks have to be over.
const MAX_TURNS: u32 = 10_000;

/// What may happen to a payment from outside.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Happening {
    Posted(Posted, &'static str),
    Expiry,
    /// The gateway told that something happened.
    Heard,
}

type Running<'a> = Pin<Box<dyn Future<Output = Option<Answer>> + 'a>>;

fn start<'a>(world: &'a World, id: &'a PaymentId, happening: Happening) -> Running<'a> {
    match happening {
        Happening::Posted(posted, key) => Box::pin(async move { Some(post(world, id, posted, key).await) }),
        Happening::Heard => Box::pin(async move {
            crate::cardholder::hear(world, id).await;
            for (id, operation) in world.started.take() {
                run(world, &id, &operation).await;
            }
            None
        }),
        Happening::Expiry => Box::pin(async move {
            world.now.set(world.payment(id).due_at.map_or(0, |due| due.as_millis()).max(world.now.get()));
            sweep::handle(world, world, world, Value::Null).await.unwrap();
            for (id, operation) in world.started.take() {
                run(world, &id, &operation).await;
            }
            None
        }),
    }
}

/// A generator of numbers that anyone can repeat (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Polls both in the order of the seed until both are over.
fn interleave(mut tasks: [Running<'_>; 2], seed: u64) -> [Option<Answer>; 2] {
    let mut numbers = Numbers(seed);
    let mut answers = [None, None];
    let mut over = [false, false];
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..MAX_TURNS {
        let turn = usize::from(numbers.next() % 2 == 1);
        let turn = if over[turn] { 1 - turn } else { turn };
        if let Poll::Ready(answer) = tasks[turn].as_mut().poll(&mut context) {
            answers[turn] = answer;
            over[turn] = true;
        }
        if over == [true, true] {
            return answers;
        }
    }
    panic!("two tasks did not end in {MAX_TURNS} turns")
}

#[tokio::test]
async fn a_thousand_callers_with_one_key_make_one_payment_and_one_charge() {
    let world = World::new();
    world.runs.set(true);
    let token = {
        let id = world.open("card", "4242424242424242", 1, payments::payment::CaptureMethod::Automatic);
        world.payment(&id).token_id
    };
    world.turns.set(true);
    let create = || Call {
        method: "POST",
        resource: "/v1/payments",
        key: Some("order"),
        body: serde_json::json!({ "amount": 1999, "currency": "EUR", "token": token }),
        ..Call::default()
    };
    let caller = async || call(&world, &create()).await;
    let mut callers: Vec<Option<Running<'_>>> =
        (0..CALLERS).map(|_| Some(Box::pin(async { Some(caller().await) }) as Running<'_>)).collect();
    let (mut numbers, mut answers) = (Numbers(7), Vec::new());
    let mut context = Context::from_waker(Waker::noop());
    while answers.len() < CALLERS {
        let place = usize::try_from(numbers.next() % CALLERS as u64).unwrap();
        let Some(running) = &mut callers[place] else { continue };
        if let Poll::Ready(answer) = running.as_mut().poll(&mut context) {
            answers.extend(answer);
            callers[place] = None;
        }
    }
    world.turns.set(false);
    let bytes = call(&world, &create()).await.body;
    for answer in &answers {
        match answer.status {
            201 => assert_eq!(answer.body, bytes),
            _ => assert_eq!((answer.problem().as_str(), answer.retry_after), ("request-in-progress", Some(1))),
        }
    }
    let id: PaymentId = serde_json::from_value(serde_json::from_str::<Value>(&bytes).unwrap()["id"].clone()).unwrap();
    let hold = world.hold(&id).unwrap();
    assert_eq!((hold.captured, hold.effects.len(), hold.requests), (1999, 2, 1));
    assert_eq!(world.payments.borrow().len(), 2, "the card's and the one that a thousand made");
    assert!(answers.iter().any(|answer| answer.status == 409), "they met");
}

#[tokio::test]
async fn of_many_who_find_a_payment_abandoned_one_carries_it_on() {
    let world = World::new();
    let token = {
        let id = world.open("card", "4242424242424242", 1, payments::payment::CaptureMethod::Automatic);
        world.payment(&id).token_id
    };
    let create = Call {
        method: "POST",
        resource: "/v1/payments",
        key: Some("order"),
        body: serde_json::json!({ "amount": 1999, "currency": "EUR", "token": token }),
        ..Call::default()
    };
    // Its run breaks off at once.
    call(&world, &create).await;
    for (seconds, retry_after) in [(4, 4), (2, 6), (4, 10), (2, 12), (40, 30)] {
        world.now.set(world.now.get() + seconds * 1000);
        world.started.borrow_mut().clear();
        for _ in 0..3 {
            let answer = call(&world, &create).await;
            assert_eq!((answer.problem().as_str(), answer.retry_after), ("request-in-progress", Some(retry_after)));
        }
        assert_eq!(world.started.borrow().len(), usize::from(seconds != 4), "after {seconds} s more");
    }
}

/// What may happen in a stage, each with its own key.
fn happenings(stage: StageName) -> Vec<Happening> {
    match stage {
        StageName::RequiresCapture => vec![
            Happening::Posted(Posted::Capture(None, true), "whole"),
            Happening::Posted(Posted::Capture(Some(1200), false), "part"),
            Happening::Posted(Posted::Capture(Some(1200), true), "last"),
            Happening::Posted(Posted::Cancel, "cancel"),
            Happening::Posted(Posted::Refund(None), "refund"),
            Happening::Posted(Posted::Review("approve"), "review"),
            Happening::Expiry,
        ],
        StageName::InReview => vec![
            Happening::Posted(Posted::Review("approve"), "approve"),
            Happening::Posted(Posted::Review("decline"), "decline"),
            Happening::Posted(Posted::Cancel, "cancel"),
            Happening::Posted(Posted::Capture(None, true), "capture"),
            Happening::Expiry,
        ],
        StageName::Authenticating => vec![
            Happening::Posted(Posted::Confirm, "confirm"),
            Happening::Posted(Posted::Confirm, "again"),
            Happening::Posted(Posted::Cancel, "cancel"),
            Happening::Posted(Posted::Capture(None, true), "capture"),
            Happening::Heard,
            Happening::Expiry,
        ],
        _ => vec![
            Happening::Posted(Posted::Refund(Some(1500)), "most"),
            Happening::Posted(Posted::Refund(Some(600)), "some"),
            Happening::Posted(Posted::Refund(None), "all"),
            Happening::Posted(Posted::Capture(None, true), "capture"),
            Happening::Posted(Posted::Cancel, "cancel"),
        ],
    }
}

/// Whether the answer says that the operation was carried out.
fn won(answer: Option<&Answer>) -> bool {
    let Some(answer) = answer.filter(|answer| answer.status < 300) else { return false };
    let document = answer.json();
    answer.status == 200 || document["status"] == "succeeded"
}

async fn race(stage: StageName, pair: [Happening; 2], seed: u64) {
    let (world, id) = at(stage).await;
    let context = format!("{stage}: {pair:?}, seed {seed}");
    world.turns.set(true);
    let answers = interleave(pair.map(|happening| start(&world, &id, happening)), seed);
    world.turns.set(false);
    sweep_until_it_rests(&world, &id).await;
    check_account(&world, &id, &context);
    let payment = world.payment(&id);
    for (answer, happening) in answers.iter().zip(pair) {
        let (Some(answer), Happening::Posted(posted, key)) = (answer, happening) else { continue };
        assert!(matches!(answer.status, 200 | 201 | 202 | 409 | 422), "{context}: {}", answer.body);
        if answer.status < 300 {
            let again = post(&world, &id, posted, key).await;
            assert!(again.replayed, "{context}: {}", again.body);
        }
    }
    if pair[0] == pair[1] {
        let posted = matches!(pair[0], Happening::Posted(..));
        assert!(!posted || payment.operations.iter().filter(|operation| operation.request_hash.is_some()).count() <= 1);
        return;
    }
    let winners = answers.iter().filter(|answer| won(answer.as_ref())).count();
    let both =
        [Happening::Posted(Posted::Capture(Some(1200), false), "part"), Happening::Posted(Posted::Cancel, "cancel")];
    let may_follow = pair.iter().all(|happening| both.contains(happening)) || follows(stage, pair);
    assert!(winners <= 1 || may_follow, "{context}: {answers:?}");
}

/// Pairs of which the second is possible after the first: both may win, one after the other.
fn follows(stage: StageName, pair: [Happening; 2]) -> bool {
    let has = |wanted: fn(Posted) -> bool| {
        pair.iter().any(|happening| matches!(happening, Happening::Posted(posted, _) if wanted(*posted)))
    };
    let captures = has(|posted| matches!(posted, Posted::Capture(..)));
    let refund = has(|posted| matches!(posted, Posted::Refund(_)));
    let the_rest = has(|posted| posted == Posted::Refund(None));
    match stage {
        StageName::RequiresCapture => captures && refund,
        _ => the_rest,
    }
}

async fn race_all(stage: StageName) {
    let list = happenings(stage);
    for (place, first) in list.iter().enumerate() {
        for second in &list[place..] {
            for seed in 0..ORDERS {
                race(stage, [*first, *second], seed).await;
            }
        }
    }
}

#[tokio::test]
async fn two_at_once_on_a_held_payment() {
    race_all(StageName::RequiresCapture).await;
}

#[tokio::test]
async fn two_at_once_on_a_payment_that_waits_for_its_cardholder() {
    race_all(StageName::Authenticating).await;
}

#[tokio::test]
async fn two_at_once_on_a_payment_in_review() {
    race_all(StageName::InReview).await;
}

#[tokio::test]
async fn two_at_once_on_a_captured_payment() {
    race_all(StageName::Succeeded).await;
}
