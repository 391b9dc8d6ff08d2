//! The demo's merchants and their API keys: made as an operator makes them, by writing the merchants table.
//!
//! Settings go into the table as the file has them. Keys are random, and kept in `.florin/keys.json` for the next run.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::tables::Tables;
use crate::workspace::Workspace;

/// API keys by merchant.
pub type Keys = BTreeMap<String, String>;

const TABLE: &str = "merchants";
/// The demo lives in the test world only.
const MODE: &str = "test";
const PREFIX: &str = "fk_test_";
const KEY_LENGTH: usize = 32;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Writes the merchants of the file and a key for each.
pub async fn make(workspace: &Workspace, tables: &Tables<'_>, file: &Path) -> Result<Keys> {
    let text = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let merchants: Vec<Map<String, Value>> =
        serde_json::from_slice(&text).with_context(|| format!("in {}", file.display()))?;
    let path = workspace.florin().join("keys.json");
    let mut keys = load(&path)?;
    for merchant in &merchants {
        let id = merchant_id(merchant)?;
        if !keys.contains_key(id) {
            keys.insert(id.to_owned(), random_key()?);
        }
    }
    // Before the table: a key that opens something must be known to somebody.
    save(&path, &keys)?;
    for merchant in &merchants {
        let id = merchant_id(merchant)?;
        let mut item = merchant.clone();
        item.insert("id".to_owned(), Value::from(format!("merchant#{id}#{MODE}")));
        tables.put(TABLE, &item).await?;
        let key = keys.get(id).context("every merchant was given a key")?;
        tables.put(TABLE, &key_item(id, key)?).await?;
    }
    Ok(keys)
}

fn merchant_id(merchant: &Map<String, Value>) -> Result<&str> {
    if merchant.get("mode") != Some(&Value::from(MODE)) {
        bail!("a merchant of the demo must be of mode {MODE}");
    }
    merchant.get("merchant_id").and_then(Value::as_str).context("a merchant without merchant_id")
}

fn key_item(merchant_id: &str, key: &str) -> Result<Map<String, Value>> {
    let hash = hash(key)?;
    let item = json!({
        "id": format!("key#{hash}"),
        "key_hash": hash,
        "merchant_id": merchant_id,
        "mode": MODE,
        "active": true,
    });
    match item {
        Value::Object(item) => Ok(item),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            bail!("an item is an object")
        }
    }
}

/// What a key is stored by: SHA-256 over the parts, each behind its length, as `payments::merchant::ApiKey::hash`.
fn hash(key: &str) -> Result<String> {
    let text = key.strip_prefix(PREFIX).with_context(|| format!("an API key of the demo begins with {PREFIX}"))?;
    let mut hasher = Sha256::new();
    for part in ["api key", MODE, text] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    Ok(hex::encode(hasher.finalize()))
}

fn random_key() -> Result<String> {
    let mut text = PREFIX.to_owned();
    while text.len() < PREFIX.len() + KEY_LENGTH {
        let mut byte = [0];
        getrandom::fill(&mut byte).context("reading random bytes")?;
        // Four whole alphabets fit into a byte; what is beyond would favour the first letters.
        let place = usize::from(byte[0]);
        if place < 4 * ALPHABET.len() {
            text.push(char::from(ALPHABET[place % ALPHABET.len()]));
        }
    }
    Ok(text)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_random_and_hashed_by_length_prefixed_parts() {
        let key = random_key().unwrap();
        assert_eq!(key.len(), 40);
        assert_ne!(key, random_key().unwrap());
        assert_eq!(
            hash("fk_test_0123456789abcdef").unwrap(),
            "0abe992c0c0ee81fbf63ae706cd48e8540201a2a7f13f87928e090851a2616df"
        );
        assert!(hash("fk_live_0123456789abcdef").is_err());
    }
}
