//! What the demo prints at its end, on stdout. No card number ever comes this far.

use std::collections::{BTreeMap, BTreeSet};

use super::books::Books;
use super::client::{Answered, Outcome};
use super::layout::{amount, columns, percentile, rate};
use super::pass::Pass;
use super::verify::balance_sums;
use crate::progress::answer;

/// Prints all that the passes and the books say.
pub fn print(passes: &[Pass], books: &Books) {
    let first = passes.first().map_or(&[][..], |pass| &pass.outcomes);
    let answered = || first.iter().filter_map(answered);
    table("payments by status", 1, count(answered().map(|payment| payment.status.clone())));
    let reasons = answered().flat_map(|payment| payment.reasons.iter().cloned());
    table("declines and failures by reason", 1, count(reasons));
    table("POST /v1/payments", 1, latencies(passes));
    for currency in currencies(books) {
        table(&format!("trial balance {currency}"), 1, trial_balance(books, &currency));
    }
    table("fees by merchant", 2, fees(books));
    let replays = passes.iter().flat_map(|pass| pass.outcomes.iter().filter_map(self::answered));
    let replays = replays.filter(|payment| payment.replayed).count();
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

fn fees(books: &Books) -> Vec<Vec<String>> {
    let mut sums = BTreeMap::<(&str, &str), (usize, i128, i128)>::new();
    for payment in books.payments.iter().filter(|payment| payment.gross() > 0) {
        let key = (payment.merchant_id.as_str(), payment.currency.as_str());
        let (count, gross, fee) = sums.entry(key).or_default();
        *count += 1;
        *gross += i128::from(payment.gross());
        *fee += i128::from(payment.fee());
    }
    let header = ["merchant", "currency", "payments", "gross", "fee"];
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
