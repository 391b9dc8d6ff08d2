//! `explain-route`: asks the deployed function where a payment would go, and lays its answer out. It knows no rule.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Map, Value, json};

use crate::invoke::{ask, read_payload};
use crate::progress;
use crate::stack::Stack;

/// The function's folder.
const FUNCTION: &str = "explain-route";
/// The fields of a payment's request that a route goes by.
const FIELDS: [&str; 3] = ["amount", "currency", "token"];

/// Which payment.
#[derive(Args)]
pub struct ExplainRoute {
    /// The body of POST /v1/payments, - for stdin; events/explain-route.json by default
    file: Option<PathBuf>,
    /// The merchant who would send it
    #[arg(long)]
    merchant: Option<String>,
    /// test or live
    #[arg(long, default_value = "test")]
    mode: String,
    /// The Idempotency-Key that it would be sent with: draws by weight
    #[arg(long)]
    key: Option<String>,
}

/// Prints the route; answers whether there is one.
pub async fn explain_route(stack: &Stack, what: &ExplainRoute) -> Result<bool> {
    let event = event(stack, what)?;
    match ask(stack, FUNCTION, &event).await? {
        Ok(route) => lines(&route).into_iter().for_each(progress::answer),
        Err(error) => bail!("{}", error["errorMessage"].as_str().unwrap_or("the function failed and did not say why")),
    }
    Ok(true)
}

/// A merchant's own request, or the sample, which has all that the function wants.
fn event(stack: &Stack, what: &ExplainRoute) -> Result<Value> {
    let body = read_payload(stack, FUNCTION, what.file.as_deref())?;
    let body = body.as_object().context("expected a JSON object")?;
    let Some(merchant) = &what.merchant else {
        return Ok(Value::Object(body.clone()));
    };
    let known = body.iter().filter(|(name, _)| FIELDS.contains(&name.as_str()));
    let mut event: Map<String, Value> = known.map(|(name, value)| (name.clone(), value.clone())).collect();
    event.insert("merchant_id".to_owned(), json!(merchant));
    event.insert("mode".to_owned(), json!(what.mode));
    if let Some(key) = &what.key {
        event.insert("idempotency_key".to_owned(), json!(key));
    }
    Ok(Value::Object(event))
}

fn lines(answer: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut lines = Vec::new();
    for rule in list(&answer["passed_over"]) {
        let by: Vec<String> = list(&rule["by"]).iter().map(text).collect();
        lines.push(format!("rule {} does not fit: {}", text(&rule["rule"]), by.join(", ")));
    }
    lines.push(match answer["rule"].as_str() {
        Some(rule) => format!("rule {rule} fits"),
        None => "no rule fits: the deployment's own choice".to_owned(),
    });
    if answer["drawn"] == false {
        lines.push("the first is drawn by weight; --merchant and --key draw it".to_owned());
    }
    for (place, gateway) in list(&answer["gateways"]).iter().enumerate() {
        let weight = gateway["weight"].as_u64().map(|weight| format!(", weight {weight}")).unwrap_or_default();
        let verdict = text(&gateway["verdict"]).replace('_', " ");
        lines.push(format!("{}. {}{weight}: {verdict}", place + 1, text(&gateway["gateway"])));
    }
    lines
}
