//! The items that the sample events speak of: `events/items.json`, by table. Put on every `up`, so that each function
//! can be invoked with its sample on a fresh stack. They are at rest and move no money.

use anyhow::{Context, Result};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

use crate::tables::Tables;
use crate::{Stack, Workspace};

/// Puts them; the same item again changes nothing.
pub async fn put(workspace: &Workspace, stack: &Stack) -> Result<()> {
    let path = workspace.root().join("events/items.json");
    let text = std::fs::read_to_string(&path).context("reading events/items.json")?;
    let items: BTreeMap<String, Vec<Map<String, Value>>> =
        serde_json::from_str(&text).context("events/items.json: expected lists of items by table")?;
    let tables = Tables::new(stack);
    for (table, items) in &items {
        for item in items {
            tables.put(table, item).await?;
        }
    }
    Ok(())
}
