//! openapi.yaml says what the API does in full: examples that its schemas accept, every problem that the code can answer,
//! and a reference, docs/api.md, that was made from it.

use std::collections::BTreeSet;

use payments::currency::Currency;
use payments::problem::ProblemKind;
use serde_json::{Value, json};
use strum::IntoEnumIterator;
use xtask::{Workspace, docs};

use crate::files::{none, text};

const CONTRACT: &str = "openapi.yaml";
const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];
const PROBLEM: &str = "application/problem+json";
const PROBLEM_TYPE: &str = "https://florin.example/problems/";
/// Problems that API Gateway answers by itself, before any function is asked.
const OF_THE_GATEWAY: [&str; 3] = ["unauthorized", "forbidden", "too-many-requests"];

fn contract() -> Value {
    serde_yaml_ng::from_str(&text(CONTRACT)).unwrap()
}

/// A body that the contract shows: where it stands, its media type, its schema and its examples.
struct Body {
    place: String,
    media_type: String,
    schema: Value,
    examples: Vec<Value>,
}

fn resolve<'a>(contract: &'a Value, value: &'a Value) -> &'a Value {
    let reference = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    reference.map_or(value, |pointer| contract.pointer(pointer).unwrap_or_else(|| panic!("{pointer} leads nowhere")))
}

fn operations(contract: &Value) -> Vec<(String, &Value)> {
    let paths = contract["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, methods)| METHODS.map(|method| (format!("{method} {path}"), &methods[method])));
    all.filter(|(_, operation)| !operation.is_null()).collect()
}

fn bodies_in(contract: &Value, place: &str, holder: &Value) -> Vec<Body> {
    let content = resolve(contract, holder)["content"].as_object().into_iter().flatten();
    let bodies = content.map(|(media_type, media)| {
        let several = media["examples"].as_object().into_iter().flatten().map(|(_, example)| example["value"].clone());
        let examples = several.chain(media.get("example").cloned()).collect();
        Body { place: place.to_owned(), media_type: media_type.clone(), schema: media["schema"].clone(), examples }
    });
    bodies.collect()
}

/// The bodies of every operation's request and responses, and of the shared responses.
fn bodies(contract: &Value) -> Vec<Body> {
    let mut bodies = Vec::new();
    for (name, operation) in operations(contract) {
        bodies.extend(bodies_in(contract, &format!("{name}, request"), &operation["requestBody"]));
        for (status, response) in operation["responses"].as_object().unwrap() {
            bodies.extend(bodies_in(contract, &format!("{name}, {status}"), response));
        }
    }
    for (name, response) in contract["components"]["responses"].as_object().unwrap() {
        bodies.extend(bodies_in(contract, name, response));
    }
    assert!(!bodies.is_empty(), "{CONTRACT} shows no body: mend the test");
    bodies
}

/// What the schema refuses, with references into the contract.
fn refusals(contract: &Value, schema: &Value, example: &Value) -> Vec<String> {
    let whole = json!({ "allOf": [schema], "components": { "schemas": contract["components"]["schemas"] } });
    let options = jsonschema::options().with_draft(jsonschema::Draft::Draft7).should_validate_formats(true);
    let validator = options.build(&whole).unwrap_or_else(|error| panic!("a schema of {CONTRACT} is none: {error}"));
    validator.iter_errors(example).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn every_request_and_response_has_an_example() {
    let contract = contract();
    let mute = bodies(&contract).into_iter().filter(|body| body.examples.is_empty());
    let findings: Vec<_> = mute.map(|body| body.place).collect();
    none(&findings, "add an example to these bodies of openapi.yaml:");
}

#[test]
fn every_parameter_has_an_example_that_its_schema_accepts() {
    let contract = contract();
    let mut findings = Vec::new();
    for (name, operation) in operations(&contract) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let parameter = resolve(&contract, parameter);
            let place = format!("{name}, {}", parameter["name"]);
            match parameter.get("example") {
                None => findings.push(format!("{place}: no example")),
                Some(example) => {
                    let refused = refusals(&contract, &parameter["schema"], example);
                    findings.extend(refused.into_iter().map(|why| format!("{place}: {why}")));
                }
            }
        }
    }
    none(&findings, "mend the examples of these parameters of openapi.yaml:");
}

#[test]
fn every_example_is_what_its_schema_says() {
    let contract = contract();
    let mut findings = Vec::new();
    for body in bodies(&contract) {
        for example in &body.examples {
            let refused = refusals(&contract, &body.schema, example);
            findings.extend(refused.into_iter().map(|why| format!("{}: {why}", body.place)));
        }
    }
    none(&findings, "mend these examples of openapi.yaml, or their schemas:");
}

#[test]
fn a_wrong_example_is_found() {
    let contract = contract();
    let payment = json!({ "$ref": "#/components/schemas/CreatePayment" });
    let token = "tok_0123456789abcdef0123456789abcdef";
    assert_eq!(refusals(&contract, &payment, &json!({ "amount": 1, "currency": "EUR", "token": token })), [""; 0]);
    for wrong in [
        json!({ "amount": 0, "currency": "EUR", "token": token }),
        json!({ "amount": 1, "currency": "EUR" }),
        json!({ "amount": 1, "currency": "EUR", "token": token, "tip": 1 }),
    ] {
        assert_eq!(refusals(&contract, &payment, &wrong).len(), 1, "{wrong}");
    }
}

#[test]
fn the_contract_lists_exactly_the_currencies_that_there_are() {
    let letters = || 'A'..='Z';
    let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
    let expected: Vec<_> = codes.filter(|code| code.parse::<Currency>().is_ok()).map(Value::from).collect();
    assert_eq!(contract()["components"]["schemas"]["Currency"]["enum"], Value::from(expected));
}

/// Every problem's example, by the last word of its type.
fn problems(contract: &Value) -> Vec<(String, Value)> {
    let examples =
        bodies(contract).into_iter().filter(|body| body.media_type == PROBLEM).flat_map(|body| body.examples);
    examples.map(|example| (word(&example["type"]), example)).collect()
}

fn word(kind: &Value) -> String {
    let kind = kind.as_str().unwrap();
    kind.strip_prefix(PROBLEM_TYPE).unwrap_or_else(|| panic!("{kind} does not begin with {PROBLEM_TYPE}")).to_owned()
}

#[test]
fn the_contract_knows_exactly_the_problems_that_there_are() {
    let contract = contract();
    let kinds = ProblemKind::iter().map(|kind| kind.to_string());
    let expected: BTreeSet<_> = kinds.chain(OF_THE_GATEWAY.map(str::to_owned)).collect();
    let schema = &contract["components"]["schemas"]["Problem"]["properties"]["type"]["enum"];
    let listed: BTreeSet<_> = schema.as_array().unwrap().iter().map(word).collect();
    assert_eq!(listed, expected, "list the types of problem.rs and OF_THE_GATEWAY in the schema Problem");
    let shown: BTreeSet<_> = problems(&contract).into_iter().map(|(word, _)| word).collect();
    assert_eq!(shown, expected, "give each type an example in components.responses, and no other");
}

#[test]
fn a_problems_example_has_its_kinds_status_and_title() {
    let contract = contract();
    let mut findings = Vec::new();
    for (word, example) in problems(&contract) {
        let Some(kind) = ProblemKind::iter().find(|kind| kind.to_string() == word) else { continue };
        if example["status"] != kind.status() || example["title"] != kind.title() {
            findings.push(format!("{word}: expected {} {}", kind.status(), kind.title()));
        }
    }
    none(&findings, "mend these problems in openapi.yaml:");
}

#[test]
fn every_problem_stands_under_its_status() {
    let contract = contract();
    let mut findings = Vec::new();
    for (name, operation) in operations(&contract) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let expected: u64 = status.parse().unwrap();
            let shown = bodies_in(&contract, &name, response).into_iter().filter(|body| body.media_type == PROBLEM);
            let wrong = shown.flat_map(|body| body.examples).filter(|it| it["status"] != expected);
            findings.extend(wrong.map(|problem| format!("{name}, {status}: {}", problem["type"])));
        }
    }
    none(&findings, "these problems have another status than the response that shows them:");
}

#[test]
fn the_reference_is_made_from_the_contract_as_it_is() {
    let made = docs::reference(&Workspace::find().unwrap()).unwrap();
    assert!(made == text(docs::REFERENCE), "{} is stale: write it with `cargo xtask docs`", docs::REFERENCE);
}
