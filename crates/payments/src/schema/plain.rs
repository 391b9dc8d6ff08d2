//! A schema as others expect it: what Rust alone knows is taken out, and a list of words is an `enum`.

use schemars::Schema;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::{Map, Value};

/// Rewrites a schema and all within it.
#[derive(Clone)]
pub(crate) struct Plain;

impl Transform for Plain {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if let Some(schema) = schema.as_object_mut() {
            number(schema);
            without_null(schema);
            words(schema);
        }
    }
}

/// A number's width is ours; with one possible value, so is its lower bound.
fn number(schema: &mut Map<String, Value>) {
    let width = |format: &str| format.trim_start_matches("uint").trim_start_matches("int").parse::<u32>().is_ok();
    if schema.get("format").and_then(Value::as_str).is_some_and(width) {
        schema.remove("format");
    }
    if schema.contains_key("const") {
        schema.remove("minimum");
    }
}

/// Nothing that is absent is written as null, and null is not taken for it.
fn without_null(schema: &mut Map<String, Value>) {
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    let Some(branches) = schema.get("anyOf").and_then(Value::as_array) else { return };
    let left: Vec<&Value> = branches.iter().filter(|branch| branch["type"] != "null").collect();
    if let ([Value::Object(only)], true) = (left.as_slice(), left.len() < branches.len()) {
        let only = only.clone();
        schema.remove("anyOf");
        schema.extend(only);
    }
}

/// `oneOf` constants, each with a description, become one `enum` whose description lists them.
fn words(schema: &mut Map<String, Value>) {
    let Some(branches) = schema.get("oneOf").and_then(Value::as_array) else { return };
    let constants: Option<Vec<(Value, String)>> = branches
        .iter()
        .map(|branch| {
            let (word, meaning) = (branch.get("const")?, branch["description"].as_str().unwrap_or_default());
            let listed = format!("- `{}`: {meaning}", word.as_str()?);
            Some((word.clone(), listed))
        })
        .collect();
    let Some(constants) = constants else { return };
    let (words, lines): (Vec<Value>, Vec<String>) = constants.into_iter().unzip();
    let told = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!("{told}\n{}", lines.join("\n"));
    schema.remove("oneOf");
    schema.insert("type".to_owned(), "string".into());
    schema.insert("enum".to_owned(), words.into());
    schema.insert("description".to_owned(), description.trim_start().into());
}
