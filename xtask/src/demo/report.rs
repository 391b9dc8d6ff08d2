//! What the demo prints at its end, on stdout. No card number ever comes this far.

use std::collections::{BTreeMap, BTreeSet};

use super::books::{Books, Money};
use super::client::{Answered, Outcome};
use super::layout::{amount, columns, percentile, rate};
use super::ledger::balance_sums;
use super::pass::Pass;
use crate::progress::answer;

/// Prints all that the passes and the books say.
pub fn print(passes: &[Pass], books: &Books) {
    let first = passes.first().map_or(&[][..], |pass| &pass.outcomes);
    let answered = || first.iter().filter_map(answered);
    table("payments by status", 1, count(answered().map(|payment| payment.last_status().to_owned())));
    let reasons = answered().flat_map(|payment| payment.reasons.iter().cloned());
    table("declines and failures by reason", 1, count(reasons));
    let done = answered().flat_map(|payment| &payment.then);
    table("operations by outcome", 1, count(done.map(|done| format!("{}: {}", done.kind, done.outcome))));
    table("POST /v1/payments", 1, latencies(passes));
    table("captures and refunds", 1, movements(books));
    for currency in currencies(books) {
        table(&format!("trial balance {currency}"), 1, trial_balance(books, &currency));
    }
    table("fees by merchant", 2, fees(books));
    let replays = passes.iter().flat_map(|pass| pass.outcomes.iter().filter_map(self::answered));
    let told_again = |payment: &Answered| {
        let then = payment.then.iter().filter(|done| done.replayed).count();
        usize::from(payment.replayed) + then
    };
    let replays: usize = replays.map(told_again).sum();
    answer(format!("answers told again from the record (Idempotent-Replayed): {replays}"));
}

/// The payment of an outcome, if there is one.
pub fn answered(outcome: &Outcome) -> Option<&Answered> {
    match outcome {
        Outcome::Answered(answered) => Some(answered),
        Outcome::Refused(_) | Outcome::Unanswered(_) => None,
    }
}

fn table(title: &str, left: usize, rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    answer(title);
    columns(&rows, left).iter().for_each(answer);
    answer("");
}

fn count(names: impl Iterator<Item = String>) -> Vec<Vec<String>> {
    let mut counts = BTreeMap::<String, usize>::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let rows = counts.into_iter();
    rows.map(|(name, count)| vec![name, count.to_string()]).collect()
}

fn latencies(passes: &[Pass]) -> Vec<Vec<String>> {
    let header = ["", "calls", "p50 ms", "p90 ms", "p99 ms", "payments/s"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for (place, pass) in passes.iter().enumerate() {
        let mut durations = pass.latencies.clone();
        durations.sort();
        let mut row = vec![name(place).to_owned(), durations.len().to_string()];
        row.extend([50, 90, 99].map(|percent| {
            let duration = percentile(&durations, percent);
            duration.map_or("-".to_owned(), |duration| duration.as_millis().to_string())
        }));
        let paid = pass.outcomes.iter().filter_map(answered).count();
        row.push(rate(paid, pass.elapsed));
        rows.push(row);
    }
    rows
}

fn name(place: usize) -> &'static str {
    match place {
        0 => "the file",
        _ => "sent again",
    }
}

fn currencies(books: &Books) -> BTreeSet<String> {
    let balances = books.balances.iter();
    balances.map(|balance| balance.currency.clone()).collect()
}

fn trial_balance(books: &Books, currency: &str) -> Vec<Vec<String>> {
    let mut rows = vec![["account", "debit", "credit"].map(str::to_owned).to_vec()];
    let (mut debits, mut credits) = (0, 0);
    for ((account, of), sum) in balance_sums(books) {
        if of != currency {
            continue;
        }
        let (debit, credit) = if sum < 0 { (0, -sum) } else { (sum, 0) };
        debits += debit;
        credits += credit;
        let side = |minor: i128| match minor {
            0 => String::new(),
            minor => amount(minor, currency),
        };
        rows.push(vec![account, side(debit), side(credit)]);
    }
    rows.push(vec!["total".to_owned(), amount(debits, currency), amount(credits, currency)]);
    let sum = amount(debits - credits, currency);
    rows.push(vec!["debit less credit".to_owned(), sum, String::new()]);
    rows
}

/// What all payments in the table took and gave back.
fn movements(books: &Books) -> Vec<Vec<String>> {
    let mut sums = BTreeMap::<&str, (usize, i128, usize, i128)>::new();
    for movement in books.movements() {
        let (captures, captured, refunds, refunded) = sums.entry(&movement.payment.currency).or_default();
        match movement.money {
            Money::Captured { gross, .. } => {
                *captures += 1;
                *captured += i128::from(gross);
            }
            Money::Refunded { amount, .. } => {
                *refunds += 1;
                *refunded += i128::from(amount);
            }
        }
    }
    let header = ["currency", "captures", "captured", "refunds", "refunded"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for (currency, (captures, captured, refunds, refunded)) in sums {
        rows.push(vec![
            currency.to_owned(),
            captures.to_string(),
            amount(captured, currency),
            refunds.to_string(),
            amount(refunded, currency),
        ]);
    }
    rows
}

fn fees(books: &Books) -> Vec<Vec<String>> {
    let mut sums = BTreeMap::<(&str, &str), (usize, i128, i128)>::new();
    for movement in books.movements() {
        let Money::Captured { gross, fee, .. } = movement.money else { continue };
        let payment = movement.payment;
        let (count, total, fees) = sums.entry((payment.merchant(), &payment.currency)).or_default();
        *count += 1;
        *total += i128::from(gross);
        *fees += i128::from(fee);
    }
    let header = ["merchant", "currency", "captures", "gross", "fee"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for ((merchant, currency), (count, gross, fee)) in sums {
        rows.push(vec![
            merchant.to_owned(),
            currency.to_owned(),
            count.to_string(),
            amount(gross, currency),
            amount(fee, currency),
        ]);
    }
    rows
}
