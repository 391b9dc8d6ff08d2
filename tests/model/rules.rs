//! What has to hold in every state, and what besides once the payment rests and nobody acts (docs: invariants 2 to 4).

use crate::pool::Account;
use payments::operation::{Action, Operation};
use payments::payment::Payment;
use payments::stage::StageName;
use simulated_acquirer::Entry;
use std::collections::BTreeSet;

/// A broken rule, in a sentence.
pub type Rule = Result<(), String>;

fn rule(holds: bool, broken: impl FnOnce() -> String) -> Rule {
    if holds { Ok(()) } else { Err(broken()) }
}

/// Holds in every state.
pub fn always(payment: Option<&Payment>, account: &Account) -> Rule {
    let standing = account.values().filter(|entry| entry.held() > 0 || entry.captured > 0).count();
    rule(standing <= 1, || format!("{standing} holds stand"))?;
    account.values().try_for_each(entry_adds_up)?;
    let (taken, given) = moved(account);
    let Some(payment) = payment else {
        return rule(account.is_empty(), || "the acquirer was asked for a payment that nobody stored".to_owned());
    };
    let (captured, refunded) = (payment.captured().minor(), payment.refunded().minor());
    let amount = payment.amount.minor();
    rule(captured <= amount, || format!("the payment says that {captured} of {amount} were captured"))?;
    rule(refunded <= captured, || format!("the payment says that {refunded} of {captured} were refunded"))?;
    let moving =
        payment.operations.iter().filter(|operation| operation.end.is_none() && moves_money(operation)).count();
    rule(moving <= 1, || format!("{moving} operations are under way"))?;
    // An operation that has its reference is counted already, even before it has its end.
    let intended = payment.open_capture().filter(|(open, ..)| open.reference.is_none());
    let intended = intended.map_or(0, |(_, amount, _)| amount.minor());
    rule(taken == captured || taken == captured + intended, || {
        format!("the acquirer took {taken}; the payment knows of {captured} and intends {intended} more")
    })?;
    let intended = payment.open_refund().filter(|(open, _)| open.reference.is_none());
    let intended = intended.map_or(0, |(_, amount)| amount.minor());
    rule(given == refunded || given == refunded + intended, || {
        format!("the acquirer gave {given} back; the payment knows of {refunded} and intends {intended} more")
    })?;
    let stage = StageName::from(&payment.stage);
    let undone = matches!(stage, StageName::Declined | StageName::Canceled | StageName::Failed);
    rule(!undone || captured == 0, || format!("{captured} are captured of a payment that is {stage}"))?;
    let over = undone || stage == StageName::Succeeded;
    rule(!over || held(account) == 0, || format!("{} are held for a payment that is {stage}", held(account)))
}

/// Holds once the payment rests and nobody acts.
pub fn at_rest(payment: &Payment, account: &Account) -> Rule {
    let stage = StageName::from(&payment.stage);
    rule(stage.is_rest(), || format!("a payment that is {stage} does not rest"))?;
    let ended = payment.operations.iter().all(|operation| operation.end.is_some());
    rule(ended, || format!("an operation is under way on a payment that is {stage}"))?;
    let (captured, refunded) = (payment.captured().minor(), payment.refunded().minor());
    let (taken, given) = moved(account);
    rule((taken, given) == (captured, refunded), || {
        format!("the acquirer took {taken} and gave {given} back; the payment says {captured} and {refunded}")
    })?;
    let waits = matches!(stage, StageName::RequiresCapture | StageName::InReview);
    let waiting = if waits { payment.amount.minor() - captured } else { 0 };
    // The cardholder may have authenticated, and nobody has asked since.
    let unasked = stage == StageName::Authenticating && held(account) == payment.amount.minor();
    rule(held(account) == waiting || unasked, || format!("{} are held for a payment that is {stage}", held(account)))?;
    let canceled = payment.operations.iter().any(|operation| operation.action == Action::Cancel);
    rule(!canceled || held(account) == 0, || format!("{} are held after a cancel", held(account)))?;
    let settled = payment.operations.iter().filter_map(|operation| operation.settlement.as_ref());
    let settled: u64 = settled.map(|settlement| settlement.gross).sum();
    rule(settled == captured, || format!("{captured} were captured, and {settled} are settled"))
}

/// Whether it changes what is held or taken. A review and a confirmation are steps of the payment itself.
fn moves_money(operation: &Operation) -> bool {
    match operation.action {
        Action::Capture { .. } | Action::Cancel | Action::Refund { .. } => true,
        Action::Review { .. } | Action::Confirm => false,
    }
}

fn entry_adds_up(entry: &Entry) -> Rule {
    let (amount, key) = (entry.amount.minor(), &entry.hold_key);
    let (captured, refunded, released) = (entry.captured, entry.refunded, entry.released);
    rule(captured + released <= amount, || format!("{key}: {captured} taken and {released} let go of {amount}"))?;
    rule(refunded <= captured, || format!("{key}: {refunded} of {captured} given back"))?;
    rule(!(entry.voided && captured > 0), || format!("{key}: both voided and captured"))?;
    let keys: BTreeSet<&str> = entry.bookings.iter().map(|booking| booking.key.as_str()).collect();
    rule(keys.len() == entry.bookings.len(), || format!("{key}: an order moved money twice"))
}

fn moved(account: &Account) -> (u64, u64) {
    account.values().fold((0, 0), |(taken, given), entry| (taken + entry.captured, given + entry.refunded))
}

fn held(account: &Account) -> u64 {
    account.values().map(Entry::held).sum()
}
