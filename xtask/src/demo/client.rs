//! A merchant's program: tokenises a card, makes a payment, waits until it rests, does to it what the line says. It
//! refuses to know anything that the API does not tell.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::input::{Kind, Line, Then};
use super::merchants::Keys;
use super::sending::{Answer, LONGEST_WAIT, connect, send_until_answered};

/// How long a payment may take to come to rest: `sweep` takes over after 90 s, and may have to do it twice.
const REST_BOUND: Duration = Duration::from_secs(300);

/// A connection to the API with the merchants' keys.
pub struct Client {
    http: reqwest::Client,
    url: String,
    keys: Keys,
    /// One permit per payment that may be made at a time.
    payments: Semaphore,
}

/// What a merchant learns of one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The payment's id.
    pub id: String,
    /// Its status when it first rested; `processing` if it did not come to rest in time.
    pub status: String,
    /// Why it was declined, failed or canceled: `issuer: do_not_honor`.
    pub reasons: Vec<String>,
    /// Whether the answer was an earlier one, told again.
    pub replayed: bool,
    /// The last answer's body about the payment at its first rest.
    pub text: String,
    /// Minor units taken by then.
    pub captured: u64,
    /// What was done to it afterwards.
    pub then: Vec<Done>,
    /// Why the rest of what was to be done was not.
    pub stopped: Option<String>,
}

/// What a merchant learns of an operation on a payment that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What was done.
    pub kind: Kind,
    /// How it went: `succeeded`, `failed`.
    pub outcome: String,
    /// The payment's status afterwards, if the answer tells it.
    pub status: Option<String>,
    /// Minor units of the payment taken by then, if the answer tells it.
    pub captured: Option<u64>,
    /// Minor units that a refund gave back.
    pub refunded: u64,
    /// Whether the answer was an earlier one, told again.
    pub replayed: bool,
    /// The answer's body.
    pub text: String,
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

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answered(answered) => write!(f, "{}", answered.status),
            Self::Refused(detail) => write!(f, "refused: {detail}"),
            Self::Unanswered(detail) => write!(f, "no answer: {detail}"),
        }
    }
}

impl Answered {
    /// The status that the merchant was told last.
    pub fn last_status(&self) -> &str {
        self.then.iter().rev().find_map(|done| done.status.as_deref()).unwrap_or(&self.status)
    }

    /// What was taken, as the merchant was told last.
    pub fn last_captured(&self) -> u64 {
        self.then.iter().rev().find_map(|done| done.captured).unwrap_or(self.captured)
    }

    /// What was given back, as the merchant was told.
    pub fn refunded(&self) -> u64 {
        self.then.iter().map(|done| done.refunded).sum()
    }
}

impl Client {
    /// Talks to the API at `url`; makes at most so many payments at a time.
    pub fn new(url: &str, keys: Keys, concurrency: usize) -> Result<Self> {
        let payments = Semaphore::new(concurrency);
        Ok(Self { http: connect()?, url: url.trim_end_matches('/').to_owned(), keys, payments })
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
        let mut answered = match self.try_to_pay(line, token, latencies).await {
            Ok(answered) => answered,
            Err(outcome) => return outcome,
        };
        for (place, then) in line.then.iter().enumerate() {
            let key = format!("{}-then-{}", line.key, place + 1);
            match self.operate(line, &answered.id, then, &key).await {
                Ok(done) => answered.then.push(done),
                Err(outcome) => {
                    answered.stopped = Some(format!("{} ({key}): {outcome}", then.kind));
                    break;
                }
            }
        }
        Outcome::Answered(answered)
    }

    /// Does something to a payment at rest, and waits until it is over: the same request again, once it is, gets its
    /// answer.
    async fn operate(&self, line: &Line, id: &str, then: &Then, key: &str) -> Result<Done, Outcome> {
        let deadline = Instant::now() + REST_BOUND;
        let merchant = self.key(&line.merchant).map_err(unanswered)?;
        let request = self
            .http
            .post(format!("{}/v1/payments/{id}/{}", self.url, then.kind.path()))
            .bearer_auth(merchant)
            .header("Idempotency-Key", key)
            .json(&then.body);
        loop {
            let answer = send_until_answered(&request, &mut Vec::new()).await?;
            if answer.status != 202 {
                return read_operation(then.kind, id, answer).map_err(unanswered);
            }
            if Instant::now() >= deadline {
                return Err(Outcome::Unanswered("still under way".to_owned()));
            }
            tokio::time::sleep(answer.retry_after.unwrap_or(Duration::from_secs(1)).min(LONGEST_WAIT)).await;
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
        let permit = self.payments.acquire().await.context("the client is closing").map_err(unanswered)?;
        let answer = send_until_answered(&request, latencies).await?;
        drop(permit);
        let answered = read(&answer, answer.replayed).map_err(unanswered)?;
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
            answered = read(&answer, answered.replayed).map_err(unanswered)?;
            wait = answer.retry_after;
        }
        Ok(answered)
    }
}

pub(super) fn unanswered(error: anyhow::Error) -> Outcome {
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

fn read(answer: &Answer, replayed: bool) -> Result<Answered> {
    let body = &answer.body;
    Ok(Answered {
        id: text(body, "id")?,
        status: text(body, "status")?,
        reasons: reasons(body),
        replayed,
        text: answer.text.clone(),
        captured: number(body, "amount_captured")?,
        then: Vec::new(),
        stopped: None,
    })
}

/// A refund's answer is the refund; every other operation's is the payment.
fn read_operation(kind: Kind, payment_id: &str, answer: Answer) -> Result<Done> {
    let body = &answer.body;
    let owner = if kind == Kind::Refund { "payment_id" } else { "id" };
    if text(body, owner)? != payment_id {
        bail!("an answer about another payment");
    }
    let status = text(body, "status")?;
    let (outcome, refunded) = match kind {
        Kind::Refund if status == "succeeded" => (status.clone(), number(body, "amount")?),
        Kind::Refund => (status.clone(), 0),
        Kind::Capture => (text(body["captures"].as_array().and_then(|list| list.last()).unwrap_or(body), "status")?, 0),
        Kind::Cancel | Kind::Review => ("succeeded".to_owned(), 0),
    };
    let is_payment = kind != Kind::Refund;
    let captured = if is_payment { Some(number(body, "amount_captured")?) } else { None };
    let status = Some(status).filter(|_| is_payment);
    Ok(Done { kind, outcome, status, captured, refunded, replayed: answer.replayed, text: answer.text })
}

fn text(body: &Value, name: &str) -> Result<String> {
    body[name].as_str().map(str::to_owned).with_context(|| format!("an answer without {name}"))
}

fn number(body: &Value, name: &str) -> Result<u64> {
    body[name].as_u64().with_context(|| format!("an answer without {name}"))
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
