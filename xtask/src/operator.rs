//! The operator API as an operator's program calls it: signed HTTP requests. It hands documents on and knows none.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_credential_types::Credentials;
use serde_json::Value;

use crate::aws::{root, sign_headers};
use crate::stack::Stack;

/// API Gateway gives a request up after 29 s.
const REQUEST_BOUND: Duration = Duration::from_secs(35);

/// What the API answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body; a text that is none, as a string.
    pub body: Value,
}

impl Answer {
    /// Whether it was done.
    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body of a good answer; any other is an error that tells the problem.
    pub fn good(self) -> Result<Value> {
        let Self { status, body } = &self;
        anyhow::ensure!(self.is_good(), "the operator API answered {status}: {}", body["detail"]);
        Ok(self.body)
    }
}

/// The path of a merchant in one mode.
pub fn path(merchant: &str, mode: &str) -> String {
    format!("/operator/v1/merchants/{merchant}/{mode}")
}

/// Sends one request, signed as the local stack's root.
pub async fn call(stack: &Stack, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
    call_as(stack, root(), method, path, body).await
}

/// Sends one request, signed with these credentials.
pub async fn call_as(
    stack: &Stack,
    credentials: Credentials,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<Answer> {
    let url = format!("{}{path}", stack.api_url()?.trim_end_matches('/'));
    let body = body.map(Value::to_string).unwrap_or_default().into_bytes();
    let headers = [("content-type", "application/json")];
    let signature = sign_headers(credentials, "execute-api", method, &url, &headers, &body)?;
    let client = reqwest::Client::builder().no_proxy().timeout(REQUEST_BOUND).build().context("an HTTP client")?;
    let mut request = client.request(method.parse().context("an HTTP method")?, &url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    for (name, value) in signature {
        request = request.header(name, value);
    }
    let response = request.body(body).send().await.with_context(|| format!("calling {path}"))?;
    let status = response.status().as_u16();
    let text = response.text().await.with_context(|| format!("reading the answer of {path}"))?;
    Ok(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
}
