//! The workflow handles exactly the errors that its steps can name, and never retries without bounds.

use std::collections::BTreeSet;

use serde_yaml_ng::{Mapping, Value};
use strum::IntoEnumIterator;

use crate::files::{STEPS, none, pascal, yaml};

const MACHINE: &str = "statemachines/payment.asl.yaml";
/// What `task` answers to an input that a step cannot read; no step's own error.
const INVALID_INPUT: &str = "InvalidInput";
/// Everything else, as Step Functions calls it.
const ALL: &str = "States.ALL";

/// A step's state, and the names of its errors with whether they pass by themselves.
struct Step {
    state: &'static str,
    errors: Vec<(&'static str, bool)>,
}

fn steps() -> [Step; 7] {
    [
        Step { state: "Validate", errors: errors(validate::ErrorName::transient) },
        Step { state: "Authorize", errors: errors(authorize::ErrorName::transient) },
        Step { state: "FraudCheck", errors: errors(fraud_check::ErrorName::transient) },
        Step { state: "Execute", errors: errors(execute::ErrorName::transient) },
        Step { state: "Settle", errors: errors(settle::ErrorName::transient) },
        Step { state: "Void", errors: errors(void::ErrorName::transient) },
        Step { state: "Refund", errors: errors(refund::ErrorName::transient) },
    ]
}

fn errors<N: IntoEnumIterator + Copy + Into<&'static str>>(transient: fn(N) -> bool) -> Vec<(&'static str, bool)> {
    N::iter().map(|name| (name.into(), transient(name))).collect()
}

#[test]
fn the_table_of_steps_is_complete() {
    let listed = steps().map(|step| step.state.to_owned());
    assert_eq!(listed, STEPS.map(pascal), "list every step once in steps() and in files::STEPS, in one order");
    let machine = yaml(MACHINE);
    let tasks: BTreeSet<_> = states(&machine).into_iter().filter(|(_, it)| is_task(it)).map(|(name, _)| name).collect();
    let listed: BTreeSet<_> = listed.iter().map(String::as_str).collect();
    assert_eq!(tasks, listed, "a Task of {MACHINE} is not in steps(), or the other way round: add it");
}

#[test]
fn every_state_says_what_is_true_after_it() {
    let machine = yaml(MACHINE);
    let silent = states(&machine).into_iter().filter(|(_, state)| state["Comment"].as_str().is_none_or(str::is_empty));
    let findings: Vec<_> = silent.map(|(name, _)| name.to_owned()).collect();
    none(&findings, "add a Comment to these states:");
}

#[test]
fn every_task_is_bounded_in_time() {
    let machine = yaml(MACHINE);
    let tasks = states(&machine).into_iter().filter(|(_, state)| is_task(state));
    let open = tasks.filter(|(_, state)| state["TimeoutSeconds"].as_u64().is_none_or(|seconds| seconds == 0));
    let findings: Vec<_> = open.map(|(name, _)| name.to_owned()).collect();
    none(&findings, "add TimeoutSeconds to these tasks:");
}

#[test]
fn every_retry_is_bounded_and_jittered() {
    let machine = yaml(MACHINE);
    let mut findings = Vec::new();
    for (name, state) in states(&machine).into_iter().filter(|(_, state)| is_task(state)) {
        let retries = list(state, "Retry");
        if retries.is_empty() {
            findings.push(format!("{name} has no Retry"));
        }
        for (index, retry) in retries.iter().enumerate() {
            for bound in ["MaxAttempts", "MaxDelaySeconds"] {
                if retry[bound].as_u64().is_none_or(|number| number == 0) {
                    findings.push(format!("{name}, Retry {index}: {bound} is missing or 0"));
                }
            }
            if retry["JitterStrategy"].as_str() != Some("FULL") {
                findings.push(format!("{name}, Retry {index}: JitterStrategy is not FULL"));
            }
        }
    }
    none(&findings, "bound these retries:");
}

#[test]
fn the_first_retry_lists_exactly_the_errors_that_pass() {
    let machine = yaml(MACHINE);
    let mut findings = Vec::new();
    for step in steps() {
        let state = &machine["States"][step.state];
        let retried = list(state, "Retry").first().map(|retry| caught(retry)).unwrap_or_default();
        let passing: Vec<_> = step.errors.iter().filter(|(_, transient)| *transient).map(|(name, _)| *name).collect();
        if set(&retried) != set(&passing) || retried.len() != passing.len() {
            findings.push(format!("{}: the workflow has {retried:?}, the step says {passing:?}", step.state));
        }
    }
    none(&findings, "make ErrorEquals of the first Retry the transient names of the step's Error:");
}

#[test]
fn no_later_retry_names_a_steps_own_error() {
    let machine = yaml(MACHINE);
    let mut findings = Vec::new();
    for step in steps() {
        let state = &machine["States"][step.state];
        let own = |name: &&str| *name == INVALID_INPUT || step.errors.iter().any(|(error, _)| error == name);
        let later = list(state, "Retry").iter().skip(1).flat_map(caught);
        findings.extend(later.filter(own).map(|name| format!("{}: {name}", step.state)));
    }
    none(&findings, "a step's own errors are retried by the first Retry or not at all; take out:");
}

#[test]
fn every_error_of_a_step_is_caught_by_name_once() {
    let machine = yaml(MACHINE);
    let mut findings = Vec::new();
    for step in steps() {
        let catches = list(&machine["States"][step.state], "Catch");
        let caught: Vec<_> = catches.iter().flat_map(caught).filter(|name| *name != ALL).collect();
        let own = step.errors.iter().map(|(name, _)| *name).chain([INVALID_INPUT]);
        let expected: BTreeSet<_> = own.collect();
        for name in &expected {
            let times = caught.iter().filter(|other| *other == name).count();
            if times != 1 {
                findings.push(format!("{}: {name} is caught {times} times, once is right", step.state));
            }
        }
        let foreign = caught.iter().filter(|name| !expected.contains(*name));
        findings.extend(foreign.map(|name| format!("{}: {name} is no error of the step", step.state)));
    }
    none(&findings, "mend the Catch lists, or the step's Error:");
}

#[test]
fn the_last_catch_is_for_everything_else() {
    let machine = yaml(MACHINE);
    let mut findings = Vec::new();
    for step in steps() {
        let catches: Vec<_> = list(&machine["States"][step.state], "Catch").iter().map(caught).collect();
        let places = catches.iter().filter(|names| names.contains(&ALL)).count();
        if catches.last().map(Vec::as_slice) != Some(&[ALL]) || places != 1 {
            findings.push(step.state.to_owned());
        }
    }
    none(&findings, "end Catch with `ErrorEquals: [States.ALL]`, alone and nowhere else, in:");
}

#[test]
fn every_way_leads_to_a_state() {
    let machine = yaml(MACHINE);
    let known: BTreeSet<_> = states(&machine).into_iter().map(|(name, _)| name).collect();
    let mut findings = Vec::new();
    for (name, state) in states(&machine) {
        let branches = list(state, "Catch").iter().chain(list(state, "Choices"));
        let ways = branches.map(|branch| &branch["Next"]).chain([&state["Next"], &state["Default"]]);
        let lost = ways.filter_map(Value::as_str).filter(|next| !known.contains(next));
        findings.extend(lost.map(|next| format!("{name} leads to {next}")));
    }
    none(&findings, "add the state, or lead to another:");
}

fn states(machine: &Value) -> Vec<(&str, &Value)> {
    let states: &Mapping = machine["States"].as_mapping().expect("States is a mapping: mend the workflow");
    states.iter().map(|(name, state)| (name.as_str().unwrap(), state)).collect()
}

fn is_task(state: &Value) -> bool {
    state["Type"].as_str() == Some("Task")
}

fn list<'a>(state: &'a Value, key: &str) -> &'a [Value] {
    state[key].as_sequence().map(Vec::as_slice).unwrap_or_default()
}

/// The names in `ErrorEquals`.
fn caught(entry: &Value) -> Vec<&str> {
    list(entry, "ErrorEquals").iter().filter_map(Value::as_str).collect()
}

fn set<'a>(names: &[&'a str]) -> BTreeSet<&'a str> {
    names.iter().copied().collect()
}
