//! What a write costs in DynamoDB: one unit per KB of the item, twice that in a transaction; a refused write costs too
//! (Developer Guide, "DynamoDB item sizes and formats" and "Read and write operations").

use serde_json::Value;

/// A write unit covers this much of an item.
const UNIT_BYTES: usize = 1024;

/// Units of one write of an item of that size.
pub fn units(bytes: usize) -> u64 {
    bytes.div_ceil(UNIT_BYTES).max(1) as u64
}

/// An item's size: names and values.
pub fn item_bytes(item: &Value) -> usize {
    match item {
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + value_bytes(value)).sum(),
        other => value_bytes(other),
    }
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Number(number) => number.to_string().trim_start_matches('-').len().div_ceil(2) + 1,
        Value::Object(fields) => 3 + fields.len() + item_bytes(value),
        Value::Array(values) => 3 + values.iter().map(|item| 1 + value_bytes(item)).sum::<usize>(),
        Value::Null | Value::Bool(_) => 1,
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Write units of entries.
    pub entries: u64,
    /// Write units of blocks.
    pub blocks: u64,
    /// Write units of balances.
    pub balances: u64,
    /// Writes to balances.
    pub balance_writes: u64,
    /// Of the writes, those that were refused.
    pub refused: u64,
}

impl Cost {
    /// All write units.
    pub fn units(&self) -> u64 {
        self.entries + self.blocks + self.balances
    }
}
