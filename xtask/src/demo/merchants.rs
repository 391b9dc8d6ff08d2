//! The demo's merchants and their API keys: made as an operator makes them, through the operator API.
//!
//! A key's text is shown once; it is kept in `.florin/keys.json` for the next run, as long as the stack knows the key.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::merchant::{documents, put};
use crate::operator;
use crate::stack::Stack;

/// API keys by merchant.
pub type Keys = BTreeMap<String, String>;

/// The demo lives in the test world only.
const MODE: &str = "test";

/// Puts the merchants of the file, and sees to a key for each.
pub async fn make(stack: &Stack, file: &Path) -> Result<Keys> {
    let path = stack.workspace.florin().join("keys.json");
    let mut keys = load(&path)?;
    for merchant in documents(file)? {
        if merchant["mode"] != MODE {
            bail!("a merchant of the demo must be of mode {MODE}");
        }
        let id = merchant["merchant_id"].as_str().context("a merchant without merchant_id")?.to_owned();
        put(stack, &merchant, None, None).await?.good().with_context(|| format!("putting {id}"))?;
        if let Some(key) = new_key(stack, &id, keys.get(&id)).await.with_context(|| format!("a key for {id}"))? {
            keys.insert(id, key);
            // At once: nobody else has this text.
            save(&path, &keys)?;
        }
    }
    Ok(keys)
}

/// A new key's text; `None` if the kept one is among the merchant's active keys. An active key that nobody has kept makes
/// way for the new one.
async fn new_key(stack: &Stack, merchant: &str, kept: Option<&String>) -> Result<Option<String>> {
    let path = format!("{}/keys", operator::path(merchant, MODE));
    let listed = operator::call(stack, "GET", &path, None).await?.good()?;
    let listed = listed["data"].as_array().into_iter().flatten();
    let active: Vec<&Value> = listed.filter(|key| key["active"] == true).collect();
    let is_kept = |key: &&&Value| kept.is_some_and(|text| key["last4"].as_str().is_some_and(|end| text.ends_with(end)));
    if active.iter().find(is_kept).is_some() {
        return Ok(None);
    }
    let made = match active.first().and_then(|key| key["id"].as_str()) {
        Some(id) => {
            let at_once = json!({ "grace_seconds": 0 });
            operator::call(stack, "POST", &format!("{path}/{id}/rotate"), Some(&at_once)).await?.good()?
        }
        None => operator::call(stack, "POST", &path, None).await?.good()?,
    };
    made["key"].as_str().map(str::to_owned).map(Some).context("an answer without the key's text")
}

fn load(path: &Path) -> Result<Keys> {
    if !path.exists() {
        return Ok(Keys::new());
    }
    let text = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no list of keys: delete it", path.display()))
}

/// For the owner's eyes only, from the first byte on.
fn save(path: &Path, keys: &Keys) -> Result<()> {
    let beside = path.with_extension("new");
    if beside.exists() {
        std::fs::remove_file(&beside).with_context(|| format!("removing {}", beside.display()))?;
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .with_context(|| format!("making {}", beside.display()))?;
    let text = serde_json::to_vec_pretty(keys).context("encoding the keys")?;
    file.write_all(&text).with_context(|| format!("writing {}", beside.display()))?;
    std::fs::rename(&beside, path).with_context(|| format!("renaming to {}", path.display()))
}
