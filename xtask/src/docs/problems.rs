//! Problems: a table of all types, and the responses that carry them.

use std::fmt::Write;

use anyhow::Result;

use super::document::{Document, cell, entries, json};
use super::operation::headers;

/// The media type of problem documents.
pub const PROBLEM: &str = "application/problem+json";

/// The chapter of problems. Each type is an example of its response; the example's summary says what to do.
pub fn section(document: &Document) -> Result<String> {
    let mut table = String::from("| type | status | title | what to do |\n|---|---|---|---|\n");
    let mut details = String::new();
    for (name, response) in entries(document.at(&["components", "responses"])) {
        let media = &response["content"][PROBLEM];
        if media.is_null() {
            continue;
        }
        writeln!(details, "\n### Problem {name}\n\n{}", response["description"].as_str().unwrap_or_default().trim())?;
        details.push_str(&headers(document, response)?);
        for (_, example) in entries(&media["examples"]) {
            let (value, to_do) = (&example["value"], example["summary"].as_str().unwrap_or_default());
            let kind = value["type"].as_str().unwrap_or_default();
            let (status, title) = (value["status"].as_u64().unwrap_or_default(), value["title"].as_str());
            let short = kind.rsplit('/').next().unwrap_or(kind);
            writeln!(table, "| `{short}` | {status} | {} | {} |", cell(title.unwrap_or_default()), cell(to_do))?;
            writeln!(details, "\n```json\n{}\n```", json(value)?)?;
        }
    }
    let base = "A problem's `type` is `https://florin.example/problems/` and the word in this table.";
    Ok(format!("\n## Problems\n\n{base}\n\n{table}{details}"))
}
