//! What must hold in the end, when faults are over and everything has come to rest: payments against the gateways' truth, and
//! against what their clients asked for and were told. The books are held in `books`.

use crate::acquirer::Card;
use crate::book::{Ask, Wanted};
use crate::store::{DECLINE_FROM, PAYMENTS_PER_CARD, REVIEW_FROM, owner};
use crate::world::World;
use payments::fraud::{Decision, RiskReason};
use payments::operation::Action;
use payments::payment::{Actor, Payment, Status};
use payments::stage::{Declined, Stage, StageName};
use std::collections::BTreeMap;

/// Everything that must hold when nothing moves any more.
pub fn at_the_end(world: &World) {
    let payments: Vec<_> = world.store.payments.borrow().values().cloned().collect();
    let wanted = world.clients_book.wanted.borrow();
    for payment in &payments {
        let Some(wanted) = wanted.get(&payment.payment_id) else {
            world.violate("6 idempotency", Some(&payment.payment_id), "a payment that nobody asked for");
            continue;
        };
        rest(world, payment);
        promptness(world, payment);
        truth(world, payment);
        outcome(world, payment, wanted);
        promises(world, payment);
        velocity(world, payment, wanted);
    }
    strangers(world, &payments);
    crate::books::check(world, &payments);
}

fn rest(world: &World, payment: &Payment) {
    let stage = StageName::from(&payment.stage);
    let ended = matches!(stage, StageName::Succeeded | StageName::Declined | StageName::Canceled | StageName::Failed);
    if !ended || payment.operations.iter().any(|operation| operation.end.is_none()) {
        world.violate("4 rest", Some(&payment.payment_id), format!("in the end it is {stage}"));
    }
}

/// Where nothing goes wrong nobody waits for `sweep`, unless for a cardholder or a merchant who never comes.
fn promptness(world: &World, payment: &Payment) {
    let waits = |stage| matches!(stage, StageName::RequiresCapture | StageName::InReview | StageName::Authenticating);
    let late = payment.history.windows(2).any(|two| two[1].by == Actor::Sweep && !waits(two[0].to));
    if world.options.are_without_faults() && late {
        world.violate("4 rest", Some(&payment.payment_id), "without any fault, it had to be taken over by sweep");
    }
}

/// What the gateways hold, took and gave back is what the payment says.
fn truth(world: &World, payment: &Payment) {
    let id = Some(&payment.payment_id);
    let holds: Vec<_> = world.acquirers.iter().flat_map(|acquirer| acquirer.of(&payment.payment_id)).collect();
    let held: u64 = holds.iter().map(crate::acquirer::Hold::held).sum();
    let captured: u64 = holds.iter().map(|hold| hold.captured).sum();
    let refunded: u64 = holds.iter().map(|hold| hold.refunded).sum();
    if held > 0 {
        world.violate("3 holds", id, format!("{held} are held, and it is {}", payment.status()));
    }
    if captured != payment.captured().minor() {
        world.violate("3 once", id, format!("{captured} were taken, and it says {}", payment.captured().minor()));
    }
    if refunded != payment.refunded().minor() {
        world.violate("3 once", id, format!("{refunded} were given back, and it says {}", payment.refunded().minor()));
    }
    if holds.iter().filter(|hold| hold.approved && !hold.voided).count() > 1 {
        world.violate("3 once", id, "two holds were placed");
    }
    if holds.iter().any(|hold| hold.voided && hold.captured > 0) {
        world.violate("3 once", id, "both voided and captured");
    }
    if (payment.status() == Status::Succeeded) != (captured > 0) {
        world.violate("3 once", id, format!("it is {}, and {captured} were taken", payment.status()));
    }
}

/// It ended as its card, its amount and its merchant's wishes say.
fn outcome(world: &World, payment: &Payment, wanted: &Wanted) {
    let id = Some(&payment.payment_id);
    let wrong = |what: &str| world.violate("3 outcome", id, format!("{what}: {wanted:?}, {:?}", payment.stage));
    let asked = world.clients_book.asked.borrow();
    let asked = asked.get(&payment.payment_id).map_or(&[][..], Vec::as_slice);
    let asked_for = |wish: &dyn Fn(&Ask) -> bool| asked.iter().any(|(ask, ..)| wish(ask));
    let card = Card::of(wanted.card);
    let succeeded = payment.status() == Status::Succeeded;
    let bad = matches!(
        card,
        Card::Declined(_) | Card::CaptureRefused | Card::FailsToAuthenticate | Card::StaysAway | Card::WrongCode
    );
    if succeeded && bad {
        wrong("money was taken of a card that allows none");
    }
    if succeeded && wanted.amount >= DECLINE_FROM {
        wrong("money was taken that the risk side must have declined");
    }
    if succeeded && wanted.amount >= REVIEW_FROM && !asked_for(&|ask| *ask == Ask::Review { approve: true }) {
        wrong("money was taken without a reviewer's word");
    }
    if succeeded && card == Card::Authenticates && !wanted.online {
        wrong("money was taken of a card whose holder was never asked");
    }
    if succeeded && wanted.manual && !asked_for(&|ask| matches!(ask, Ask::Capture { .. })) {
        wrong("money was taken before its merchant captured");
    }
    if payment.refunded().minor() > 0 && !asked_for(&|ask| matches!(ask, Ask::Refund(_))) {
        wrong("money was given back that nobody asked to");
    }
    if payment.amount.minor() != wanted.amount || payment.owner != owner(wanted.owner) {
        wrong("it is not the payment that was asked for");
    }
    let waited = payment.due_at.is_some()
        || wanted.manual
        || wanted.amount >= REVIEW_FROM
        || matches!(card, Card::Authenticates | Card::StaysAway | Card::FailsToAuthenticate);
    if payment.status() == Status::Canceled && !waited && !asked_for(&|ask| *ask == Ask::Cancel) {
        wrong("canceled, and nobody canceled it");
    }
    let good = matches!(card, Card::Approved | Card::RefundRefused) && wanted.amount < REVIEW_FROM && !wanted.manual;
    let may_fail = world.options.gateways.iter().any(|manners| !manners.look_up || manners.soft_declines > 0);
    let refused_by_velocity = payment.stage.hold().1.is_some_and(|screening| screening.decision == Decision::Decline);
    // Faults end long before a payment is given up, so a good one is lost only where nobody can be asked.
    if good && !succeeded && !may_fail && !refused_by_velocity && world.options.calm_after < crate::time::HOUR {
        wrong("a good payment was lost");
    }
}

/// What a client was told is so.
fn promises(world: &World, payment: &Payment) {
    let id = Some(&payment.payment_id);
    let asked = world.clients_book.asked.borrow();
    let mut told = BTreeMap::<&str, u64>::new();
    for (ask, key, reply) in asked.get(&payment.payment_id).map_or(&[][..], Vec::as_slice) {
        let Some(reply) = reply else {
            world.violate("4 rest", id, format!("{ask:?} was never answered"));
            continue;
        };
        if !reply.is_yes() {
            continue;
        }
        if let Ask::Capture { amount: Some(amount), .. } | Ask::Refund(Some(amount)) = ask
            && *amount > payment.amount.minor()
        {
            world.violate("2 captured", id, format!("{ask:?} was accepted, of {}", payment.amount.minor()));
        }
        let matching = payment.operations.iter().filter(|operation| {
            let same = match (ask, &operation.action) {
                (Ask::Capture { amount, .. }, Action::Capture { amount: is, .. }) => {
                    amount.is_none_or(|amount| amount == *is)
                }
                (Ask::Refund(amount), Action::Refund { amount: is, .. }) => amount.is_none_or(|amount| amount == *is),
                (Ask::Cancel, Action::Cancel) | (Ask::Confirm, Action::Confirm) => true,
                (Ask::Review { .. }, Action::Review { .. }) => true,
                _ => false,
            };
            same && operation.request_hash.is_some()
        });
        let of_kind = told.entry(ask.path()).or_default();
        *of_kind += 1;
        if matching.count() == 0 {
            world.violate(
                "6 idempotency",
                id,
                format!("{ask:?} ({key}) was answered {}, and is not there", reply.status),
            );
        }
    }
    let of_kind = |path: &str| {
        payment
            .operations
            .iter()
            .filter(|operation| operation.request_hash.is_some() && kind(&operation.action) == path)
            .count() as u64
    };
    for (path, told) in told {
        if of_kind(path) < told {
            world.violate("6 idempotency", id, format!("{told} of {path} were answered, {} are there", of_kind(path)));
        }
    }
    for path in ["capture", "cancel", "refunds", "review", "confirm"] {
        let asked =
            asked.get(&payment.payment_id).map_or(0, |list| list.iter().filter(|(ask, ..)| ask.path() == path).count());
        if of_kind(path) > asked as u64 {
            world.violate(
                "6 idempotency",
                id,
                format!("{asked} of {path} were asked for, {} are there", of_kind(path)),
            );
        }
    }
}

fn kind(action: &Action) -> &'static str {
    match action {
        Action::Capture { .. } => "capture",
        Action::Cancel => "cancel",
        Action::Refund { .. } => "refunds",
        Action::Review { .. } => "review",
        Action::Confirm => "confirm",
    }
}

/// Each payment whose issuer answered is counted once, and was screened by its place.
fn velocity(world: &World, payment: &Payment, wanted: &Wanted) {
    let id = Some(&payment.payment_id);
    let counted = world.store.counted.borrow();
    let list = counted.get(&(wanted.owner, payment.fingerprint.clone())).map_or(&[][..], Vec::as_slice);
    let own = list.iter().filter(|(counted, _)| *counted == payment.payment_id).count();
    let declined = matches!(payment.stage, Stage::Declined(Declined::Issuer { .. }));
    if own > 1 || own == 0 && (declined || payment.stage.hold().1.is_some()) {
        world.violate("8 velocity", id, format!("it is counted {own} times"));
    }
    let Some(screening) = payment.stage.hold().1 else { return };
    let Some((_, at)) = list.iter().find(|(counted, _)| *counted == payment.payment_id) else { return };
    let from = at - payments::fraud::VELOCITY_WINDOW_SECONDS * 1000;
    let place = list.iter().filter(|(_, other)| (from + 1..=*at).contains(other)).count();
    let too_many = place > PAYMENTS_PER_CARD as usize;
    if too_many != screening.reasons.contains(&RiskReason::CardVelocity) {
        world.violate("8 velocity", id, format!("place {place} of its card, and {:?}", screening.reasons));
    }
    let high = wanted.amount >= REVIEW_FROM;
    if high != screening.reasons.contains(&RiskReason::HighAmount) {
        world.violate("3 outcome", id, format!("{} and {:?}", wanted.amount, screening.reasons));
    }
}

/// What gateways hold that is no payment's.
fn strangers(world: &World, payments: &[std::rc::Rc<Payment>]) {
    for acquirer in &world.acquirers {
        for (key, hold) in acquirer.holds.borrow().iter() {
            let known =
                hold.payment.as_ref().is_some_and(|id| payments.iter().any(|payment| payment.payment_id == *id));
            if !known {
                world.violate("3 holds", hold.payment.as_ref(), format!("{key} is of no payment"));
            }
        }
    }
}
