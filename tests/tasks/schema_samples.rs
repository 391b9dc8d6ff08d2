//! The sample events are as the schemas say, and what is no event is refused by them.

use crate::schemas::{check, findings};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// A sample event of a function's folder.
fn sample(folder: &str) -> Value {
    let path = format!("{}/../events/{folder}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The values of a Kafka sample's records.
fn kafka_values(folder: &str) -> Vec<Value> {
    let records = sample(folder)["records"].as_object().unwrap().clone();
    let records = records.values().flat_map(|list| list.as_array().unwrap().clone());
    let value = |record: Value| BASE64_STANDARD.decode(record["value"].as_str().unwrap()).unwrap();
    records.map(|record| serde_json::from_slice(&value(record)).unwrap()).collect()
}

/// The details of a queue's sample of EventBridge events.
fn details(folder: &str) -> Vec<Value> {
    let messages = sample(folder)["Records"].as_array().unwrap().clone();
    let body = |message: Value| serde_json::from_str::<Value>(message["body"].as_str().unwrap()).unwrap();
    let details = messages.into_iter().map(|message| body(message)["detail"].take());
    details.filter(Value::is_object).collect()
}

#[test]
fn the_sample_events_are_as_the_schemas_say() {
    for (folder, schema) in [("post-ledger", "topics/payment-events.v1"), ("ingest", "topics/payment-requests.v1")] {
        let values = kafka_values(folder);
        assert!(!values.is_empty());
        values.iter().for_each(|value| check(schema, value));
    }
    let events: Vec<Value> = details("bill").into_iter().chain(details("notify")).collect();
    assert!(events.len() >= 2);
    events.iter().for_each(|event| check("events/payment.v1", event));
}

#[test]
fn what_is_no_event_is_refused() {
    let good = details("bill").remove(0);
    let check = |pointer: &str, value: Value| {
        let mut event = good.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = event.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if value.is_null() {
            parent.remove(name);
        } else {
            parent.insert(name.to_owned(), value);
        }
        for schema in ["events/payment.v1", "topics/payment-events.v1"] {
            assert!(!findings(schema, &event).is_empty(), "{schema} takes {pointer} in {event}");
        }
    };
    check("/id", Value::Null);
    check("/id", json!("pay_1:3"));
    check("/type", json!("payment.unheard_of"));
    check("/version", json!(2));
    check("/occurred_at", json!("yesterday"));
    check("/merchant_id", Value::Null);
    check("/mode", json!("Test"));
    check("/data", Value::Null);
    check("/data/amount", json!(19.99));
    check("/data/amount", json!(-1));
    check("/data/amount", json!("1999"));
    check("/data/currency", json!("XXX"));
    check("/data/status", json!("paid"));
    let mut request = kafka_values("ingest").remove(0);
    request["body"]["amount"] = json!(0);
    assert!(!findings("topics/payment-requests.v1", &request).is_empty());
}
