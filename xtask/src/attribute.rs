//! JSON to DynamoDB's native types and back: maps, lists and whole numbers. It refuses to know any item.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value};

/// A DynamoDB item.
pub type Item = HashMap<String, AttributeValue>;

/// The item of a JSON object.
pub fn to_item(object: &Map<String, Value>) -> Item {
    let attributes = object.iter();
    attributes.map(|(name, value)| (name.clone(), to_attribute(value))).collect()
}

fn to_attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(*value),
        Value::Number(value) => AttributeValue::N(value.to_string()),
        Value::String(value) => AttributeValue::S(value.clone()),
        Value::Array(values) => AttributeValue::L(values.iter().map(to_attribute).collect()),
        Value::Object(object) => AttributeValue::M(to_item(object)),
    }
}

/// The JSON object of an item.
pub fn to_json(item: &Item) -> Result<Value> {
    let mut object = Map::new();
    for (name, attribute) in item {
        let value = to_value(attribute).with_context(|| format!("attribute {name}"))?;
        object.insert(name.clone(), value);
    }
    Ok(Value::Object(object))
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the SDK's enum is open: sets, bytes and what is yet to come are no JSON"
)]
fn to_value(attribute: &AttributeValue) -> Result<Value> {
    Ok(match attribute {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(value) => Value::Bool(*value),
        AttributeValue::N(digits) => {
            let number: i64 = digits.parse().context("expected a whole number")?;
            Value::from(number)
        }
        AttributeValue::S(text) => Value::from(text.as_str()),
        AttributeValue::L(values) => values.iter().map(to_value).collect::<Result<_>>()?,
        AttributeValue::M(item) => to_json(item)?,
        _ => bail!("expected a map, a list, a text, a number, a boolean or null"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_comes_back_as_it_went() {
        let value = serde_json::json!({ "a": [1, -2, { "b": null }], "c": "x", "d": true });
        let item = to_item(value.as_object().unwrap());
        assert_eq!(to_json(&item).unwrap(), value);
    }
}
