//! What recorded writes cost: they are done again on empty copies of their tables, and the service says what it took.

use crate::numbers::unique;
use crate::recording::Seen;
use crate::tables::Tables;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The calls that write.
const WRITES: [&str; 5] = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"];

/// Write units by table and, if it is an index's, by index.
pub type Units = BTreeMap<(String, Option<String>), u64>;

/// Whether the call is a write to a table.
pub fn is_write(call: &Seen) -> bool {
    call.service == "dynamodb" && WRITES.contains(&call.action.as_str())
}

/// The tables that a call names, each as often as it writes to it.
pub fn tables_of(parameters: &Value) -> Vec<&str> {
    match parameters {
        Value::Object(fields) => {
            let own = fields.get("TableName").and_then(Value::as_str);
            own.into_iter().chain(fields.values().flat_map(tables_of)).collect()
        }
        Value::Array(values) => values.iter().flat_map(tables_of).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// The write units of these calls, index writes and the double price of transactions included.
pub async fn write_units(tables: &Tables, writes: &[&Seen]) -> Units {
    let copies = copy_tables(tables, writes).await;
    let mut units = Units::new();
    for write in writes {
        let mut again = renamed(&write.parameters, &copies);
        again["ReturnConsumedCapacity"] = json!("INDEXES");
        // The same token again would be answered without being done again.
        again.as_object_mut().unwrap().remove("ClientRequestToken");
        let answer = tables.call(&write.action, again).await.unwrap();
        let consumed = &answer["ConsumedCapacity"];
        let consumed = consumed.as_array().map_or_else(|| vec![consumed], |several| several.iter().collect());
        consumed.into_iter().for_each(|consumed| add(&mut units, consumed, &copies));
    }
    for copy in copies.values() {
        tables.call("DeleteTable", json!({ "TableName": copy })).await.unwrap();
    }
    units
}

async fn copy_tables(tables: &Tables, writes: &[&Seen]) -> BTreeMap<String, String> {
    let mut copies = BTreeMap::new();
    for name in writes.iter().flat_map(|write| tables_of(&write.parameters)) {
        if copies.contains_key(name) {
            continue;
        }
        let described = tables.call("DescribeTable", json!({ "TableName": name })).await.unwrap();
        let table = &described["Table"];
        let copy = format!("footprint-{}", unique());
        let mut body = json!({
            "TableName": copy, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": table["AttributeDefinitions"], "KeySchema": table["KeySchema"],
        });
        let indexes = table["GlobalSecondaryIndexes"].as_array().into_iter().flatten().map(|index| {
            json!({ "IndexName": index["IndexName"], "KeySchema": index["KeySchema"], "Projection": index["Projection"] })
        });
        let indexes: Vec<_> = indexes.collect();
        if !indexes.is_empty() {
            body["GlobalSecondaryIndexes"] = Value::Array(indexes);
        }
        tables.call("CreateTable", body).await.unwrap();
        copies.insert(name.to_owned(), copy);
    }
    copies
}

/// The same call, on the copies.
fn renamed(value: &Value, copies: &BTreeMap<String, String>) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match (name.as_str(), value.as_str()) {
                ("TableName", Some(table)) => (name.clone(), json!(copies[table])),
                _ => (name.clone(), renamed(value, copies)),
            })
            .collect(),
        Value::Array(values) => values.iter().map(|value| renamed(value, copies)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn add(units: &mut Units, consumed: &Value, copies: &BTreeMap<String, String>) {
    let copy = consumed["TableName"].as_str().unwrap();
    let (table, _) = copies.iter().find(|(_, name)| *name == copy).unwrap();
    let mut own = whole(&consumed["CapacityUnits"]);
    for (index, taken) in consumed["GlobalSecondaryIndexes"].as_object().into_iter().flatten() {
        let taken = whole(&taken["CapacityUnits"]);
        own -= taken;
        *units.entry((table.clone(), Some(index.clone()))).or_default() += taken;
    }
    *units.entry((table.clone(), None)).or_default() += own;
}

/// Units are whole, but arrive as 2.0.
fn whole(units: &Value) -> u64 {
    let text = units.to_string();
    text.trim_end_matches(".0").parse().unwrap_or_else(|_| panic!("{text} is no whole number of units"))
}
