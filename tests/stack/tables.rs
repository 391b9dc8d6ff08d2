//! The stack's tables as plain JSON, by signed calls as root.

use payments::billing::bill_of;
use payments::month::Month;
use payments::timestamp::Timestamp;
use serde_json::{Map, Value, json};
use xtask::Stack;
use xtask::aws::Call;

/// All tables, by the names of the stack's outputs.
pub const ALL: [&str; 13] = [
    "Payments",
    "Tokens",
    "Vault",
    "Merchants",
    "Journal",
    "LedgerBlocks",
    "Balances",
    "FeeLines",
    "Settlements",
    "Invoices",
    "Acquirer",
    "WebhookEndpoints",
    "WebhookDeliveries",
];

/// Access to the tables of one stack.
#[derive(Clone)]
pub struct Tables {
    endpoint: String,
    outputs: std::collections::BTreeMap<String, String>,
}

impl Tables {
    pub fn of(stack: &Stack) -> Self {
        Self { endpoint: stack.endpoint.clone(), outputs: stack.outputs.clone() }
    }

    /// The deployed name of `Payments`, `FeeLines`, and so on.
    pub fn name(&self, table: &str) -> &str {
        &self.outputs[&format!("{table}TableName")]
    }

    /// Calls DynamoDB.
    pub async fn call(&self, action: &str, body: Value) -> anyhow::Result<Value> {
        let target = format!("DynamoDB_20120810.{action}");
        let body = body.to_string().into_bytes();
        Call { service: "dynamodb", method: "POST", path: "/", target: Some(&target), body }.send(&self.endpoint).await
    }

    /// An item as DynamoDB's own typed JSON.
    pub async fn typed(&self, table: &str, key: Value) -> Option<Value> {
        let body = json!({ "TableName": self.name(table), "Key": typed_fields(&key), "ConsistentRead": true });
        let answer = self.call("GetItem", body).await.unwrap();
        answer.get("Item").filter(|item| item.as_object().is_some_and(|item| !item.is_empty())).cloned()
    }

    /// An item as plain JSON.
    pub async fn get(&self, table: &str, key: Value) -> Option<Value> {
        self.typed(table, key).await.map(|item| plain_fields(&item))
    }

    /// Writes an item over whatever is there.
    pub async fn put(&self, table: &str, item: &Value) {
        let body = json!({ "TableName": self.name(table), "Item": typed_fields(item) });
        self.call("PutItem", body).await.unwrap();
    }

    pub async fn delete(&self, table: &str, key: Value) {
        let body = json!({ "TableName": self.name(table), "Key": typed_fields(&key) });
        self.call("DeleteItem", body).await.unwrap();
    }

    /// Every item of a table, as typed JSON.
    pub async fn scan(&self, table: &str) -> Vec<Value> {
        let mut body = json!({ "TableName": self.name(table), "ConsistentRead": true });
        let mut items = Vec::new();
        loop {
            let mut page = self.call("Scan", body.clone()).await.unwrap();
            if let Value::Array(found) = page["Items"].take() {
                items.extend(found);
            }
            let next = page["LastEvaluatedKey"].take();
            if next.is_null() {
                return items;
            }
            body["ExclusiveStartKey"] = next;
        }
    }

    /// The same as plain JSON.
    pub async fn scan_plain(&self, table: &str) -> Vec<Value> {
        self.scan(table).await.iter().map(plain_fields).collect()
    }

    pub async fn payment(&self, payment_id: &str) -> Option<Value> {
        self.get("Payments", json!({ "payment_id": payment_id })).await
    }

    /// The fee line of the payment's latest version.
    pub async fn fee_line(&self, payment: &Value) -> Option<Value> {
        let at = payment["history"].as_array().unwrap().last().unwrap()["at"].as_i64().unwrap();
        let month = Month::of(Timestamp::from_millis(at));
        let bill = bill_of(&payment["owner"].as_str().unwrap().parse().unwrap(), month);
        let line_id = format!("{}:{}", payment["payment_id"].as_str().unwrap(), payment["version"]);
        self.get("FeeLines", json!({ "bill": bill, "line_id": line_id })).await
    }

    /// The acquirer's entry of the payment's hold.
    pub async fn hold(&self, payment_id: &str) -> Option<Value> {
        self.get("Acquirer", json!({ "hold_key": format!("{payment_id}:authorize:1") })).await
    }
}

fn typed_fields(object: &Value) -> Value {
    let fields = object.as_object().unwrap().iter();
    Value::Object(fields.map(|(name, value)| (name.clone(), typed(value))).collect())
}

fn typed(value: &Value) -> Value {
    match value {
        Value::Null => json!({ "NULL": true }),
        Value::Bool(value) => json!({ "BOOL": value }),
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::String(text) => json!({ "S": text }),
        Value::Array(values) => json!({ "L": values.iter().map(typed).collect::<Vec<_>>() }),
        Value::Object(_) => json!({ "M": typed_fields(value) }),
    }
}

fn plain_fields(item: &Value) -> Value {
    let fields = item.as_object().unwrap().iter();
    Value::Object(fields.map(|(name, value)| (name.clone(), plain(value))).collect::<Map<_, _>>())
}

fn plain(attribute: &Value) -> Value {
    let (kind, value) = attribute.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "NULL" => Value::Null,
        "N" => serde_json::from_str(value.as_str().unwrap()).unwrap(),
        "M" => plain_fields(value),
        "L" => value.as_array().unwrap().iter().map(plain).collect(),
        _ => value.clone(),
    }
}
