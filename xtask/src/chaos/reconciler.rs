//! Whether clients, API, acquirer, topic and balances agree about every payment. It only sums and compares; each difference is a
//! sentence with the payment that it is about.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::evidence::{Evidence, Operation, Shown};
use crate::demo::books::Hold;
use crate::topics::Record;

/// Every difference.
pub fn differences(evidence: &Evidence) -> Vec<String> {
    let mut found = Vec::new();
    check_told(evidence, &mut found);
    for payment in &evidence.shown {
        check_payment(payment, &mut found);
    }
    check_acquirer(evidence, &mut found);
    check_events(evidence, &mut found);
    check_balances(evidence, &mut found);
    found
}

/// Each order is one payment, as its client was told, and there is no other.
fn check_told(evidence: &Evidence, found: &mut Vec<String>) {
    let mut shown = BTreeMap::<&str, Vec<&Shown>>::new();
    for payment in &evidence.shown {
        shown.entry(&payment.id).or_default().push(payment);
    }
    for told in &evidence.told {
        if let Some(complaint) = &told.complaint {
            found.push(format!("{} {}: the client complains: {complaint}", told.key, told.id));
        }
        match shown.remove(told.id.as_str()).as_deref() {
            Some([payment]) => {
                let is = (payment.status.as_str(), payment.amount_captured, payment.amount_refunded);
                let was = (told.status.as_str(), told.captured, told.refunded);
                if is != was {
                    found.push(format!("{}: the client was told {was:?}, the API shows {is:?}", told.id));
                }
            }
            other => {
                found.push(format!("{} {}: listed {} times, not once", told.key, told.id, other.map_or(0, <[_]>::len)))
            }
        }
    }
    found.extend(shown.keys().map(|id| format!("{id}: listed, and no client knows it")));
}

/// It rests, and agrees with itself.
fn check_payment(payment: &Shown, found: &mut Vec<String>) {
    let Shown { id, status, amount, amount_captured, amount_capturable, amount_refunded, .. } = payment;
    if !payment.is_at_rest() {
        found.push(format!("{id}: {status}, not at rest"));
    }
    let sum = |operations: &[Operation]| {
        let done = operations.iter().filter(|operation| operation.status == "succeeded");
        done.map(|operation| operation.amount).sum::<u64>()
    };
    let (captured, refunded) = (sum(&payment.captures), sum(&payment.refunds));
    if (captured, refunded) != (*amount_captured, *amount_refunded) {
        found.push(format!(
            "{id}: its operations took {captured} and gave back {refunded}, it shows {amount_captured} and {amount_refunded}"
        ));
    }
    if amount_captured + amount_capturable > *amount || amount_refunded > amount_captured {
        found.push(format!(
            "{id}: captured {amount_captured}, capturable {amount_capturable}, refunded {amount_refunded} of {amount}"
        ));
    }
    let fits = match status.as_str() {
        "succeeded" => *amount_captured > 0 && *amount_capturable == 0,
        "requires_capture" | "in_review" => *amount_capturable > 0,
        _ => *amount_captured == 0 && *amount_capturable == 0,
    };
    if !fits {
        found.push(format!("{id}: {status}, captured {amount_captured}, capturable {amount_capturable}"));
    }
}

/// The acquirer took, gave back and holds what the API shows, and no hold gave more than it had.
fn check_acquirer(evidence: &Evidence, found: &mut Vec<String>) {
    let mut there = BTreeMap::<&str, (i128, i128, i128)>::new();
    for hold in &evidence.holds {
        let Hold { hold_key, amount, captured, released, refunded, voided, approved, .. } = hold;
        if *approved && u128::from(*captured) + u128::from(*released) > u128::from(*amount) {
            found.push(format!("{hold_key}: captured {captured} and released {released} of {amount}"));
        }
        if *captured > 0 && (*voided || !*approved) {
            found.push(format!("{hold_key}: captured {captured} of a hold that does not stand"));
        }
        let sums = there.entry(hold.payment_id()).or_default();
        *sums = (sums.0 + i128::from(*captured), sums.1 + i128::from(*refunded), sums.2 + hold.held());
    }
    for payment in &evidence.shown {
        let is = there.remove(payment.id.as_str()).unwrap_or_default();
        let shown = (payment.amount_captured, payment.amount_refunded, payment.amount_capturable);
        let shown = (shown.0.into(), shown.1.into(), shown.2.into());
        if is != shown {
            found.push(format!(
                "{}: {}; captured, refunded and held: the API shows {shown:?}, the acquirer has {is:?}",
                payment.id, payment.status
            ));
        }
    }
    let nobodys = there.into_iter().filter(|(_, sums)| *sums != (0, 0, 0));
    found.extend(nobodys.map(|(id, sums)| format!("{id}: the acquirer has {sums:?}, the API shows no such payment")));
}

/// Each version is one event: in the API's history, and on the topic, in order, with one content however often it was sent.
fn check_events(evidence: &Evidence, found: &mut Vec<String>) {
    let mut told = BTreeMap::<&str, Vec<&Record>>::new();
    for record in &evidence.records {
        told.entry(&record.key).or_default().push(record);
    }
    for payment in &evidence.shown {
        let id = &payment.id;
        let history = evidence.history.get(id).map_or(&[][..], Vec::as_slice);
        let versions: Vec<String> = (1..=history.len()).map(|version| format!("{id}:{version}")).collect();
        if history.is_empty() || history != versions {
            found.push(format!("{id}: the API's events are {history:?}"));
        }
        let records = told.remove(id.as_str()).unwrap_or_default();
        let (first_times, status) = read(id, &records, found);
        if first_times != versions {
            let expected = versions.len();
            found.push(format!("{id}: {expected} versions, on the topic, by their first time: {first_times:?}"));
        }
        if status.as_deref() != Some(payment.status.as_str()) {
            found.push(format!("{id}: {}, by its last event {status:?}", payment.status));
        }
    }
    found.extend(told.keys().map(|id| format!("{id}: on the topic, and the API shows no such payment")));
}

/// The ids of a payment's events in the order in which each came first, and the status that the latest version tells.
fn read(id: &str, records: &[&Record], found: &mut Vec<String>) -> (Vec<String>, Option<String>) {
    let (mut contents, mut first_times) = (BTreeMap::<String, Value>::new(), Vec::new());
    let (mut status, mut partitions) = (None, BTreeSet::new());
    for record in records {
        partitions.insert(record.partition);
        let event: Value = serde_json::from_str(&record.value).unwrap_or_default();
        let name = event["id"].as_str().unwrap_or("an event without an id").to_owned();
        match contents.get(&name) {
            Some(first) if *first != event => found.push(format!("{name}: sent twice, with another content")),
            Some(_) => {}
            None => {
                status = event["data"]["status"].as_str().map(str::to_owned);
                first_times.push(name.clone());
                contents.insert(name, event);
            }
        }
    }
    if partitions.len() > 1 {
        found.push(format!("{id}: on the partitions {partitions:?}"));
    }
    (first_times, status)
}

/// What is owed to the shop is what its captures brought, less its refunds.
fn check_balances(evidence: &Evidence, found: &mut Vec<String>) {
    let shown = without_zeros(evidence.balances.clone());
    let due = due(&evidence.shown);
    if shown != due {
        found.push(format!("balances: by the payments {due:?}, the API shows {shown:?}"));
    }
}

/// What is owed to the shop by its payments, by currency.
pub fn due(shown: &[Shown]) -> BTreeMap<String, i128> {
    let mut due = BTreeMap::<String, i128>::new();
    for payment in shown {
        let net = payment.captures.iter().filter_map(|capture| capture.settlement.as_ref()).map(|owed| owed.net);
        let net: i128 = net.map(i128::from).sum();
        let back = payment.refunds.iter().filter(|refund| refund.status == "succeeded");
        let back =
            back.map(|refund| u128::from(refund.amount) + refund.deduction.as_ref().map_or(0, |less| less.fee.into()));
        let back: i128 = back.map(|minor| i128::try_from(minor).unwrap_or(i128::MAX)).sum();
        *due.entry(payment.currency.clone()).or_default() += net - back;
    }
    without_zeros(due)
}

/// A balance that nothing moved and one that came back to nothing are the same.
pub fn without_zeros(mut balances: BTreeMap<String, i128>) -> BTreeMap<String, i128> {
    balances.retain(|_, minor| *minor != 0);
    balances
}
