//! What must hold of everything that is made of events: the topic, the ledger, the bills, the answers on Kafka. Fees and days
//! are worked out here once more, by other code than the product's.

use crate::store::{FEES, OWNERS, euro, owner};
use crate::time::DAY;
use crate::world::World;
use payments::event::Event;
use payments::ledger::Account;
use payments::ledger::audit::{compare, trial_balance};
use payments::operation::Action;
use payments::payment::Payment;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What an owner's payments come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    captured: i64,
    fees: i64,
    refunded: i64,
    lines: usize,
}

pub fn check(world: &World, payments: &[Rc<Payment>]) {
    topic(world, payments);
    let mut sums = [Sums::default(); OWNERS.len()];
    let mut moved = BTreeSet::new();
    for payment in payments {
        money(world, payment, &mut sums, &mut moved);
    }
    ledger(world, &sums, &moved);
    bills(world, &sums);
    answers(world, payments);
    if !world.ledger.dead.borrow().is_empty() {
        world.violate("5 events", None, format!("{} records could not be read", world.ledger.dead.borrow().len()));
    }
}

/// Each version is an event, and they come in order.
fn topic(world: &World, payments: &[Rc<Payment>]) {
    let told_late = world.told_late.borrow();
    let mut next = BTreeMap::<&str, u32>::new();
    let partitions: Vec<_> = world.topics.events.iter().map(|partition| partition.told.borrow()).collect();
    let mut told = BTreeSet::new();
    for (event_id, subject) in partitions.iter().flat_map(|told| told.iter()) {
        told.insert(&**event_id);
        let version = event_id.rsplit_once(':').and_then(|(_, version)| version.parse::<u32>().ok()).unwrap_or(0);
        let expected = next.entry(subject).or_insert(1);
        if version == *expected {
            *expected += 1;
        } else if version > *expected {
            let id = subject.parse().ok();
            if !id.as_ref().is_some_and(|id| told_late.contains(id)) {
                world.violate("5 events", id.as_ref(), format!("version {version} is told before version {expected}"));
            }
        }
    }
    let mut count = 0;
    for payment in payments {
        for version in 1..=payment.version {
            count += 1;
            if !told.contains(Event::id(&payment.payment_id, version).as_str()) {
                world.violate("5 events", Some(&payment.payment_id), format!("version {version} is never told"));
            }
        }
    }
    if told.len() != count {
        world.violate("5 events", None, format!("{} events of {count} versions", told.len()));
    }
}

/// The fee on a captured amount: the share half to even, and the fixed part, at most the amount.
fn fee(amount: u64, (basis_points, fixed): (u32, u64)) -> u64 {
    let share = u128::from(amount) * u128::from(basis_points);
    let (whole, rest) = (share / 10_000, share % 10_000);
    let up = rest > 5_000 || rest == 5_000 && whole % 2 == 1;
    amount.min(u64::try_from(whole).unwrap_or(u64::MAX) + u64::from(up) + fixed)
}

/// The second day after that is no weekend; the world's days have no holidays.
fn settled_on(at: i64) -> String {
    let mut day = at.div_euclid(DAY);
    for _ in 0..2 {
        day += 1;
        // 1970-01-01 was a Thursday.
        while matches!((day + 4) % 7, 0 | 6) {
            day += 1;
        }
    }
    payments::timestamp::Timestamp::from_millis(day * DAY).to_rfc3339()[..10].to_owned()
}

fn money(world: &World, payment: &Payment, sums: &mut [Sums; OWNERS.len()], moved: &mut BTreeSet<String>) {
    let place = (0..OWNERS.len()).find(|place| owner(*place) == payment.owner).unwrap_or_default();
    let sum = &mut sums[place];
    for operation in payment.operations.iter().filter(|operation| operation.reference.is_some()) {
        let Some(end) = operation.end else { continue };
        match operation.action {
            Action::Capture { amount, .. } => {
                let expected = fee(amount, FEES[place]);
                let settlement = operation.settlement.as_ref();
                let at = payment
                    .history
                    .iter()
                    .find(|change| change.v > operation.v && change.to == payments::stage::StageName::Captured);
                let date = at.map(|change| settled_on(change.at.as_millis()));
                let right = settlement.is_some_and(|settlement| {
                    (settlement.gross, settlement.fee, settlement.net) == (amount, expected, amount - expected)
                        && Some(&settlement.date) == date.as_ref()
                });
                if !right {
                    let what =
                        format!("{amount} captured, fee {expected}, settled on {date:?}, and it says {settlement:?}");
                    world.violate("7 settlement", Some(&payment.payment_id), what);
                }
                sum.captured += amount.cast_signed();
                sum.fees += expected.cast_signed();
                sum.lines += 1;
                // The event of the version in which it was settled moves the money.
                let settled = payment
                    .history
                    .iter()
                    .find(|change| change.v > operation.v && change.by == payments::payment::Actor::Settle);
                moved.insert(Event::id(&payment.payment_id, settled.map_or(end, |change| change.v)));
            }
            Action::Refund { amount, .. } => {
                sum.refunded += amount.cast_signed();
                sum.lines += 1;
                moved.insert(Event::id(&payment.payment_id, end));
            }
            Action::Cancel | Action::Review { .. } | Action::Confirm => {}
        }
    }
}

fn ledger(world: &World, sums: &[Sums; OWNERS.len()], moved: &BTreeSet<String>) {
    let journal = world.ledger.journal();
    for finding in journal.verify() {
        world.violate("1 ledger", None, finding);
    }
    let stored = world.ledger.balances.borrow();
    for finding in compare(&stored, &journal.rebuild()).into_iter().chain(trial_balance(&stored).1) {
        world.violate("1 ledger", None, finding);
    }
    drop(stored);
    let posted: BTreeSet<String> = journal.committed().map(|(_, entry)| entry.event_id.clone()).collect();
    if let Some(odd) = posted.symmetric_difference(moved).next() {
        let id = odd.split_once(':').and_then(|(id, _)| id.parse().ok());
        let which = if posted.contains(odd) { "is posted and moved no money" } else { "moved money and is not posted" };
        world.violate("5 events", id.as_ref(), format!("{odd} {which}"));
    }
    let balance = |account: &Account| world.ledger.balance(&account.to_string()).get(&euro()).copied().unwrap_or(0);
    for (place, sum) in sums.iter().enumerate() {
        let payments::id::Owner { merchant_id, mode } = owner(place);
        let is = balance(&Account::MerchantPayable { merchant_id, mode });
        let should = -(sum.captured - sum.fees - sum.refunded);
        if is != should {
            world.violate(
                "7 settlement",
                None,
                format!("{}: owed {is}, and its payments come to {should}", owner(place)),
            );
        }
    }
    for mode in [payments::id::Mode::Test, payments::id::Mode::Live] {
        let own = || sums.iter().enumerate().filter(|(place, _)| OWNERS[*place].1 == mode).map(|(_, sum)| sum);
        let (is, should) = (balance(&Account::FeeRevenue { mode }), -own().map(|sum| sum.fees).sum::<i64>());
        if is != should {
            world.violate("7 settlement", None, format!("{mode}: earned {is}, and the payments' fees are {should}"));
        }
        // What gateways owe, before what they keep for themselves, is what they took less what they gave back.
        let receivable: i64 = world
            .acquirers
            .iter()
            .map(|acquirer| balance(&Account::GatewayReceivable { gateway: acquirer.name.clone(), mode }))
            .sum();
        let cost = balance(&Account::GatewayCost { mode });
        let should: i64 = own().map(|sum| sum.captured - sum.refunded).sum();
        if receivable + cost != should {
            world.violate(
                "7 settlement",
                None,
                format!("{mode}: gateways owe {receivable} and cost {cost}, not {should}"),
            );
        }
    }
}

/// Fee lines are the fee account, and settlement lines are what is owed.
fn bills(world: &World, sums: &[Sums; OWNERS.len()]) {
    for (place, sum) in sums.iter().enumerate() {
        let own = owner(place);
        let fees = world.consumers.fee_lines.borrow();
        let of_owner = fees.values().filter(|line| line.merchant_id == own.merchant_id && line.mode == own.mode);
        let billed: u64 = of_owner.map(|line| line.fee).sum();
        if billed.cast_signed() != sum.fees {
            world.violate("7 settlement", None, format!("{own}: billed {billed}, and the fees are {}", sum.fees));
        }
        let settlements = world.consumers.settlements.borrow();
        let lines: Vec<_> = settlements.values().filter(|line| line.owner == own).collect();
        let net: i64 = lines.iter().map(|line| line.net).sum();
        let should = sum.captured - sum.fees - sum.refunded;
        if net != should || lines.len() != sum.lines {
            let what = format!(
                "{own}: settled {net} in {} lines, and its payments come to {should} in {}",
                lines.len(),
                sum.lines
            );
            world.violate("7 settlement", None, what);
        }
    }
}

/// Whoever asked over Kafka was answered there.
fn answers(world: &World, payments: &[Rc<Payment>]) {
    let answers = world.topics.answers.borrow();
    let answered: BTreeSet<_> = answers.values().map(|answer| &answer.payment_id).collect();
    let wanted = world.clients_book.wanted.borrow();
    for (id, _) in wanted.iter().filter(|(_, wanted)| wanted.over_kafka) {
        if !answered.contains(id) {
            world.violate("4 rest", Some(id), "its request over Kafka was never answered");
        }
    }
    if let Some(odd) = answers.values().find(|answer| matches!(answer.status, 409 | 429 | 500..)) {
        world.violate("6 idempotency", Some(&odd.payment_id), format!("its final answer over Kafka is {}", odd.status));
    }
    let known = |id| payments.iter().any(|payment| payment.payment_id == id);
    if let Some(odd) = answers.values().find(|answer| answer.payment.is_some() && !known(answer.payment_id.clone())) {
        world.violate("6 idempotency", Some(&odd.payment_id), "an answer about a payment that is not there");
    }
}
