//! One operation: what to send, with an example for the shell, and what comes back.

use std::fmt::Write;

use anyhow::{Context, Result};
use serde_yaml_ng::Value;

use super::document::{Document, Operation, anchor, cell, entries, items, json};
use super::problems::PROBLEM;
use super::schema::{fields, limits, link, plain};

/// The operation's section.
pub fn section(document: &Document, operation: &Operation) -> Result<String> {
    let mut text = format!("\n### {}\n\n`{} {}`\n", operation.summary(), operation.method, operation.path);
    if let Some(description) = operation.value["description"].as_str() {
        writeln!(text, "\n{}", description.trim())?;
    }
    text.push_str(&parameters(document, operation)?);
    text.push_str(&body(document, operation)?);
    writeln!(text, "\nExample:\n\n```sh\n{}\n```", command(document, operation)?)?;
    text.push_str(&responses(document, operation)?);
    Ok(text)
}

fn parameters(document: &Document, operation: &Operation) -> Result<String> {
    let mut text = String::new();
    for parameter in &operation.parameters {
        let (_, parameter) = document.resolve(parameter)?;
        if text.is_empty() {
            text.push_str("\n| parameter | in | type | required | limits | description |\n|---|---|---|---|---|---|\n");
        }
        let word = |name: &str| parameter[name].as_str().unwrap_or_default();
        let needed = if parameter["required"].as_bool() == Some(true) { "yes" } else { "" };
        let schema = &parameter["schema"];
        let (name, place, description) = (word("name"), word("in"), cell(word("description")));
        let (kind, limits) = (link(schema), cell(&limits(schema)));
        writeln!(text, "| `{name}` | {place} | {kind} | {needed} | {limits} | {description} |")?;
    }
    Ok(text)
}

/// The schema and an example of a request's or a response's JSON.
fn content<'a>(document: &'a Document, holder: &'a Value) -> Result<Option<(&'a str, &'a Value)>> {
    let (_, holder) = document.resolve(holder)?;
    Ok(entries(&holder["content"]).into_iter().next())
}

/// The first example of a media type.
fn example(media: &Value) -> Option<&Value> {
    let several = entries(&media["examples"]).into_iter().next().map(|(_, example)| &example["value"]);
    several.or_else(|| media.get("example"))
}

fn body(document: &Document, operation: &Operation) -> Result<String> {
    let Some((kind, media)) = content(document, &operation.value["requestBody"])? else { return Ok(String::new()) };
    let (name, schema) = document.resolve(&media["schema"])?;
    let link = name.map(|_| format!(", {}", link(&media["schema"]))).unwrap_or_default();
    Ok(format!("\nBody: `{kind}`{link}.\n{}", fields(schema)))
}

/// The request with curl.
fn command(document: &Document, operation: &Operation) -> Result<String> {
    let mut path = operation.path.clone();
    let mut query = Vec::new();
    let mut options: Vec<String> = authentication(document, operation).map(str::to_owned).into_iter().collect();
    let body = content(document, &operation.value["requestBody"])?;
    options.extend(body.map(|(kind, _)| format!("-H 'Content-Type: {kind}'")));
    for parameter in &operation.parameters {
        let (_, parameter) = document.resolve(parameter)?;
        let name = parameter["name"].as_str().context("a parameter without a name")?;
        let Some(value) = plain(&parameter["example"]) else { continue };
        match parameter["in"].as_str() {
            Some("path") => path = path.replace(&format!("{{{name}}}"), &value),
            Some("query") => query.push(format!("{name}={value}")),
            Some("header") => options.push(format!("-H '{name}: {value}'")),
            _ => {}
        }
    }
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    if let Some(example) = body.and_then(|(_, media)| example(media)) {
        options.push(format!("-d '{}'", json(example)?.replace('\'', "'\\''")));
    }
    let method = if operation.method == "GET" { String::new() } else { format!("-X {} ", operation.method) };
    Ok(format!("curl {method}\"$API{path}{query}\" \\\n  {}", options.join(" \\\n  ")))
}

/// The option that proves who asks: a bearer key, or a signature where the scheme asks for one; none where none is asked for.
fn authentication(document: &Document, operation: &Operation) -> Option<&'static str> {
    let own = &operation.value["security"];
    if own.as_sequence().is_some_and(Vec::is_empty) {
        return None;
    }
    let asked = if own.is_null() { document.at(&["security"]) } else { own };
    let scheme = items(asked).first().and_then(|scheme| entries(scheme).into_iter().next()).map(|(name, _)| name);
    let scheme =
        scheme.map(|name| document.text(&["components", "securitySchemes", name, "x-amazon-apigateway-authtype"]));
    if scheme == Some("awsSigv4") {
        return Some(
            "--aws-sigv4 \"aws:amz:$AWS_REGION:execute-api\" --user \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\"",
        );
    }
    Some("-H \"Authorization: Bearer $KEY\"")
}

/// What is asked for in full; problems, which many operations share, as rows that lead to theirs.
fn responses(document: &Document, operation: &Operation) -> Result<String> {
    let mut text = String::new();
    let mut problems = String::new();
    for (status, response) in entries(&operation.value["responses"]) {
        let (name, resolved) = document.resolve(response)?;
        let description = resolved["description"].as_str().unwrap_or_default().trim();
        let content = content(document, resolved)?;
        if content.is_some_and(|(kind, _)| kind == PROBLEM) {
            let name = name.with_context(|| format!("the problem {status} of {} has no name", operation.path))?;
            writeln!(
                problems,
                "| {status} | {} | [{name}](#{}) |",
                cell(description),
                anchor(&format!("Problem {name}"))
            )?;
            continue;
        }
        writeln!(text, "\n**{status}**: {description}")?;
        text.push_str(&headers(document, resolved)?);
        if let Some((_, media)) = content {
            writeln!(text, "\nBody: {}.", link(&media["schema"]))?;
            if let Some(example) = example(media) {
                writeln!(text, "\n```json\n{}\n```", json(example)?)?;
            }
        }
    }
    if !problems.is_empty() {
        write!(text, "\n| status | problem | see |\n|---|---|---|\n{problems}")?;
    }
    Ok(text)
}

/// A response's headers as a table.
pub fn headers(document: &Document, response: &Value) -> Result<String> {
    let mut text = String::new();
    for (name, header) in entries(&response["headers"]) {
        let (_, header) = document.resolve(header)?;
        if text.is_empty() {
            text.push_str("\n| header | type | limits | description |\n|---|---|---|---|\n");
        }
        let description = cell(header["description"].as_str().unwrap_or_default());
        let (kind, limits) = (link(&header["schema"]), cell(&limits(&header["schema"])));
        writeln!(text, "| `{name}` | {kind} | {limits} | {description} |")?;
    }
    Ok(text)
}
