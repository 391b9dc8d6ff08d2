//! Sending a request until it is answered: what may be sent again is sent again, unchanged and with a bound.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use reqwest::RequestBuilder;
use serde_json::Value;

use super::client::{Outcome, unanswered};

/// How often one request is sent before it is given up.
const TRIES: u32 = 12;
/// The longest wait between two tries.
pub const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// API Gateway gives a request up after 29 s.
const REQUEST_BOUND: Duration = Duration::from_secs(35);

/// What the API said.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Whether it was an earlier answer, told again.
    pub replayed: bool,
    /// When to ask again.
    pub retry_after: Option<Duration>,
    /// The body, byte by byte.
    pub text: String,
    /// The body; the text if it is not JSON.
    pub body: Value,
}

/// An HTTP client that gives up in time.
pub fn connect() -> Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().timeout(REQUEST_BOUND).build().context("an HTTP client")
}

/// Sends the same request until its answer is final, or the tries are over.
pub async fn send_until_answered(request: &RequestBuilder, latencies: &mut Vec<Duration>) -> Result<Answer, Outcome> {
    let mut last = String::new();
    for attempt in 0..TRIES {
        let request =
            request.try_clone().ok_or_else(|| Outcome::Unanswered("a request that cannot be repeated".to_owned()))?;
        let started = Instant::now();
        let wait = match send(request).await {
            Ok(answer) => {
                latencies.push(started.elapsed());
                match judge(&answer) {
                    Verdict::Final => return Ok(answer),
                    Verdict::Refused => return Err(Outcome::Refused(detail(&answer))),
                    Verdict::Again => last = detail(&answer),
                }
                answer.retry_after
            }
            Err(error) => {
                last = format!("{error:#}");
                None
            }
        };
        tokio::time::sleep(pause(attempt, wait).map_err(unanswered)?).await;
    }
    Err(Outcome::Unanswered(format!("after {TRIES} tries: {last}")))
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Final,
    Again,
    Refused,
}

fn judge(answer: &Answer) -> Verdict {
    match answer.status {
        200..=299 => Verdict::Final,
        429 | 500..=599 => Verdict::Again,
        409 if answer.retry_after.is_some() => Verdict::Again,
        _ => Verdict::Refused,
    }
}

async fn send(request: RequestBuilder) -> Result<Answer> {
    let response = request.send().await.context("no connection")?;
    let header = |name: &str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let status = response.status().as_u16();
    let replayed = header("Idempotent-Replayed").is_some_and(|value| value == "true");
    let seconds = header("Retry-After").and_then(|value| value.parse().ok());
    let text = response.text().await.context("the answer broke off")?;
    Ok(Answer {
        status,
        replayed,
        retry_after: seconds.map(Duration::from_secs),
        body: serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.clone())),
        text,
    })
}

/// Doubles from 100 ms, jittered over its upper half; never less than the server asked for, up to the longest wait.
fn pause(attempt: u32, asked: Option<Duration>) -> Result<Duration> {
    let longest = Duration::from_millis(100 << attempt.min(6));
    let mut byte = [0];
    getrandom::fill(&mut byte).context("reading random bytes")?;
    let jittered = longest / 2 + longest / 2 * u32::from(byte[0]) / 255;
    Ok(jittered.max(asked.unwrap_or_default()).min(LONGEST_WAIT))
}

fn detail(answer: &Answer) -> String {
    let told = answer.body["detail"].as_str();
    let told = told.or_else(|| answer.body["message"].as_str());
    format!("{} {}", answer.status, told.unwrap_or("without a detail"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_succeed_later_is_sent_again() {
        let check = |status, retry_after: Option<u64>, expected| {
            let answer = Answer {
                status,
                replayed: false,
                retry_after: retry_after.map(Duration::from_secs),
                text: String::new(),
                body: Value::Null,
            };
            assert_eq!(judge(&answer), expected, "{status}");
        };
        check(201, None, Verdict::Final);
        check(202, Some(1), Verdict::Final);
        check(400, None, Verdict::Refused);
        check(409, None, Verdict::Refused);
        check(409, Some(1), Verdict::Again);
        check(422, None, Verdict::Refused);
        check(429, None, Verdict::Again);
        check(503, Some(1), Verdict::Again);
    }

    #[test]
    fn pauses_grow_and_respect_the_server_and_the_bound() {
        let check = |attempt, asked: Option<u64>, least: u64, most: u64| {
            let pause = pause(attempt, asked.map(Duration::from_millis)).unwrap();
            let range = Duration::from_millis(least)..=Duration::from_millis(most);
            assert!(range.contains(&pause), "{pause:?}");
        };
        check(0, None, 50, 100);
        check(30, None, 3200, 6400);
        check(0, Some(2000), 2000, 2000);
        check(0, Some(60_000), 10_000, 10_000);
    }
}
