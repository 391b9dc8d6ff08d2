//! Reading a merchant's rules as an operator sends them, field by field.

use super::{Choice, MAX_CHOICES, MAX_RULE_NAME, MAX_RULES, MAX_WEIGHT, Routing, Rule};
use crate::card::Brand;
use crate::currency::Currency;
use crate::fields::Fields;
use crate::gateway::GatewayName;
use crate::merchant::{list, read_limits};
use crate::problem::FieldError;
use crate::region::Country;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

const CURRENCIES: &str = "expected a list of ISO 4217 codes in capitals, such as [\"EUR\"]";
const BRANDS: &str = "expected a list of visa, mastercard, american_express, discover, other";
const COUNTRIES: &str = "expected a list of ISO 3166-1 codes in capitals, such as [\"NL\"]";

/// The rules of the field `routing`; an empty list takes all rules away.
pub(crate) fn read_routing(fields: &mut Fields<'_>) -> Routing {
    let none = fields.optional("routing", "expected a list of rules", |value| value.as_array().cloned());
    match none {
        Some(rules) if !rules.is_empty() => {
            let rules = list(fields, "", "routing", MAX_RULES, rule).unwrap_or_default();
            for (place, rule) in rules.iter().enumerate() {
                if rules[..place].iter().any(|before| before.name == rule.name) {
                    let expected = "expected a name that no other rule has";
                    fields.errors.push(FieldError::new(format!("routing[{place}].name"), expected));
                }
            }
            Routing(rules)
        }
        Some(_) | None => Routing::default(),
    }
}

fn rule(rule: &Map<String, Value>, path: &str, errors: &mut Vec<FieldError>) -> Option<Rule> {
    let known = ["name", "currencies", "brands", "countries", "amounts", "gateways"];
    let mut fields = Fields::of(rule, &format!("{path}."), &known);
    let expected = format!("expected 1 to {MAX_RULE_NAME} small letters, digits and dashes");
    let name = fields.required("name", &expected, name);
    let currencies = set::<Currency>(&mut fields, "currencies", CURRENCIES);
    let brands = set::<Brand>(&mut fields, "brands", BRANDS);
    let countries = set::<Country>(&mut fields, "countries", COUNTRIES);
    let expected = "expected an object from ISO 4217 codes to { min, max }";
    let bounds = fields.optional("amounts", expected, |value| value.as_object().cloned()).unwrap_or_default();
    let amounts = read_limits(&bounds, &format!("{path}.amounts"), &mut fields.errors);
    let gateways = list(&mut fields, path, "gateways", MAX_CHOICES, choice).unwrap_or_default();
    if fields.errors.is_empty() {
        twice(&gateways, path, &mut fields.errors);
        weights(&gateways, path, &mut fields.errors);
    }
    errors.append(&mut fields.errors);
    Some(Rule { name: name?, currencies, brands, countries, amounts, gateways })
}

fn choice(choice: &Map<String, Value>, path: &str, errors: &mut Vec<FieldError>) -> Option<Choice> {
    let mut fields = Fields::of(choice, &format!("{path}."), &["gateway", "weight"]);
    let expected = format!("expected a gateway's name, 1 to {MAX_RULE_NAME} small letters, digits and dashes");
    let gateway = fields.required("gateway", &expected, name).map(GatewayName);
    let expected = format!("expected a whole number from 0 to {MAX_WEIGHT}");
    let weight = fields.optional("weight", &expected, |value| {
        value.as_u64().and_then(|weight| u32::try_from(weight).ok()).filter(|weight| *weight <= MAX_WEIGHT)
    });
    errors.append(&mut fields.errors);
    Some(Choice { gateway: gateway?, weight })
}

fn name(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    ((1..=MAX_RULE_NAME).contains(&text.len()) && text.bytes().all(good)).then(|| text.to_owned())
}

/// A list of names without repetition; empty if it is missing.
fn set<T: DeserializeOwned + Ord>(fields: &mut Fields<'_>, name: &str, expected: &str) -> BTreeSet<T> {
    let read = fields.optional(name, expected, |value| {
        value.as_array()?.iter().map(|entry| T::deserialize(entry).ok()).collect::<Option<BTreeSet<T>>>()
    });
    read.unwrap_or_default()
}

fn twice(gateways: &[Choice], path: &str, errors: &mut Vec<FieldError>) {
    let mut seen = BTreeMap::new();
    for (place, choice) in gateways.iter().enumerate() {
        if let Some(first) = seen.insert(&choice.gateway, place) {
            let detail = format!("expected each gateway once: it is gateways[{first}] too");
            errors.push(FieldError::new(format!("{path}.gateways[{place}].gateway"), detail));
        }
    }
}

/// All have a weight, or none; and the weights are not all nothing.
fn weights(gateways: &[Choice], path: &str, errors: &mut Vec<FieldError>) {
    let weighted = gateways.iter().filter(|choice| choice.weight.is_some()).count();
    if weighted != 0 && weighted != gateways.len() {
        let missing = gateways.iter().position(|choice| choice.weight.is_none()).unwrap_or_default();
        let expected = "expected a weight: the rule's other gateways have one";
        errors.push(FieldError::new(format!("{path}.gateways[{missing}].weight"), expected));
    } else if weighted > 0 && gateways.iter().all(|choice| choice.weight == Some(0)) {
        errors.push(FieldError::new(format!("{path}.gateways"), "expected at least one weight above 0"));
    }
}
