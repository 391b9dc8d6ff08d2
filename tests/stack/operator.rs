//! An operator at work: merchants and keys over the signed HTTP path, and functions by hand.

use serde_json::{Value, json};
use xtask::Stack;
use xtask::operator::{self, Answer};

/// A request below a merchant's path.
pub async fn ask(stack: &Stack, method: &str, merchant: &str, below: &str, body: Option<Value>) -> Answer {
    let path = format!("/operator/v1/merchants/{merchant}{below}");
    operator::call(stack, method, &path, body.as_ref()).await.unwrap()
}

/// From this amount on a payment in euro is reviewed.
pub const REVIEW_FROM: u64 = 7_000_000;

/// Settings that let a test sell what it wants.
pub fn settings(requests_per_second: u32) -> Value {
    json!({
        "name": "A test", "active": true, "currencies": { "EUR": { "min": 1, "max": 9_007_199_254_740_991_u64 } },
        "fee_plan": { "basis_points": 290, "fixed_minor": { "EUR": 30 } }, "risk": { "review_from": { "EUR": REVIEW_FROM }, "payments_per_card": 1000 },
        "requests_per_second": requests_per_second,
    })
}

/// Puts a merchant and makes a key; the key's text.
pub async fn open_shop(stack: &Stack, merchant: &str, mode: &str, requests_per_second: u32) -> String {
    let put = ask(stack, "PUT", merchant, &format!("/{mode}"), Some(settings(requests_per_second))).await;
    assert_eq!(put.status, 200, "{}", put.body);
    let made = ask(stack, "POST", merchant, &format!("/{mode}/keys"), None).await;
    assert_eq!(made.status, 201, "a key: {}", made.body["type"]);
    made.body["key"].as_str().unwrap().to_owned()
}

/// Invokes a function of the stack; its answer, or its error.
pub async fn invoke(stack: &Stack, folder: &str, request: &Value) -> Result<Value, Value> {
    xtask::invoke::ask(stack, folder, request).await.unwrap()
}

/// The open exceptions of test mode, or closed ones too, as `cargo xtask reconcile list` asks for them.
pub async fn exceptions(stack: &Stack, all: bool) -> Vec<Value> {
    let answer = invoke(stack, "reconcile", &json!({ "list": { "mode": "test", "all": all } })).await.unwrap();
    // Without any, the answer leaves the list out.
    answer.get("exceptions").and_then(Value::as_array).cloned().unwrap_or_default()
}
