//! The audit: whether the tables agree with what merchants were told and with one another, by own summation.
//!
//! It reads no event and calls no code of the app. Each disagreement is a sentence with the ids that it is about. This
//! module looks at each payment by itself and beside the acquirer's account; [`super::ledger`] at the money in the books.

use std::collections::{BTreeMap, BTreeSet};

use super::books::{Books, Hold, Payment};
use super::ledger;

/// What a merchant was told of one payment, in the end.
#[derive(Clone, Debug)]
pub struct Told {
    /// The file's line.
    pub line: String,
    /// The payment.
    pub payment_id: String,
    /// Its status.
    pub status: String,
    /// Minor units that were taken.
    pub captured: u64,
    /// Minor units that were given back.
    pub refunded: u64,
    /// Whose.
    pub merchant: String,
    /// Minor units.
    pub amount: u64,
    /// ISO 4217 code.
    pub currency: String,
}

/// Every disagreement.
pub fn verify(told: &[Told], books: &Books) -> Vec<String> {
    let mut found = Vec::new();
    check_payments(told, books, &mut found);
    check_operations(books, &mut found);
    ledger::check(books, &mut found);
    check_acquirer(books, &mut found);
    check_holds(books, &mut found);
    found
}

/// Each payment of the file is there once, as it was told.
fn check_payments(told: &[Told], books: &Books, found: &mut Vec<String>) {
    let mut stored = BTreeMap::<&str, Vec<&Payment>>::new();
    for payment in &books.payments {
        let same = stored.entry(payment.payment_id.as_str()).or_default();
        same.push(payment);
    }
    let mut lines = BTreeMap::new();
    for told in told {
        let id = &told.payment_id;
        if let Some(other) = lines.insert(id, &told.line) {
            found.push(format!("{id}: told for both {other} and {}", told.line));
        }
        let same = stored.get(id.as_str()).map_or(&[][..], Vec::as_slice);
        let [payment] = same else {
            let count = same.len();
            found.push(format!("{id} ({}): {count} times in payments, not once", told.line));
            continue;
        };
        compare_payment(told, payment, found);
    }
}

fn compare_payment(told: &Told, payment: &Payment, found: &mut Vec<String>) {
    let (id, line) = (&told.payment_id, &told.line);
    if !payment.is_at_rest() {
        found.push(format!("{id} ({line}): still {}, not at rest", payment.stage.name));
    }
    let status = payment.status();
    if status != told.status {
        found.push(format!("{id} ({line}): told {}, stored {status}", told.status));
    }
    let (is, should) = ((payment.captured(), payment.refunded()), (told.captured.into(), told.refunded.into()));
    if is != should {
        found.push(format!("{id} ({line}): told captured and refunded {should:?}, stored {is:?}"));
    }
    let is = (payment.merchant(), payment.amount, &payment.currency);
    let asked = (told.merchant.as_str(), told.amount, &told.currency);
    if is != asked {
        found.push(format!("{id} ({line}): asked for {asked:?}, stored {is:?}"));
    }
}

/// Each payment agrees with itself: its operations are over when it rests, what they moved fits its amount and its
/// status, and each capture has its settlement.
fn check_operations(books: &Books, found: &mut Vec<String>) {
    for payment in &books.payments {
        let (id, status) = (&payment.payment_id, payment.status());
        let (amount, captured, refunded) = (i128::from(payment.amount), payment.captured(), payment.refunded());
        if captured > amount {
            found.push(format!("{id}: captured {captured} of {amount}"));
        }
        if refunded > captured {
            found.push(format!("{id}: refunded {refunded} of {captured}"));
        }
        let fits = match status {
            "succeeded" => captured > 0,
            "requires_capture" => captured < amount,
            "processing" => true,
            _ => captured == 0,
        };
        if !fits {
            found.push(format!("{id}: {status}, captured {captured} of {amount}"));
        }
        for operation in &payment.operations {
            let name = format!("{id}: {} {}", operation.action, operation.id);
            if operation.end.is_none() && payment.is_at_rest() {
                found.push(format!("{name} is under way while the payment is {status}"));
            }
            let takes = operation.action == "capture" && operation.reference.is_some() && operation.end.is_some();
            if takes != operation.settlement.is_some() {
                let has = if takes { "took money without" } else { "took no money, but has" };
                found.push(format!("{name} {has} a settlement"));
            }
            if let Some(settlement) = &operation.settlement {
                let parts = i128::from(settlement.fee) + i128::from(settlement.net);
                if settlement.gross != operation.amount || i128::from(settlement.gross) != parts {
                    found.push(format!(
                        "{name}: amount {}, gross {}, fee {} and net {} do not add up",
                        operation.amount, settlement.gross, settlement.fee, settlement.net,
                    ));
                }
            }
        }
    }
}

/// The acquirer has taken and given back what the payments say, and nothing else.
fn check_acquirer(books: &Books, found: &mut Vec<String>) {
    let mut moved = BTreeMap::<(&str, &str), (i128, i128)>::new();
    for hold in books.holds.iter().filter(|hold| hold.captured > 0 || hold.refunded > 0) {
        let (captured, refunded) = moved.entry((hold.payment_id(), &hold.currency)).or_default();
        *captured += i128::from(hold.captured);
        *refunded += i128::from(hold.refunded);
    }
    for payment in &books.payments {
        let (id, status) = (payment.payment_id.as_str(), payment.status());
        let (captured, refunded) = moved.remove(&(id, payment.currency.as_str())).unwrap_or_default();
        let here = |minor: i128| if payment.is_at_acquirer() { minor } else { 0 };
        if captured != here(payment.captured()) {
            let due = here(payment.captured());
            found.push(format!("{id}: {status}, captured {due}, the acquirer captured {captured}"));
        }
        if refunded != here(payment.refunded()) {
            let due = here(payment.refunded());
            found.push(format!("{id}: {status}, refunded {due}, the acquirer refunded {refunded}"));
        }
    }
    for ((id, currency), (captured, refunded)) in moved {
        found.push(format!(
            "{id}: the acquirer captured {captured} and refunded {refunded} {currency}, no payment is for it"
        ));
    }
}

/// No hold gave more than it had, and money is blocked exactly for the payments that wait: all that is not captured yet.
fn check_holds(books: &Books, found: &mut Vec<String>) {
    let mut held = BTreeMap::<&str, i128>::new();
    let waiting = books.payments.iter().filter(|payment| payment.waits() && payment.is_at_acquirer());
    let waiting: BTreeSet<&str> = waiting.map(|payment| payment.payment_id.as_str()).collect();
    for hold in &books.holds {
        check_hold(hold, found);
        *held.entry(hold.payment_id()).or_default() += hold.held();
        if hold.held() > 0 && !waiting.contains(hold.payment_id()) {
            found.push(format!("{}: an open hold of {} that nobody waits for", hold.hold_key, hold.held()));
        }
    }
    for payment in books.payments.iter().filter(|payment| payment.waits() && payment.is_at_acquirer()) {
        let (id, status) = (payment.payment_id.as_str(), payment.status());
        let is = held.get(id).copied().unwrap_or_default();
        let should = i128::from(payment.amount) - payment.captured();
        if is != should {
            found.push(format!("{id}: {status}, {should} not captured yet, the acquirer holds {is}"));
        }
    }
}

fn check_hold(hold: &Hold, found: &mut Vec<String>) {
    let (key, amount, captured) = (&hold.hold_key, hold.amount, hold.captured);
    let given = i128::from(captured) + i128::from(hold.released);
    // What is voided before it is placed blocks nothing and is released for form's sake.
    if hold.approved && given > i128::from(amount) {
        found.push(format!("{key}: captured {captured} and released {} of {amount}", hold.released));
    }
    if hold.refunded > captured {
        found.push(format!("{key}: refunded {} of {captured}", hold.refunded));
    }
    if captured > 0 && (hold.voided || !hold.approved) {
        found.push(format!("{key}: captured {captured} of a hold that does not stand"));
    }
}
