//! No function's variable can hold a secret: what a deployment hands over to one is a name, an address or an ARN.

use serde_json::json;
use serde_yaml_ng::Value;

use crate::files::{none, text, texts, yaml};

/// Parameters that are words for people: name, why.
const WORDS: [(&str, &str); 2] =
    [("InvoiceSeller", "printed on every invoice"), ("InvoiceVatNote", "printed on every invoice")];

/// What secrets look like, made up: Stripe's keys, an AWS secret key, ours, a PEM.
const LIKE_SECRETS: [&str; 7] = [
    "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "rk_test_51H8example0123456789abcdefghij",
    "rk_live_51H8example0123456789abcdefghij",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "fk_live_0123456789abcdef0123456789abcdef",
    "-----BEGIN PRIVATE KEY-----",
];

#[test]
fn no_parameter_of_a_variable_takes_a_secret() {
    let template = yaml("template.yaml");
    let (mut findings, mut held) = (Vec::new(), 0);
    for (name, parameter) in template["Parameters"].as_mapping().unwrap() {
        let name = name.as_str().unwrap();
        if !variables(&template).iter().any(|(_, value)| names(value, name)) {
            continue;
        }
        held += 1;
        let taken = LIKE_SECRETS.iter().filter(|secret| takes(parameter, secret)).count();
        if taken > 0 && !WORDS.iter().any(|(words, _)| *words == name) {
            findings.push(format!("{name} takes {taken} of {}", LIKE_SECRETS.len()));
        }
    }
    assert!(held > 10, "{held} parameters get into variables: mend this test");
    none(&findings, "give the parameter an AllowedPattern that a secret does not match; hand over the secret's ARN:");
}

#[test]
fn no_variable_is_filled_from_where_secrets_are() {
    let template = text("template.yaml");
    let lines = template.lines().enumerate();
    let resolving = ["{{resolve:", "AWS::SSM::Parameter::Value", "NoEcho"];
    let found = lines.filter(|(_, line)| resolving.iter().any(|word| line.contains(word)));
    let findings: Vec<_> = found.map(|(index, line)| format!("template.yaml:{}: {}", index + 1, line.trim())).collect();
    none(&findings, "let the function read the secret when it needs it; its role says which:");
}

#[test]
fn a_variable_that_sounds_secret_is_a_name() {
    let template = yaml("template.yaml");
    let sounding = ["SECRET", "KEY", "PASSWORD", "CREDENTIAL", "TOKEN"];
    let mut findings = Vec::new();
    let (parameters, resources) = (&template["Parameters"], &template["Resources"]);
    for (variable, value) in variables(&template) {
        if !variable.split('_').any(|word| sounding.contains(&word)) {
            continue;
        }
        // A resource's name or ARN, or a parameter that takes ARNs only; and the condition that it hangs on.
        let named = |text: &str| {
            let resource = text.split('.').next().unwrap();
            let arn = parameters[text]["AllowedPattern"].as_str().is_some_and(|it| it.starts_with("^(arn:"));
            arn || !resources[resource].is_null() || !template["Conditions"][text].is_null() || text == "AWS::NoValue"
        };
        findings.extend(texts(value).into_iter().filter(|text| !named(text)).map(|text| format!("{variable}: {text}")));
    }
    none(&findings, "hand over a name or an ARN instead of:");
}

/// Every variable of every function, and what is for all.
fn variables(template: &Value) -> Vec<(&str, &Value)> {
    let resources = template["Resources"].as_mapping().unwrap().values();
    let functions = resources.filter(|resource| resource["Type"].as_str() == Some("AWS::Serverless::Function"));
    let properties = functions.map(|function| &function["Properties"]).chain([&template["Globals"]["Function"]]);
    let lists = properties.filter_map(|it| it["Environment"]["Variables"].as_mapping());
    lists.flatten().map(|(name, value)| (name.as_str().unwrap(), value)).collect()
}

/// Whether the value is, or has in it, that parameter.
fn names(value: &Value, parameter: &str) -> bool {
    texts(value).into_iter().any(|text| text == parameter || text.contains(&format!("${{{parameter}}}")))
}

fn takes(parameter: &Value, value: &str) -> bool {
    if let Some(allowed) = parameter["AllowedValues"].as_sequence() {
        return allowed.iter().any(|it| it.as_str() == Some(value));
    }
    let Some(pattern) = parameter["AllowedPattern"].as_str() else { return true };
    // CloudFormation holds the whole value against the pattern.
    let schema = json!({ "pattern": format!("^(?:{pattern})$") });
    jsonschema::validator_for(&schema).unwrap().is_valid(&json!(value))
}
