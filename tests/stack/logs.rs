//! What functions and workflows wrote, from CloudWatch Logs.

use crate::shop::until;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use xtask::Stack;
use xtask::aws::Call;

/// The emulator answers 500 when a group appears while it lists them: it is asked again.
async fn call(stack: &Stack, action: &str, body: &Value) -> Value {
    let target = format!("Logs_20140328.{action}");
    let body = body.to_string().into_bytes();
    until("an answer of CloudWatch Logs", 10, || async {
        let (target, body) = (Some(target.as_str()), body.clone());
        Call { service: "logs", method: "POST", path: "/", target, body }.send(&stack.endpoint).await.ok()
    })
    .await
}

/// All pages of a list.
pub async fn pages(stack: &Stack, action: &str, list: &str, mut body: Value) -> Vec<Value> {
    let mut found = Vec::new();
    loop {
        let mut page = call(stack, action, &body).await;
        if let Value::Array(items) = page[list].take() {
            found.extend(items);
        }
        let next = page["nextToken"].take();
        if next.is_null() || next == body["nextToken"] {
            return found;
        }
        body["nextToken"] = next;
    }
}

/// Every line of every log group, the functions' and the workflow's, each with its place.
pub async fn every_line(stack: &Stack) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for group in pages(stack, "DescribeLogGroups", "logGroups", json!({})).await {
        let name = group["logGroupName"].as_str().unwrap();
        let events = pages(stack, "FilterLogEvents", "events", json!({ "logGroupName": name })).await;
        let messages = events.iter().filter_map(|event| event["message"].as_str());
        lines.extend(messages.map(|line| (format!("the log {name}"), line.to_owned())));
    }
    lines
}

/// How often each function was invoked since that moment: each invocation begins with a line of Lambda's own.
pub async fn invocations(stack: &Stack, since_millis: u64) -> BTreeMap<String, usize> {
    let prefix = format!("/aws/lambda/{}", stack.function_name(""));
    let mut invocations = BTreeMap::new();
    // A function without a group was never invoked.
    for group in pages(stack, "DescribeLogGroups", "logGroups", json!({ "logGroupNamePrefix": prefix })).await {
        let name = group["logGroupName"].as_str().unwrap();
        let body = json!({ "logGroupName": name, "startTime": since_millis, "filterPattern": "START" });
        let lines = pages(stack, "FilterLogEvents", "events", body).await;
        let begun = lines.iter().filter_map(|line| line["message"].as_str());
        let times = begun.filter(|text| text.starts_with("START RequestId:")).count();
        invocations.insert(name.trim_start_matches(&prefix).to_owned(), times);
    }
    invocations
}
