//! `logs`: what a deployed function wrote, from CloudWatch Logs, where the emulator keeps it after each invocation.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::aws::Call;
use crate::poller::clock;
use crate::progress;
use crate::stack::Stack;

/// How often `--follow` looks for more.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(500);
/// `--follow` reads this far back, since lines arrive after the moment they are stamped with.
const OVERLAP_MILLISECONDS: i64 = 10_000;

/// Which lines to print.
#[derive(Clone, Debug)]
pub struct Options {
    /// Go on for ever.
    pub follow: bool,
    /// How far back, e.g. `10m`.
    pub since: Option<String>,
}

/// Prints a function's lines.
pub async fn logs(stack: &Stack, folder: &str, options: &Options) -> Result<()> {
    let function = stack.resolve_function(folder).await?;
    let group = format!("/aws/lambda/{function}");
    let mut from = match &options.since {
        None => 0,
        Some(since) => clock::now_milliseconds() - parse_since(since)?,
    };
    // Events have no id here: those with the same text at the same moment are told apart by counting them.
    let mut printed: HashMap<String, usize> = HashMap::new();
    loop {
        let mut seen: HashMap<String, usize> = HashMap::new();
        for event in read(stack, &group, from).await? {
            let key = format!("{} {} {}", event["logStreamName"], event["timestamp"], event["message"]);
            let count = seen.entry(key.clone()).or_default();
            *count += 1;
            if *count > printed.get(&key).copied().unwrap_or_default() {
                printed.insert(key, *count);
                let timestamp = event["timestamp"].as_i64().unwrap_or_default();
                progress::answer(format!(
                    "{} {}",
                    clock::rfc3339(timestamp),
                    event["message"].as_str().unwrap_or_default().trim_end()
                ));
            }
        }
        if !options.follow {
            return Ok(());
        }
        from = from.max(clock::now_milliseconds() - OVERLAP_MILLISECONDS);
        tokio::time::sleep(FOLLOW_INTERVAL).await;
    }
}

async fn read(stack: &Stack, group: &str, from: i64) -> Result<Vec<Value>> {
    let mut events = Vec::new();
    let mut next = Value::Null;
    loop {
        let mut body = json!({ "logGroupName": group, "startTime": from });
        if !next.is_null() {
            body["nextToken"] = next.clone();
        }
        let target = Some("Logs_20140328.FilterLogEvents");
        let call = Call { service: "logs", method: "POST", path: "/", target, body: body.to_string().into_bytes() };
        let mut answer = match call.send(&stack.endpoint).await {
            Ok(answer) => answer,
            // Made by the first invocation.
            Err(error) if error.to_string().contains("ResourceNotFound") => return Ok(events),
            Err(error) => return Err(error),
        };
        if let Value::Array(page) = answer["events"].take() {
            events.extend(page);
        }
        let following = answer["nextToken"].take();
        if following.is_null() || following == next {
            events.sort_by_key(|event| event["timestamp"].as_i64());
            return Ok(events);
        }
        next = following;
    }
}

/// Milliseconds of `90s`, `10m`, `2h` or `1d`.
fn parse_since(since: &str) -> Result<i64> {
    let unit = since.chars().next_back().context("--since is empty")?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => bail!("--since is a number with s, m, h or d, as in 10m; not {since:?}"),
    };
    let number: i64 = since[..since.len() - unit.len_utf8()].parse().with_context(|| format!("--since {since:?}"))?;
    number.checked_mul(seconds * 1_000).context("--since is too far back")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_number_and_a_unit() {
        for (since, expected) in
            [("90s", Some(90_000)), ("2h", Some(7_200_000)), ("10", None), ("", None), ("xm", None)]
        {
            assert_eq!(parse_since(since).ok(), expected, "{since}");
        }
    }
}
