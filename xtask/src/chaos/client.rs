//! A merchant's program in a storm: it repeats each request, with the same key and body, until it is answered and the payment
//! rests. It refuses to know anything that the API does not tell.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::order::{Order, Step};
use crate::demo::client::Outcome;
use crate::demo::sending::{Answer, LONGEST_WAIT, connect, send_until_answered};

/// How long a request is repeated: a run that broke off is taken over by whoever repeats it, or by `sweep` after 90 s.
const BOUND: Duration = Duration::from_secs(420);
/// Between two looks at what is under way, if the answer does not say.
const LOOK: Duration = Duration::from_secs(1);

/// The shop's way into the API.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
}

/// What the client was told of its order in the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The order's Idempotency-Key.
    pub key: String,
    /// The payment.
    pub id: String,
    /// Its status.
    pub status: String,
    /// Minor units that were taken.
    pub captured: u64,
    /// Minor units that were given back.
    pub refunded: u64,
    /// The request's body and the answer, once it was final: the same again must be answered so again.
    pub first: Option<(Value, String)>,
    /// What was not as a client may expect.
    pub complaint: Option<String>,
}

impl Client {
    /// Talks to the API at that address.
    pub fn new(url: &str, key: &str) -> Result<Self> {
        Ok(Self { http: connect()?, url: url.trim_end_matches('/').to_owned(), key: key.to_owned() })
    }

    /// A request with the shop's key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.key)
    }

    /// A payment's request.
    pub fn payment(&self, key: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, "/v1/payments").header("Idempotency-Key", key).json(body)
    }

    /// Reads something whole.
    pub async fn get(&self, path: &str) -> Result<Value> {
        match send_until_answered(&self.request(Method::GET, path), &mut Vec::new()).await {
            Ok(answer) => Ok(answer.body),
            Err(outcome) => anyhow::bail!("GET {path}: {outcome}"),
        }
    }

    /// Makes the payment, and does to it what the order says.
    pub async fn carry_out(&self, order: &Order) -> Told {
        let mut told = Told { key: order.key.clone(), ..Told::default() };
        if let Err(error) = self.buy(order, &mut told).await {
            told.complaint = Some(format!("{error:#}"));
        }
        told
    }

    async fn buy(&self, order: &Order, told: &mut Told) -> Result<()> {
        let token = self.request(Method::POST, "/v1/tokens").json(&order.card());
        let token = until_over(&token).await.context("a token")?;
        let token = token.body["id"].as_str().context("a token without an id")?;
        let body = order.body(token);
        let paid = until_over(&self.payment(&order.key, &body)).await.context("the payment")?;
        told.id = paid.body["id"].as_str().context("a payment without an id")?.to_owned();
        told.look(&paid.body)?;
        told.first = Some((body, paid.text));
        for (place, step) in order.steps.iter().enumerate() {
            if told.status != step.waits_for() {
                // It went another way, which is for the books to judge: declined, or reversed because nobody knew.
                return Ok(());
            }
            self.operate(*step, &format!("{}-{place}", order.key), told).await.with_context(|| format!("{step:?}"))?;
        }
        Ok(())
    }

    async fn operate(&self, step: Step, key: &str, told: &mut Told) -> Result<()> {
        let path = format!("/v1/payments/{}/{}", told.id, step.path());
        let request = self.request(Method::POST, &path).header("Idempotency-Key", key).json(&step.body());
        let answer = until_over(&request).await?;
        match step {
            Step::Refund(amount) => told.refunded += if answer.body["status"] == "succeeded" { amount } else { 0 },
            Step::Capture(..) | Step::Cancel | Step::Review(_) => told.look(&answer.body)?,
        }
        Ok(())
    }
}

impl Told {
    /// Remembers what an answer says of the payment.
    fn look(&mut self, payment: &Value) -> Result<()> {
        self.status = payment["status"].as_str().context("a payment without a status")?.to_owned();
        self.captured = payment["amount_captured"].as_u64().context("a payment without amount_captured")?;
        Ok(())
    }
}

/// Repeats the request until what it began is over.
async fn until_over(request: &RequestBuilder) -> Result<Answer> {
    let deadline = Instant::now() + BOUND;
    loop {
        let (wait, last) = match send_until_answered(request, &mut Vec::new()).await {
            Ok(answer) if answer.status != 202 && answer.body["status"] != "processing" => return Ok(answer),
            Ok(answer) => {
                (answer.retry_after.unwrap_or(LOOK).min(LONGEST_WAIT), format!("{} {}", answer.status, answer.text))
            }
            Err(outcome @ Outcome::Unanswered(_)) => (LOOK, outcome.to_string()),
            Err(outcome @ (Outcome::Refused(_) | Outcome::Answered(_))) => anyhow::bail!("{outcome}"),
        };
        if Instant::now() >= deadline {
            anyhow::bail!("not over after {} s: {last}", BOUND.as_secs());
        }
        tokio::time::sleep(wait).await;
    }
}
