//! `merchant` and `key`: an operator's work on the running stack, through the operator API. Documents go through as they
//! are, and answers are shown as they come: it knows no rule about either.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::operator::{self, Answer};
use crate::progress;
use crate::stack::Stack;

/// More pages than this are a loop.
const MOST_PAGES: usize = 1000;

/// What can be done with merchants.
#[derive(Subcommand)]
pub enum MerchantCommand {
    /// Create or replace settings; exit code 1 if they are refused
    Put {
        /// A document or a list of them, such as events/merchants.json; - for stdin
        file: PathBuf,
        /// The merchant's id, if the document does not say or is to be put under another
        #[arg(long)]
        id: Option<String>,
        /// test or live, if the document does not say or is to be put under the other
        #[arg(long)]
        mode: Option<String>,
    },
    /// Print the settings of all merchants, one JSON document per line
    List,
}

/// What can be done with API keys.
#[derive(Subcommand)]
#[allow(missing_docs, reason = "a flattened field has no help of its own")]
pub enum KeyCommand {
    /// Make a key; its text is shown this once
    Create {
        #[command(flatten)]
        owner: Owner,
        /// Until when it lives, such as 2030-01-02T03:04:05Z
        #[arg(long)]
        expires_at: Option<String>,
    },
    /// Print the keys, without their texts
    List {
        #[command(flatten)]
        owner: Owner,
    },
    /// Make a key that takes over from another, which lives on for a day
    Rotate {
        #[command(flatten)]
        owner: Owner,
        /// The key's id
        key: String,
        /// The old key ends at once
        #[arg(long, conflicts_with = "grace_seconds")]
        now: bool,
        /// How long the old key lives on
        #[arg(long)]
        grace_seconds: Option<u64>,
    },
    /// End a key
    Revoke {
        #[command(flatten)]
        owner: Owner,
        /// The key's id
        key: String,
    },
}

/// Whose keys.
#[derive(Args)]
pub struct Owner {
    /// The merchant's id
    #[arg(long)]
    merchant: String,
    /// test or live
    #[arg(long)]
    mode: String,
}

impl Owner {
    fn keys(&self) -> String {
        format!("{}/keys", operator::path(&self.merchant, &self.mode))
    }
}

/// Does it; answers whether the API took all of it.
pub async fn merchant(stack: &Stack, command: &MerchantCommand) -> Result<bool> {
    match command {
        MerchantCommand::Put { file, id, mode } => {
            let mut good = true;
            for document in documents(file)? {
                good &= show(&put(stack, &document, id.as_deref(), mode.as_deref()).await?)?;
            }
            Ok(good)
        }
        MerchantCommand::List => list(stack).await,
    }
}

/// Does it; answers whether the API did.
pub async fn key(stack: &Stack, command: &KeyCommand) -> Result<bool> {
    let answer = match command {
        KeyCommand::Create { owner, expires_at } => {
            let body = expires_at.as_ref().map_or_else(|| json!({}), |moment| json!({ "expires_at": moment }));
            operator::call(stack, "POST", &owner.keys(), Some(&body)).await?
        }
        KeyCommand::List { owner } => operator::call(stack, "GET", &owner.keys(), None).await?,
        KeyCommand::Rotate { owner, key, now, grace_seconds } => {
            let grace = if *now { Some(0) } else { *grace_seconds };
            let body = grace.map_or_else(|| json!({}), |seconds| json!({ "grace_seconds": seconds }));
            operator::call(stack, "POST", &format!("{}/{key}/rotate", owner.keys()), Some(&body)).await?
        }
        KeyCommand::Revoke { owner, key } => {
            operator::call(stack, "DELETE", &format!("{}/{key}", owner.keys()), None).await?
        }
    };
    show(&answer)
}

/// Puts one document where it says, or where it is told to.
pub async fn put(stack: &Stack, document: &Value, id: Option<&str>, mode: Option<&str>) -> Result<Answer> {
    let mut document = document.clone();
    let told = |told: Option<&str>, name: &str| {
        let said = told.or_else(|| document[name].as_str()).map(str::to_owned);
        said.with_context(|| format!("settings without {name}"))
    };
    let (id, mode) = (told(id, "merchant_id")?, told(mode, "mode")?);
    document["merchant_id"] = json!(id);
    document["mode"] = json!(mode);
    operator::call(stack, "PUT", &operator::path(&id, &mode), Some(&document)).await
}

/// The documents of a file: one, or a list.
pub fn documents(file: &Path) -> Result<Vec<Value>> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("reading stdin")?;
        text
    } else {
        std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?
    };
    let document: Value = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))?;
    let documents = match document {
        Value::Array(documents) => documents,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => vec![document],
    };
    if let Some(place) = documents.iter().position(|document| !document.is_object()) {
        bail!("{}: document {} is not an object", file.display(), place + 1);
    }
    Ok(documents)
}

async fn list(stack: &Stack) -> Result<bool> {
    let mut path = "/operator/v1/merchants".to_owned();
    for _ in 0..MOST_PAGES {
        let answer = operator::call(stack, "GET", &path, None).await?;
        if !answer.is_good() {
            return show(&answer);
        }
        answer.body["data"].as_array().into_iter().flatten().for_each(progress::answer);
        let Some(cursor) = answer.body["next_cursor"].as_str() else { return Ok(true) };
        path = format!("/operator/v1/merchants?cursor={cursor}");
    }
    bail!("more than {MOST_PAGES} pages")
}

fn show(answer: &Answer) -> Result<bool> {
    if answer.body != Value::String(String::new()) {
        progress::answer(serde_json::to_string_pretty(&answer.body).context("printing the answer")?);
    }
    if !answer.is_good() {
        eprintln!("refused with {}", answer.status);
    }
    Ok(answer.is_good())
}
