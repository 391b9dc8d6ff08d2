//! Schemas as tables of fields.

use super::document::{Document, anchor, cell, entries, items};
use serde_yaml_ng::Value;

/// Objects within objects are shown in one table down to here.
const DEEPEST: usize = 6;

/// The chapter of all named schemas.
pub fn section(document: &Document) -> String {
    let mut text = String::from("\n## Schemas\n");
    for (name, schema) in entries(document.at(&["components", "schemas"])) {
        text.push_str(&format!("\n### {}\n", heading(name)));
        if let Some(description) = schema["description"].as_str() {
            text.push_str(&format!("\n{}\n", description.trim()));
        }
        text.push_str(&fields(schema));
    }
    text
}

fn heading(name: &str) -> String {
    format!("Schema {name}")
}

/// A link to a named schema, or the type itself.
pub fn link(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or(reference);
        return format!("[{name}](#{})", anchor(&heading(name)));
    }
    for several in ["oneOf", "anyOf", "allOf"] {
        let parts = items(&schema[several]);
        if !parts.is_empty() {
            let parts: Vec<_> = parts.iter().map(link).collect();
            return parts.join(if several == "allOf" { " and " } else { " or " });
        }
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", link(&schema["items"])),
        Some(kind) => kind.to_owned(),
        None => "any".to_owned(),
    }
}

/// The schema's fields as a table; a schema without fields as one line.
pub fn fields(schema: &Value) -> String {
    let mut rows = Vec::new();
    collect(schema, "", DEEPEST, &mut rows);
    if rows.is_empty() {
        return format!("\n{}\n", described(&link(schema), &limits(schema)));
    }
    let mut text = String::from("\n| field | type | required | limits | description |\n|---|---|---|---|---|\n");
    rows.iter().for_each(|row| text.push_str(row));
    if schema["additionalProperties"].as_bool() == Some(false) {
        text.push_str("\nOther fields are refused.\n");
    }
    text
}

fn described(kind: &str, limits: &str) -> String {
    if limits.is_empty() { format!("Type: {kind}.") } else { format!("Type: {kind}; {limits}.") }
}

fn collect(schema: &Value, prefix: &str, depth: usize, rows: &mut Vec<String>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    // The parts of an allOf are one object.
    items(&schema["allOf"]).iter().for_each(|part| collect(part, prefix, depth, rows));
    let required: Vec<_> = items(&schema["required"]).iter().filter_map(Value::as_str).collect();
    for (name, field) in entries(&schema["properties"]) {
        let needed = if required.contains(&name) { "yes" } else { "" };
        let description = cell(field["description"].as_str().unwrap_or_default());
        let path = format!("{prefix}{name}");
        rows.push(format!("| `{path}` | {} | {needed} | {} | {description} |\n", link(field), cell(&limits(field))));
        collect(field, &format!("{path}."), depth, rows);
        if field["type"].as_str() == Some("array") {
            collect(&field["items"], &format!("{path}[]."), depth, rows);
        }
    }
}

/// What a value must keep to.
pub fn limits(schema: &Value) -> String {
    let mut limits = Vec::new();
    let number = |name: &str| schema[name].as_i64().map(|number| number.to_string());
    let mut range = |least: &str, most: &str, unit: &str| match (number(least), number(most)) {
        (Some(least), Some(most)) => limits.push(format!("{least} to {most}{unit}")),
        (Some(least), None) => limits.push(format!("at least {least}{unit}")),
        (None, Some(most)) => limits.push(format!("at most {most}{unit}")),
        (None, None) => {}
    };
    range("minimum", "maximum", "");
    range("minLength", "maxLength", " characters");
    range("minItems", "maxItems", " items");
    let format = schema["format"].as_str().filter(|format| !matches!(*format, "int32" | "int64"));
    limits.extend(format.map(str::to_owned));
    limits.extend(schema["pattern"].as_str().map(|pattern| format!("`{pattern}`")));
    let values = items(&schema["enum"]).iter().chain(items(&schema["items"]["enum"]));
    let values: Vec<_> = values.filter_map(Value::as_str).map(|value| format!("`{value}`")).collect();
    if !values.is_empty() {
        limits.push(values.join(", "));
    }
    limits.extend(plain(&schema["default"]).map(|value| format!("default `{value}`")));
    if schema["nullable"].as_bool() == Some(true) {
        limits.push("may be null".to_owned());
    }
    limits.join("; ")
}

/// A text, a number or a boolean as it stands.
pub fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => None,
    }
}
