//! `reconcile`: asks the deployed function to reconcile, brings its pages below `.florin/`, and hands owners' decisions
//! on. It knows how the answers are written down, and no rule about them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::aws::Call;
use crate::invoke;
use crate::progress;
use crate::stack::Stack;
use crate::state::write_whole;

/// The function's folder.
const FUNCTION: &str = "reconcile";
/// Who decides, if nobody is named: the local stack's root.
const LOCAL_OPERATOR: &str = "arn:aws:iam::000000000000:root";

/// What is to be reconciled.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Reconcile {
    /// This day again, and those after it; without it, all that are over and were not reconciled, and a look at today
    #[arg(long)]
    day: Option<String>,
    /// Only look, and keep nothing
    #[arg(long)]
    preview: bool,
    /// Open the pages in a browser
    #[arg(long)]
    open: bool,
    #[command(subcommand)]
    command: Option<ExceptionCommand>,
}

/// What can be done with exceptions.
#[derive(Subcommand)]
enum ExceptionCommand {
    /// Print the open exceptions, one JSON document per line
    List {
        /// test or live
        #[arg(long, default_value = "test")]
        mode: String,
        /// Closed ones too
        #[arg(long)]
        all: bool,
    },
    /// Say what becomes of an exception, once
    Resolve {
        /// Its id, `exc_...`
        exception: String,
        /// Why
        #[arg(long)]
        note: String,
        /// accepted, corrected_here, corrected_there or written_off
        #[arg(long, default_value = "accepted")]
        kind: String,
        /// Who decides
        #[arg(long, default_value = LOCAL_OPERATOR)]
        by: String,
    },
}

/// Does it; answers whether nothing was refused.
pub async fn reconcile(stack: &Stack, what: &Reconcile) -> Result<bool> {
    match &what.command {
        Some(ExceptionCommand::List { mode, all }) => {
            let Some(answer) = ask(stack, &json!({ "list": { "mode": mode, "all": all } })).await? else {
                return Ok(false);
            };
            exceptions(&answer).iter().for_each(progress::answer);
            Ok(true)
        }
        Some(ExceptionCommand::Resolve { exception, note, kind, by }) => {
            let decision = json!({ "exception": exception, "note": note, "kind": kind, "by": by });
            let Some(answer) = ask(stack, &json!({ "resolve": decision })).await? else { return Ok(false) };
            exceptions(&answer).iter().for_each(progress::answer);
            Ok(true)
        }
        None => run(stack, what).await,
    }
}

fn exceptions(answer: &Value) -> &[Value] {
    answer["exceptions"].as_array().map(Vec::as_slice).unwrap_or_default()
}

async fn run(stack: &Stack, what: &Reconcile) -> Result<bool> {
    let mut runs = vec![json!({ "run": { "day": what.day, "preview": what.preview } })];
    if what.day.is_none() && !what.preview {
        runs.push(json!({ "run": { "preview": true } }));
    }
    let mut good = true;
    for request in &runs {
        let Some(answer) = ask(stack, request).await? else { return Ok(false) };
        for day in answer["days"].as_array().into_iter().flatten() {
            good &= show(stack, day, what.open).await?;
        }
    }
    Ok(good)
}

/// Brings a day's page and document here and says what is in them.
async fn show(stack: &Stack, day: &Value, open: bool) -> Result<bool> {
    let text = |name: &str| day[name].as_str().unwrap_or_default().to_owned();
    let page = fetch(stack, &text("page_name")).await?;
    let document = fetch(stack, &text("document_name")).await?;
    let count = |name: &str| day[name].as_array().map_or(0, Vec::len);
    let (raised, before, own) = (count("exceptions"), count("open_before"), count("own"));
    progress::note(format_args!(
        "{} {} {}: {}, {raised} exceptions, {before} open from before, {own} not the gateway's",
        text("day"),
        text("gateway"),
        text("mode"),
        text("state"),
    ));
    if let Some(refused) = day.get("refused") {
        progress::note(format_args!("line {}: {}", refused["line"], refused["reason"].as_str().unwrap_or_default()));
    }
    progress::answer(page.display());
    progress::answer(document.display());
    if open {
        Command::new("xdg-open").arg(&page).spawn().context("starting xdg-open")?;
    }
    Ok(text("state") != "refused")
}

/// Copies a stored report below `.florin/reports`.
async fn fetch(stack: &Stack, name: &str) -> Result<PathBuf> {
    if !name.split('/').all(is_plain) {
        bail!("the function names a report {name}, which is no path");
    }
    let bucket = stack.outputs.get("ReportBucketName").context("the stack has no output ReportBucketName")?;
    let path = format!("/{bucket}/{name}");
    let call = Call { service: "s3", method: "GET", path: &path, target: None, body: Vec::new() };
    let answer = call.send(&stack.endpoint).await?;
    let stored = match answer.as_str() {
        Some(text) => text.to_owned(),
        None => serde_json::to_string_pretty(&answer).context("printing a document")?,
    };
    let place = stack.workspace.florin().join("reports").join(name);
    std::fs::create_dir_all(place.parent().unwrap_or(Path::new("."))).context("making .florin/reports")?;
    write_whole(&place, stored.as_bytes())?;
    Ok(place)
}

/// A part of a name that leads nowhere else.
fn is_plain(part: &str) -> bool {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !part.is_empty() && !part.starts_with('.') && part.bytes().all(sign)
}

/// Invokes the function; `None` if it fails, with its reason printed.
async fn ask(stack: &Stack, request: &Value) -> Result<Option<Value>> {
    let answer = invoke::ask(stack, FUNCTION, request).await?;
    if let Err(error) = &answer {
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        eprintln!("{}: {}", text("errorType"), text("errorMessage"));
    }
    Ok(answer.ok())
}
