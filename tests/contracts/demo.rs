//! The demo's payments show every outcome. Their card numbers are compared, never printed.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::card_numbers::{PUBLIC, SIMULATED};
use crate::files::{none, text};

const DEMO: &str = "events/payments/demo.jsonl";
const CARDS: &str = "functions/simulated-acquirer/src/cards.rs";
/// Outcomes that the demo does not show: outcome, why.
const NOT_IN_DEMO: [(&str, &str); 4] = [
    ("approved, Mastercard of the second range", "a brand's second range, tested in crates/payments"),
    ("Fails", "the demo sends no cardholder anywhere; tests/stack/cardholder.rs does"),
    ("StaysAway", "the demo sends no cardholder anywhere; tests/stack/cardholder.rs does"),
    ("Down", "the simulated network's, no public card: such a payment stays open"),
];

#[test]
fn the_demo_has_three_hundred_payments() {
    let count = payments().len();
    assert!(count >= 300, "{DEMO} has {count} lines: make it 300 or more");
}

#[test]
fn the_demo_has_five_currencies() {
    let currencies: BTreeSet<_> = payments().iter().map(|payment| field(payment, "currency")).collect();
    assert!(currencies.len() >= 5, "{DEMO} has {currencies:?}: five currencies or more are needed");
    for (currency, why) in [("JPY", "it has no minor unit"), ("KWD", "its minor unit has three digits")] {
        assert!(currencies.contains(currency), "add payments in {currency} to {DEMO}: {why}");
    }
}

#[test]
fn the_demo_has_three_merchants() {
    let merchants: BTreeSet<_> = payments().iter().map(|payment| field(payment, "merchant")).collect();
    assert!(merchants.len() >= 3, "{DEMO} has {merchants:?}: three merchants or more are needed");
}

#[test]
fn the_demos_merchants_are_known() {
    let merchants = text("events/merchants.json");
    let named: BTreeSet<_> = payments().iter().map(|payment| field(payment, "merchant")).collect();
    let unknown = named.into_iter().filter(|merchant| !merchants.contains(&format!("\"{merchant}\"")));
    none(&unknown.collect::<Vec<_>>(), "add to events/merchants.json:");
}

#[test]
fn the_demos_keys_are_unique() {
    let mut seen = BTreeSet::new();
    let keys = payments().iter().map(|payment| field(payment, "key")).collect::<Vec<_>>();
    let twice: Vec<_> = keys.into_iter().filter(|key| !seen.insert(key.clone())).collect();
    none(&twice, "give each line of the demo a key of its own; these come twice:");
}

#[test]
fn the_demo_shows_every_test_cards_outcome() {
    let payments = payments();
    let numbers: Vec<_> = payments.iter().map(|payment| field(&payment["card"], "number")).collect();
    let public = PUBLIC.into_iter().filter(|(number, _)| !numbers.iter().any(|used| used == number));
    let simulated = SIMULATED.into_iter().filter(|(start, _)| !numbers.iter().any(|used| used.starts_with(start)));
    let missing = public.chain(simulated).map(|(_, outcome)| outcome.to_owned());
    let findings: Vec<_> =
        missing.filter(|outcome| !NOT_IN_DEMO.iter().any(|(left_out, _)| left_out == outcome)).collect();
    none(&findings, "add a payment with the test card of each of these outcomes to the demo:");
}

#[test]
fn the_demo_shows_everything_that_can_be_done_to_a_payment() {
    let payments = payments();
    let done: Vec<Vec<&Value>> =
        payments.iter().map(|payment| payment["then"].as_array().into_iter().flatten().collect()).collect();
    let lines = done.iter().filter(|then| !then.is_empty()).count();
    assert!(lines >= 25, "{DEMO} has {lines} lines with \"then\": make it 25 or more");
    let is = |then: &Value, kind: &str| then["do"] == kind;
    let count = |then: &[&Value], kind: &str| then.iter().filter(|then| is(then, kind)).count();
    let any = |shown: &dyn Fn(&Value) -> bool| done.iter().flatten().any(|then| shown(then));
    let shown = [
        ("a capture of all that is held", any(&|then| is(then, "capture") && then["amount"].is_null())),
        ("a capture of a part", any(&|then| is(then, "capture") && then["amount"].is_u64())),
        ("a capture that leaves the rest held", any(&|then| then["final_capture"] == false)),
        ("several captures", done.iter().any(|then| count(then, "capture") > 1)),
        ("a cancel", done.iter().any(|then| count(then, "cancel") > 0 && count(then, "capture") == 0)),
        ("a cancel after a capture", done.iter().any(|then| count(then, "cancel") > 0 && count(then, "capture") > 0)),
        ("a refund of all", any(&|then| is(then, "refund") && then["amount"].is_null())),
        ("a refund of a part", any(&|then| is(then, "refund") && then["amount"].is_u64())),
        ("a refund with a reason", any(&|then| is(then, "refund") && then["reason"].is_string())),
        ("two refunds", done.iter().any(|then| count(then, "refund") > 1)),
        ("a review that approves", any(&|then| is(then, "review") && then["decision"] == "approve")),
        ("a review that declines", any(&|then| is(then, "review") && then["decision"] == "decline")),
    ];
    let missing: Vec<_> = shown.iter().filter(|(_, there)| !there).map(|(what, _)| (*what).to_owned()).collect();
    none(&missing, "add to the \"then\" of a line of the demo:");
}

#[test]
fn the_tests_know_every_card_of_the_simulated_network() {
    let source = text(CARDS);
    let lines = source.lines().filter_map(|line| line.trim().strip_prefix("(\"")?.strip_suffix("),"));
    let known: BTreeSet<_> = lines.filter_map(|line| line.split_once("\", ")).collect();
    let listed = PUBLIC.into_iter().filter(|(_, outcome)| !outcome.starts_with("approved")).chain(SIMULATED);
    let listed: BTreeSet<_> = listed.collect();
    let known: BTreeSet<_> =
        known.into_iter().map(|(number, kind)| (number, kind.rsplit("::").next().unwrap())).collect();
    let outcomes = known.symmetric_difference(&listed).map(|(_, outcome)| (*outcome).to_owned());
    none(&outcomes.collect::<Vec<_>>(), "make the lists in card_numbers.rs those of cards.rs; they differ in:");
}

fn payments() -> Vec<Value> {
    let text = text(DEMO);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parsed = lines.map(|(index, line)| {
        // The error says where, not what: a line has a card number.
        serde_json::from_str(line).unwrap_or_else(|_| panic!("{DEMO}:{} is not a JSON object: mend it", index + 1))
    });
    parsed.collect()
}

fn field(value: &Value, name: &str) -> String {
    let found = value[name].as_str();
    found.unwrap_or_else(|| panic!("a line of {DEMO} has no text `{name}`: add it")).to_owned()
}
