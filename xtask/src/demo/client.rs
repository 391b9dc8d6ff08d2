//! A merchant's program: tokenises a card, makes a payment, waits for its end. What may be sent again is sent again,
//! with the same key and a bound; it refuses to know anything that the API does not tell.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::input::Line;
use super::merchants::Keys;

/// How often one request is sent before it is given up.
const TRIES: u32 = 12;
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// API Gateway gives a request up after 29 s.
const REQUEST_BOUND: Duration = Duration::from_secs(35);
/// How long a payment may take to come to rest: `sweep` takes over after 90 s, and may have to do it twice.
const REST_BOUND: Duration = Duration::from_secs(300);

/// A connection to the API with the merchants' keys.
pub struct Client {
    http: reqwest::Client,
    url: String,
    keys: Keys,
}

/// What a merchant learns of one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The payment's id.
    pub id: String,
    /// Its status; `processing` if it did not come to rest in time.
    pub status: String,
    /// Why it was declined, failed or canceled: `issuer: do_not_honor`.
    pub reasons: Vec<String>,
    /// Whether the answer was an earlier one, told again.
    pub replayed: bool,
}

/// How it went with one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is a payment.
    Answered(Answered),
    /// The API refuses the request; there is no payment.
    Refused(String),
    /// No useful answer in all tries.
    Unanswered(String),
}

struct Answer {
    status: u16,
    replayed: bool,
    retry_after: Option<Duration>,
    body: Value,
}

impl Client {
    /// Talks to the API at `url`.
    pub fn new(url: &str, keys: Keys) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(REQUEST_BOUND).build().context("an HTTP client")?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned(), keys })
    }

    fn key(&self, merchant: &str) -> Result<&str> {
        let key = self.keys.get(merchant);
        key.map(String::as_str).with_context(|| format!("no merchant {merchant} in merchants.json"))
    }

    /// Exchanges the line's card for a token.
    pub async fn tokenise(&self, line: &Line) -> Result<String, Outcome> {
        let key = self.key(&line.merchant).map_err(unanswered)?;
        let request =
            self.http.post(format!("{}/v1/tokens", self.url)).bearer_auth(key).json(&json!({ "card": &line.card }));
        let answer = send_until_answered(&request, &mut Vec::new()).await?;
        let token = answer.body["id"].as_str().map(str::to_owned);
        token.ok_or_else(|| Outcome::Unanswered("an answer without a token".to_owned()))
    }

    /// Makes the line's payment and waits until it rests. Each answered POST adds its duration to `latencies`.
    pub async fn pay(&self, line: &Line, token: &str, latencies: &mut Vec<Duration>) -> Outcome {
        match self.try_to_pay(line, token, latencies).await {
            Ok(answered) => Outcome::Answered(answered),
            Err(outcome) => outcome,
        }
    }

    async fn try_to_pay(&self, line: &Line, token: &str, latencies: &mut Vec<Duration>) -> Result<Answered, Outcome> {
        let key = self.key(&line.merchant).map_err(unanswered)?;
        let request = self
            .http
            .post(format!("{}/v1/payments", self.url))
            .bearer_auth(key)
            .header("Idempotency-Key", &line.key)
            .json(&payment_body(line, token));
        let answer = send_until_answered(&request, latencies).await?;
        let answered = read(&answer.body, answer.replayed).map_err(unanswered)?;
        if answer.status == 202 || answered.status == "processing" {
            return self.wait_for_rest(key, answered, answer.retry_after).await;
        }
        Ok(answered)
    }

    async fn wait_for_rest(
        &self,
        key: &str,
        mut answered: Answered,
        first_wait: Option<Duration>,
    ) -> Result<Answered, Outcome> {
        let deadline = Instant::now() + REST_BOUND;
        let request = self.http.get(format!("{}/v1/payments/{}", self.url, answered.id)).bearer_auth(key);
        let mut wait = first_wait;
        while answered.status == "processing" && Instant::now() < deadline {
            tokio::time::sleep(wait.unwrap_or(Duration::from_secs(1)).min(LONGEST_WAIT)).await;
            let answer = send_until_answered(&request, &mut Vec::new()).await?;
            answered = read(&answer.body, answered.replayed).map_err(unanswered)?;
            wait = answer.retry_after;
        }
        Ok(answered)
    }
}

fn unanswered(error: anyhow::Error) -> Outcome {
    Outcome::Unanswered(format!("{error:#}"))
}

fn payment_body(line: &Line, token: &str) -> Value {
    let mut body = json!({ "amount": line.amount, "currency": line.currency, "token": token });
    if let Some(method) = &line.capture_method {
        body["capture_method"] = Value::from(method.as_str());
    }
    if let Some(reference) = &line.reference {
        body["reference"] = Value::from(reference.as_str());
    }
    body
}

/// Sends the same request until its answer is final, or the tries are over.
async fn send_until_answered(request: &RequestBuilder, latencies: &mut Vec<Duration>) -> Result<Answer, Outcome> {
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
        body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
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

fn read(body: &Value, replayed: bool) -> Result<Answered> {
    let text = |name: &str| {
        let value = body[name].as_str().map(str::to_owned);
        value.with_context(|| format!("a payment without {name}"))
    };
    Ok(Answered { id: text("id")?, status: text("status")?, reasons: reasons(body), replayed })
}

fn reasons(body: &Value) -> Vec<String> {
    let decline = &body["decline"];
    let by = decline["by"].as_str().unwrap_or("somebody");
    let mut reasons: Vec<String> = decline["reasons"]
        .as_array()
        .into_iter()
        .flatten()
        .chain(decline.get("code"))
        .filter_map(Value::as_str)
        .map(|reason| format!("{by}: {reason}"))
        .collect();
    let failure = body["failure"]["code"].as_str();
    reasons.extend(failure.map(|code| format!("failure: {code}")));
    reasons
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

    #[test]
    fn an_answer_tells_who_said_no_and_why() {
        let check = |rest: Value, expected: &[&str]| assert_eq!(reasons(&rest), expected);
        check(json!({}), &[]);
        check(
            json!({ "decline": { "by": "issuer", "code": "do_not_honor", "retryable": false } }),
            &["issuer: do_not_honor"],
        );
        check(
            json!({ "decline": { "by": "risk", "reasons": ["high_amount", "card_velocity"] } }),
            &["risk: high_amount", "risk: card_velocity"],
        );
        check(json!({ "failure": { "code": "unresolved", "detail": "…" } }), &["failure: unresolved"]);
    }
}
