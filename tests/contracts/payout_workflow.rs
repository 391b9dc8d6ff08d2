//! The payout workflow handles exactly the errors that its steps can name, and never retries without bounds.

use std::collections::BTreeSet;

use serde_yaml_ng::Value;
use strum::IntoEnumIterator;

use crate::files::{none, yaml};

const MACHINE: &str = "statemachines/payout.asl.yaml";

/// The names of a step's errors, with whether they pass by themselves.
type Errors = Vec<(&'static str, bool)>;

fn errors<N: IntoEnumIterator + Copy + Into<&'static str>>(transient: fn(N) -> bool) -> Errors {
    N::iter().map(|name| (name.into(), transient(name))).collect()
}

fn steps() -> [(&'static str, Errors); 5] {
    [
        ("ListPayees", errors(list_payees::ErrorName::transient)),
        ("ClosePayout", errors(close_payout::ErrorName::transient)),
        ("Reconcile", errors(reconcile::ErrorName::transient)),
        ("SendPayouts", errors(send_payouts::ErrorName::transient)),
        ("ReadBank", errors(read_bank::ErrorName::transient)),
    ]
}

/// Every state, those of the map over owners too.
fn states(machine: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for states in [&machine["States"], &machine["States"]["CloseBalances"]["ItemProcessor"]["States"]] {
        let states = states.as_mapping().expect("States is a mapping: mend the workflow");
        found.extend(states.iter().map(|(name, state)| (name.as_str().unwrap().to_owned(), state.clone())));
    }
    found
}

fn names(entry: &Value) -> BTreeSet<String> {
    let names = entry["ErrorEquals"].as_sequence().into_iter().flatten();
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn list(state: &Value, key: &str) -> Vec<Value> {
    state[key].as_sequence().cloned().unwrap_or_default()
}

#[test]
fn every_state_says_what_is_true_after_it() {
    let silent = states(&yaml(MACHINE)).into_iter().filter(|(_, it)| it["Comment"].as_str().is_none_or(str::is_empty));
    none(&silent.map(|(name, _)| name).collect::<Vec<_>>(), "add a Comment to these states:");
}

#[test]
fn every_task_is_a_step_with_its_own_function_and_bounds() {
    let machine = yaml(MACHINE);
    let mut findings = Vec::new();
    let tasks: Vec<_> = states(&machine).into_iter().filter(|(_, it)| it["Type"].as_str() == Some("Task")).collect();
    assert_eq!(tasks.len(), steps().len(), "list every Task in steps()");
    for (name, task) in tasks {
        let expected = format!("${{{name}FunctionArn}}");
        if task["Arguments"]["FunctionName"].as_str() != Some(&expected) {
            findings.push(format!("{name}: FunctionName is not {expected}"));
        }
        if task["TimeoutSeconds"].as_u64().is_none_or(|seconds| seconds == 0) {
            findings.push(format!("{name}: no TimeoutSeconds"));
        }
        for retry in list(&task, "Retry") {
            let bounded =
                ["MaxAttempts", "MaxDelaySeconds"].iter().all(|key| retry[*key].as_u64().is_some_and(|it| it > 0));
            if !bounded || retry["JitterStrategy"].as_str() != Some("FULL") {
                findings.push(format!("{name}: a Retry without bounds or jitter"));
            }
        }
    }
    none(&findings, "mend these tasks:");
}

#[test]
fn transient_errors_are_retried_and_every_error_is_caught_by_name_once() {
    let machine = yaml(MACHINE);
    let all = states(&machine);
    let mut findings = Vec::new();
    for (step, errors) in steps() {
        let (_, state) = all.iter().find(|(name, _)| name == step).unwrap_or_else(|| panic!("no state {step}: add it"));
        let passing: BTreeSet<_> = errors.iter().filter(|(_, it)| *it).map(|(name, _)| (*name).to_owned()).collect();
        let retried = list(state, "Retry").first().map(names).unwrap_or_default();
        if retried != passing {
            findings.push(format!("{step}: the first Retry has {retried:?}, the step says {passing:?}"));
        }
        let catches = list(state, "Catch");
        let last = catches.last().map(names).unwrap_or_default();
        if last != BTreeSet::from(["States.ALL".to_owned()]) {
            findings.push(format!("{step}: the last Catch is not States.ALL alone"));
        }
        let mut caught: Vec<_> = catches.iter().flat_map(names).filter(|name| name != "States.ALL").collect();
        let mut expected: Vec<_> = errors.iter().map(|(name, _)| (*name).to_owned()).collect();
        expected.push("InvalidInput".to_owned());
        caught.sort();
        expected.sort();
        if caught != expected {
            findings.push(format!("{step}: caught are {caught:?}, the step says {expected:?}"));
        }
    }
    none(&findings, "mend Retry and Catch, or the step's Error:");
}

#[test]
fn every_way_leads_to_a_state() {
    let machine = yaml(MACHINE);
    let all = states(&machine);
    let mut findings = Vec::new();
    for (name, state) in &all {
        let catches = list(state, "Catch");
        let ways = catches.iter().map(|it| &it["Next"]).chain([&state["Next"]]).filter_map(Value::as_str);
        let lost = ways.filter(|next| !all.iter().any(|(known, _)| known == next));
        findings.extend(lost.map(|next| format!("{name} leads to {next}")));
    }
    none(&findings, "add the state, or lead to another:");
}

#[test]
fn an_owner_who_is_not_paid_is_handed_to_reconcile_as_it_reads_it() {
    let machine = yaml(MACHINE);
    let all = states(&machine);
    let state = |name: &str| all.iter().find(|(known, _)| known == name).map(|(_, state)| state.clone()).unwrap();
    for catch in list(&state("ClosePayout"), "Catch") {
        let (next, output) = (catch["Next"].as_str(), catch["Output"].as_str());
        let expected = (Some("Reconcile"), Some("{% $merge([$states.input, $states.errorOutput]) %}"));
        assert_eq!((next, output), expected, "hand every failure over with the owner and the error: {catch:?}");
    }
    // What the state's expressions come to.
    let input = [("merchant_id", "mer_a"), ("mode", "test"), ("day", "2026-11-24"), ("Error", "E"), ("Cause", "{}")];
    let text = serde_json::to_string(&state("Reconcile")["Arguments"]["Payload"]).unwrap();
    let mut payload = text.replace("{% $exists($states.input.Cause) ? $states.input.Cause : '' %}", "{}");
    for (name, value) in input {
        payload = payload.replace(&format!("{{% $states.input.{name} %}}"), value);
    }
    let read: Result<reconcile::Request, _> = serde_json::from_str(&payload);
    assert!(matches!(read, Ok(reconcile::Request::NotClosed { .. })), "mend Payload, {payload}: {read:?}");
}
