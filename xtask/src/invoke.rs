//! `invoke`: one call of a deployed function, with a file, stdin, or its sample event.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use aws_sdk_lambda::primitives::Blob;
use serde_json::Value;

use crate::progress;
use crate::stack::Stack;

/// Invokes and prints the answer; answers whether the function ended well.
pub async fn invoke(stack: &Stack, folder: &str, file: Option<&Path>) -> Result<bool> {
    let payload = read_payload(stack, folder, file)?;
    let answer = ask(stack, folder, &payload).await?;
    let (Ok(body) | Err(body)) = &answer;
    progress::answer(serde_json::to_string_pretty(body).context("printing the answer")?);
    if answer.is_err() {
        let name = body["errorType"].as_str().unwrap_or("an unnamed error");
        eprintln!("{folder} failed: {name} (cargo xtask logs {folder})");
    }
    Ok(answer.is_ok())
}

/// Asks a function: what it answered, or the error that it ended with. An answer that is no JSON is `null`.
pub async fn ask(stack: &Stack, folder: &str, payload: &Value) -> Result<Result<Value, Value>> {
    let function = stack.resolve_function(folder).await?;
    let client = aws_sdk_lambda::Client::new(&stack.sdk_config());
    let answer = client.invoke().function_name(&function).payload(Blob::new(payload.to_string())).send().await;
    let answer = answer.with_context(|| format!("invoking {function}"))?;
    let body = answer.payload.map(Blob::into_inner).unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok(if answer.function_error.is_none() { Ok(body) } else { Err(body) })
}

/// The event: of the file, of stdin for `-`, or the function's sample.
pub(crate) fn read_payload(stack: &Stack, folder: &str, file: Option<&Path>) -> Result<Value> {
    let text = match file {
        Some(path) if path == Path::new("-") => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("reading stdin")?;
            text
        }
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?,
        None => {
            let sample = stack.workspace.event(folder);
            if !sample.is_file() {
                bail!("no sample event {}: name a file, or - for stdin", sample.display());
            }
            std::fs::read_to_string(&sample).with_context(|| format!("reading {}", sample.display()))?
        }
    };
    serde_json::from_str(&text).context("the event is not JSON")
}
