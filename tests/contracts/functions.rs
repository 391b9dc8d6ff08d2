//! Every function has the same four parts: a short program, a sample event, a resource and, if it is a step, a state.

use crate::files::{STEPS, folders, none, pascal, root, text, yaml};

/// What fits on a screen: the program wires, the library works.
const LONGEST_PROGRAM: usize = 25;

#[test]
fn every_program_is_short() {
    let lengths = folders("functions").into_iter().map(|function| {
        let path = format!("functions/{function}/src/main.rs");
        let lines = text(&path).lines().count();
        (path, lines)
    });
    let long = lengths.filter(|(_, lines)| *lines > LONGEST_PROGRAM);
    let findings: Vec<_> = long.map(|(path, lines)| format!("{path}: {lines} lines")).collect();
    none(&findings, "move work from main.rs to lib.rs; 25 lines are enough to wire ports:");
}

#[test]
fn every_function_has_a_sample_event() {
    let mut findings = Vec::new();
    for function in folders("functions") {
        let path = format!("events/{function}.json");
        if !root().join(&path).is_file() {
            findings.push(format!("{path} is missing"));
        } else if let Err(error) = serde_json::from_str::<serde_json::Value>(&text(&path)) {
            findings.push(format!("{path} is not JSON: {error}"));
        }
    }
    none(&findings, "write what Lambda would send to the function:");
}

#[test]
fn every_function_is_deployed_from_its_own_folder() {
    let template = yaml("template.yaml");
    let mut findings = Vec::new();
    for function in folders("functions") {
        let resource = format!("{}Function", pascal(&function));
        let expected = format!("functions/{function}/");
        let found = template["Resources"][&resource]["Properties"]["CodeUri"].as_str();
        if found != Some(&expected) {
            findings.push(format!("{resource} needs `CodeUri: {expected}`, it has {found:?}"));
        }
    }
    none(&findings, "add or mend the resource in template.yaml:");
}

#[test]
fn every_deployed_function_has_its_folder() {
    let template = yaml("template.yaml");
    let known: Vec<_> = folders("functions").iter().map(|name| format!("{}Function", pascal(name))).collect();
    let resources = template["Resources"].as_mapping().unwrap().iter();
    let functions = resources.filter(|(_, it)| it["Type"].as_str() == Some("AWS::Serverless::Function"));
    let names = functions.map(|(name, _)| name.as_str().unwrap().to_owned());
    let findings: Vec<_> = names.filter(|name| !known.contains(name)).collect();
    none(&findings, "these resources of template.yaml have no folder below functions/: add it, or remove them:");
}

#[test]
fn every_step_is_a_state_that_calls_its_function() {
    let machine = yaml("statemachines/payment.asl.yaml");
    let mut findings = Vec::new();
    for step in STEPS {
        let state = pascal(step);
        let expected = format!("${{{state}FunctionArn}}");
        let found = machine["States"][&state]["Arguments"]["FunctionName"].as_str();
        if found != Some(&expected) {
            findings.push(format!("{state} needs `FunctionName: {expected}`, it has {found:?}"));
        }
    }
    none(&findings, "add or mend the state in statemachines/payment.asl.yaml:");
}
