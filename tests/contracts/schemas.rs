//! What was promised about events and topics stays so: `schemas/` against `schemas/released/`, by the rules of its README.

use crate::files::{none, root, text};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What says nothing about a value.
const ANNOTATIONS: [&str; 5] = ["$id", "$schema", "title", "description", "x-extensible"];
/// What we read; everything else we write.
const READ: [&str; 1] = ["topics/payment-requests.v1.json"];

/// Who is bound by a schema.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Written,
    Read,
}

/// What a reader or a writer of the old schema would stumble over, each with its place.
fn incompatibilities(old: &Value, new: &Value, side: Side) -> Vec<String> {
    let mut found = Vec::new();
    compare("", old, new, side, &mut found);
    found
}

fn compare(place: &str, old: &Value, new: &Value, side: Side, found: &mut Vec<String>) {
    let (Some(before), Some(after)) = (old.as_object(), new.as_object()) else {
        if old != new {
            found.push(format!("{place}: {old} became {new}"));
        }
        return;
    };
    let keywords: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for keyword in keywords.into_iter().filter(|keyword| !ANNOTATIONS.contains(&keyword.as_str())) {
        let (old_part, new_part) = (&old[keyword], &new[keyword]);
        let place = format!("{place}/{keyword}");
        match keyword.as_str() {
            "properties" => compare_properties(&place, old_part, new_part, side, found),
            "$defs" => compare_definitions(&place, old_part, new_part, side, found),
            "required" => compare_required(&place, old_part, new_part, side, found),
            "enum" => {
                let extensible = old["x-extensible"] == true && new["x-extensible"] == true;
                compare_words(&place, old_part, new_part, side == Side::Read || extensible, found);
            }
            "oneOf" | "anyOf" | "allOf" => compare_branches(&place, old_part, new_part, side, found),
            "items" | "additionalProperties" => compare(&place, old_part, new_part, side, found),
            _ if old_part != new_part => found.push(format!("{place}: {old_part} became {new_part}")),
            _ => {}
        }
    }
}

fn compare_properties(place: &str, old: &Value, new: &Value, side: Side, found: &mut Vec<String>) {
    for (name, schema) in old.as_object().into_iter().flatten() {
        match new.get(name) {
            Some(now) => compare(&format!("{place}/{name}"), schema, now, side, found),
            None => found.push(format!("{place}/{name}: taken away")),
        }
    }
}

/// A definition that is gone is seen where it was referred to.
fn compare_definitions(place: &str, old: &Value, new: &Value, side: Side, found: &mut Vec<String>) {
    for (name, schema) in old.as_object().into_iter().flatten() {
        if let Some(now) = new.get(name) {
            compare(&format!("{place}/{name}"), schema, now, side, found);
        }
    }
}

fn words(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().map(Value::to_string).collect()
}

fn compare_required(place: &str, old: &Value, new: &Value, side: Side, found: &mut Vec<String>) {
    let (old, new) = (words(old), words(new));
    let changed = match side {
        Side::Written => old.difference(&new).map(|name| format!("{place}: {name} may be absent")).collect(),
        Side::Read => new.difference(&old).map(|name| format!("{place}: {name} is asked for")).collect::<Vec<_>>(),
    };
    found.extend(changed);
}

fn compare_words(place: &str, old: &Value, new: &Value, may_grow: bool, found: &mut Vec<String>) {
    let (before, after) = (words(old), words(new));
    found.extend(before.difference(&after).map(|word| format!("{place}: {word} taken away")));
    if !may_grow {
        found.extend(after.difference(&before).map(|word| format!("{place}: {word} added")));
    }
}

fn compare_branches(place: &str, old: &Value, new: &Value, side: Side, found: &mut Vec<String>) {
    let (before, after) =
        (old.as_array().map_or(&[][..], Vec::as_slice), new.as_array().map_or(&[][..], Vec::as_slice));
    if before.len() != after.len() {
        found.push(format!("{place}: {} branches became {}", before.len(), after.len()));
    }
    for (number, (old, new)) in before.iter().zip(after).enumerate() {
        compare(&format!("{place}/{number}"), old, new, side, found);
    }
}

/// The schemas below a folder of `schemas/`, by their paths.
fn schemas(below: &str) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for part in ["events", "topics"] {
        for entry in std::fs::read_dir(root().join(below).join(part)).unwrap() {
            let name = format!("{part}/{}", entry.unwrap().file_name().to_string_lossy());
            let schema = serde_json::from_str(&text(&format!("{below}/{name}"))).unwrap();
            all.push((name, schema));
        }
    }
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

#[test]
fn what_was_released_still_holds() {
    let (now, released) = (schemas("schemas"), schemas("schemas/released"));
    assert!(released.len() >= 9, "every event and topic was released");
    let mut findings = Vec::new();
    for (name, old) in &released {
        let side = if READ.contains(&name.as_str()) { Side::Read } else { Side::Written };
        match now.iter().find(|(path, _)| path == name) {
            Some((_, new)) => {
                findings.extend(incompatibilities(old, new, side).into_iter().map(|what| format!("{name}{what}")));
            }
            None => findings.push(format!("{name}: taken away")),
        }
    }
    none(&findings, "make a new version (schemas/README.md), because readers of the old one would stumble over:");
}

#[test]
fn each_schema_is_one_and_stands_alone() {
    for (name, schema) in schemas("schemas") {
        assert!(jsonschema::draft202012::meta::is_valid(&schema), "{name}");
        assert!(jsonschema::validator_for(&schema).is_ok(), "{name} refers to nothing outside");
        assert_eq!(schema["$id"], format!("https://florin.example/schemas/{name}"));
        assert!(schema["title"].is_string() && schema["description"].is_string(), "{name}");
    }
}

#[test]
fn every_change_that_breaks_a_reader_or_a_writer_is_told() {
    let old = json!({
        "type": "object",
        "required": ["id", "kind"],
        "properties": {
            "id": { "type": "string", "pattern": "^pay_" },
            "kind": { "type": "string", "enum": ["a", "b"] },
            "type": { "type": "string", "enum": ["x"], "x-extensible": true },
            "amount": { "type": "integer", "minimum": 0 },
            "lines": { "type": "array", "items": { "$ref": "#/$defs/Line" } }
        },
        "$defs": { "Line": { "type": "object", "properties": { "text": { "type": "string" } } } }
    });
    let check = |pointer: &str, value: Value, written: &[&str], read: &[&str]| {
        let mut new = old.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = new.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if value.is_null() {
            parent.remove(name);
        } else {
            parent.insert(name.to_owned(), value);
        }
        assert_eq!(incompatibilities(&old, &new, Side::Written), written, "{pointer}, written");
        assert_eq!(incompatibilities(&old, &new, Side::Read), read, "{pointer}, read");
    };
    check("/title", json!("another"), &[], &[]);
    check("/properties/note", json!({ "type": "string" }), &[], &[]);
    let gone = ["/properties/amount: taken away"];
    check("/properties/amount", Value::Null, &gone, &gone);
    let retyped = [r#"/properties/amount/type: "integer" became "number""#];
    check("/properties/amount/type", json!("number"), &retyped, &retyped);
    let bound = ["/properties/amount/minimum: 0 became 1"];
    check("/properties/amount/minimum", json!(1), &bound, &bound);
    let bounded = ["/properties/amount/maximum: null became 5"];
    check("/properties/amount/maximum", json!(5), &bounded, &bounded);
    check("/required", json!(["id"]), &[r#"/required: "kind" may be absent"#], &[]);
    check("/required", json!(["id", "kind", "amount"]), &[], &[r#"/required: "amount" is asked for"#]);
    check("/properties/kind/enum", json!(["a", "b", "c"]), &[r#"/properties/kind/enum: "c" added"#], &[]);
    let fewer = [r#"/properties/kind/enum: "b" taken away"#];
    check("/properties/kind/enum", json!(["a"]), &fewer, &fewer);
    check("/properties/type/enum", json!(["x", "y"]), &[], &[]);
    let deep = [r##"/$defs/Line/properties/text/type: "string" became "object""##];
    check("/$defs/Line/properties/text/type", json!("object"), &deep, &deep);
    let referred = [r##"/properties/lines/items/$ref: "#/$defs/Line" became "#/$defs/Row""##];
    check("/properties/lines/items/$ref", json!("#/$defs/Row"), &referred, &referred);
}
