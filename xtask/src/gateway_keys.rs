//! Stripe's keys on the local stack: made up for each stack, kept in its Secrets Manager, and nowhere else.
//!
//! It refuses to know who reads them.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::aws::Call;
use crate::poller::clock;

/// A secret: the template's parameter for its ARN, its name, and how a key of its mode, or what Stripe signs its events with, begins. localstripe knows no restricted
/// keys, which would begin with `rk_`.
const SECRETS: [(&str, &str, &str); 6] = [
    ("StripeTestSecretArn", "stripe/test/payments", "sk_test_"),
    ("StripeTestCardSecretArn", "stripe/test/cards", "sk_test_"),
    ("StripeLiveSecretArn", "stripe/live/payments", "sk_live_"),
    ("StripeLiveCardSecretArn", "stripe/live/cards", "sk_live_"),
    ("StripeTestEventsSecretArn", "stripe/test/events", "whsec_"),
    ("StripeLiveEventsSecretArn", "stripe/live/events", "whsec_"),
];

/// Makes the secrets that are missing; the parameters with their ARNs.
pub async fn keep(endpoint: &str) -> Result<Vec<(&'static str, String)>> {
    let mut parameters = Vec::new();
    for (parameter, name, prefix) in SECRETS {
        let known = call(endpoint, "DescribeSecret", &json!({ "SecretId": name })).await;
        let secret = match known {
            Ok(secret) => secret,
            Err(_) => {
                let key = format!("{prefix}{}", letters(&clock::random_id()));
                call(endpoint, "CreateSecret", &json!({ "Name": name, "SecretString": key })).await?
            }
        };
        let arn = secret["ARN"].as_str().with_context(|| format!("the secret {name} has no ARN"))?;
        parameters.push((parameter, arn.to_owned()));
    }
    Ok(parameters)
}

/// A key has no digits: logs blot out long runs of them, and who looks for a key has to find it whole.
fn letters(hexadecimal: &str) -> String {
    const OF_DIGITS: [char; 10] = ['g', 'h', 'j', 'k', 'm', 'n', 'p', 'q', 'r', 's'];
    let letter =
        |sign: char| sign.to_digit(10).and_then(|digit| OF_DIGITS.get(digit as usize)).copied().unwrap_or(sign);
    hexadecimal.chars().map(letter).collect()
}

/// Every key that is kept, for who looks whether one got out.
pub async fn read(endpoint: &str) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    for (_, name, _) in SECRETS {
        let secret = call(endpoint, "GetSecretValue", &json!({ "SecretId": name })).await?;
        keys.push(secret["SecretString"].as_str().with_context(|| format!("{name} is no text"))?.to_owned());
    }
    Ok(keys)
}

async fn call(endpoint: &str, action: &str, body: &Value) -> Result<Value> {
    let target = format!("secretsmanager.{action}");
    let body = body.to_string().into_bytes();
    Call { service: "secretsmanager", method: "POST", path: "/", target: Some(&target), body }.send(endpoint).await
}
