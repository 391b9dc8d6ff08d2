//! `docs`: the reference of the HTTP API, docs/api.md, made from `openapi.yaml` and an introduction; the schemas of events and
//! topics, made from the domain's types.
//!
//! It knows OpenAPI and Markdown, and nothing of what the API is about. The same files give the same text.

mod document;
mod operation;
mod problems;
mod schema;

use std::fmt::Write;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::progress;
use crate::workspace::Workspace;
use document::Document;

/// The contract.
pub const CONTRACT: &str = "openapi.yaml";
/// What a reader must know before the first request.
pub const INTRODUCTION: &str = "docs/api-introduction.md";
/// What is written.
pub const REFERENCE: &str = "docs/api.md";

/// The test that holds `schemas/` to the domain's types, or writes it.
pub const SCHEMAS: [&str; 7] = ["test", "--package", "payments", "--features", "schema", "--test", "schemas"];
/// Where they are.
const SCHEMA_FOLDER: &str = "schemas/";

/// Writes docs/api.md and `schemas/` anew.
pub async fn docs(workspace: &Workspace) -> Result<()> {
    let text = reference(workspace)?;
    let path = workspace.root().join(REFERENCE);
    std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    progress::note(format!("{REFERENCE} is written"));
    // The schemas are made behind a feature of the domain that no function is built with: a build of its own, so that nothing
    // else is built twice.
    let status = build::cargo(workspace).env("UPDATE_EXPECT", "1").args(SCHEMAS).status().await;
    if !status.context("starting cargo test")?.success() {
        bail!("{SCHEMA_FOLDER} could not be written");
    }
    progress::note(format!("{SCHEMA_FOLDER} is written"));
    Ok(())
}

/// What docs/api.md should be.
pub fn reference(workspace: &Workspace) -> Result<String> {
    let read = |path: &str| {
        let path = workspace.root().join(path);
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    };
    generate(&read(CONTRACT)?, &read(INTRODUCTION)?)
}

fn generate(contract: &str, introduction: &str) -> Result<String> {
    let document = Document::parse(contract)?;
    let mut text = format!("# {} API\n\n", document.text(&["info", "title"]));
    writeln!(text, "<!-- Written by `cargo xtask docs` from {CONTRACT} and {INTRODUCTION}. -->\n")?;
    writeln!(text, "{}\n\n{}", document.text(&["info", "description"]).trim(), introduction.trim())?;
    text.push_str(&contents(&document));
    for tag in document.tags() {
        writeln!(text, "\n## {}\n\n{}", tag.name, tag.description)?;
        for operation in document.operations().iter().filter(|operation| operation.tag == tag.name) {
            text.push_str(&operation::section(&document, operation)?);
        }
    }
    text.push_str(&problems::section(&document)?);
    text.push_str(&schema::section(&document));
    Ok(text)
}

/// One line an operation.
fn contents(document: &Document) -> String {
    let mut text = String::from("\n## Operations\n\n| request | what it does |\n|---|---|\n");
    for operation in document.operations() {
        let (method, summary) = (&operation.method, operation.summary());
        text.push_str(&format!("| `{method} {}` | [{summary}](#{}) |\n", operation.path, document::anchor(summary)));
    }
    text
}
