//! Who may call what: merchants' paths take an API key and count its requests, operators' paths take an IAM signature, and
//! gateways sign what they tell.

use crate::files::{none, text, texts, yaml};
use serde_yaml_ng::Value;

/// What the operators' paths begin with.
const OPERATORS: &str = "/operator/";
/// What the paths begin with at which gateways tell what happened.
const GATEWAYS: &str = "/v1/gateways/";

/// An operation of the API.
struct Operation {
    name: String,
    operators: bool,
    gateways: bool,
    value: Value,
}

fn operations(api: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, methods) in api["paths"].as_mapping().unwrap() {
        for (method, value) in methods.as_mapping().unwrap() {
            let (path, method) = (path.as_str().unwrap(), method.as_str().unwrap());
            let (operators, gateways) = (path.starts_with(OPERATORS), path.starts_with(GATEWAYS));
            found.push(Operation { name: format!("{method} {path}"), operators, gateways, value: value.clone() });
        }
    }
    assert!(found.iter().any(|it| it.operators) && found.iter().any(|it| !it.operators), "mend this test");
    found
}

/// The schemes that open an operation, by name.
fn schemes<'a>(api: &'a Value, operation: &'a Operation) -> Vec<&'a str> {
    let own = operation.value.get("security").unwrap_or(&api["security"]);
    let wanted = own.as_sequence().into_iter().flatten().filter_map(Value::as_mapping);
    wanted.flat_map(|scheme| scheme.keys()).filter_map(Value::as_str).collect()
}

#[test]
fn operators_paths_take_a_signature_gateways_none_and_all_others_an_api_key() {
    let api = yaml("openapi.yaml");
    let mut findings = Vec::new();
    for operation in operations(&api) {
        let expected: &[&str] = match (operation.operators, operation.gateways) {
            (true, _) => &["Operator"],
            (false, true) => &[],
            (false, false) => &["ApiKey"],
        };
        if schemes(&api, &operation) != expected {
            findings.push(format!("{}: expected the security schemes {expected:?}, and no other", operation.name));
        }
        let signed = operation.value["x-amazon-apigateway-auth"]["type"].as_str() == Some("AWS_IAM");
        if signed != operation.operators {
            findings
                .push(format!("{}: x-amazon-apigateway-auth has to say AWS_IAM for operators only", operation.name));
        }
    }
    let sigv4 = &api["components"]["securitySchemes"]["Operator"]["x-amazon-apigateway-authtype"];
    assert_eq!(sigv4.as_str(), Some("awsSigv4"));
    none(&findings, "mend the security of these operations in openapi.yaml:");
}

/// The folder of the function that an operation calls.
fn folder(operation: &Operation) -> String {
    let uri = texts(&operation.value["x-amazon-apigateway-integration"]["uri"]).concat();
    let (_, rest) = uri.split_once("functions/${").unwrap_or_else(|| panic!("{}: no function", operation.name));
    let (resource, _) = rest.split_once("Function.Arn}").unwrap_or_else(|| panic!("{}: no function", operation.name));
    let mut folder = String::new();
    for letter in resource.chars() {
        if letter.is_ascii_uppercase() && !folder.is_empty() {
            folder.push('-');
        }
        folder.push(letter.to_ascii_lowercase());
    }
    folder
}

#[test]
fn only_administer_serves_operators_and_it_asks_who_they_are() {
    let api = yaml("openapi.yaml");
    let all = operations(&api);
    let wrong = all.iter().filter(|it| (folder(it) == "administer") != it.operators).map(|it| it.name.clone());
    none(&wrong.collect::<Vec<_>>(), "operators' paths call administer, and no other path does:");
    assert!(text("functions/administer/src/lib.rs").contains("request.operator()"));
}

#[test]
fn every_function_that_takes_an_api_key_counts_its_requests() {
    let api = yaml("openapi.yaml");
    let all = operations(&api);
    let mut folders: Vec<_> = all.iter().filter(|it| !it.operators && !it.gateways).map(folder).collect();
    folders.sort();
    folders.dedup();
    let without = folders.into_iter().filter(|folder| {
        let source = text(&format!("functions/{folder}/src/lib.rs"));
        !source.contains("task::limit::refusal(")
    });
    none(&without.collect::<Vec<_>>(), "call task::limit::refusal at the top of handle in these functions:");
}

#[test]
fn every_function_that_a_gateway_tells_holds_a_signature_against_a_secret() {
    let api = yaml("openapi.yaml");
    let folders: Vec<_> = operations(&api).iter().filter(|it| it.gateways).map(folder).collect();
    assert_eq!(folders, ["hear-stripe"], "mend this test");
    let source = text("functions/hear-stripe/src/lib.rs");
    let (heard, acts) = (source.find("hear(header, &body, &secrets"), source.find("follow(ports, &payment_id)"));
    assert!(heard.is_some() && heard < acts, "verify the signature before anything is done");
}
