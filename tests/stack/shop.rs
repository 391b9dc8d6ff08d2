//! A merchant of the test's own with its key, and the API as its program sees it.

use crate::numbers::unique;
use crate::tables::Tables;
use payments::amount::Amount;
use payments::id::{IdempotencyKey, Mode, Owner, PaymentId};
use payments::payment::{CaptureMethod, Opening, Payment};
use payments::stage::Stage;
use payments::timestamp::Timestamp;
use payments::token::Token;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use xtask::{Stack, Workspace};

/// Between two looks at a condition.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// API Gateway gives a request up after 29 s.
const REQUEST_BOUND: Duration = Duration::from_secs(35);
/// How long a client repeats a request. `sweep` takes over after 90 s.
const PAY_BOUND: Duration = Duration::from_secs(240);
/// The longest that a client waits before it asks again.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Held for reading by tests that need a healthy stack, for writing by those that break it.
static HEALTH: RwLock<()> = RwLock::const_new(());

/// The stack stays healthy while this is held.
pub async fn healthy() -> RwLockReadGuard<'static, ()> {
    HEALTH.read().await
}

/// Nobody else relies on the stack while this is held.
pub async fn alone() -> RwLockWriteGuard<'static, ()> {
    HEALTH.write().await
}

/// A merchant with its key.
#[derive(Clone)]
pub struct Shop {
    pub stack: Stack,
    pub tables: Tables,
    pub owner: Owner,
    pub key: String,
    http: reqwest::Client,
    url: String,
}

/// What the API answered.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub replayed: bool,
    /// After how many seconds to ask again, if the answer says so.
    pub retry_after: Option<u64>,
    pub text: String,
    pub body: Value,
}

impl Shop {
    pub async fn open() -> Self {
        let stack = Stack::open(&Workspace::find().unwrap()).await.unwrap();
        Self::open_in(&stack).await
    }

    /// Another merchant on the same stack.
    pub async fn open_in(stack: &Stack) -> Self {
        let tables = Tables::of(stack);
        let merchant = format!("mer_t{}", unique());
        let key = crate::operator::open_shop(stack, &merchant, "test", 10_000).await;
        let owner = Owner { merchant_id: merchant.parse().unwrap(), mode: Mode::Test };
        let http = reqwest::Client::builder().no_proxy().timeout(REQUEST_BOUND).build().unwrap();
        let url = stack.api_url().unwrap().trim_end_matches('/').to_owned();
        Self { stack: stack.clone(), tables, owner, key, http, url }
    }

    /// The text of its key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// A request with this merchant's key.
    pub fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.post_without_key(path).bearer_auth(&self.key)
    }

    pub fn post_without_key(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}{path}", self.url))
    }

    pub fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.key)
    }

    pub fn delete(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.delete(format!("{}{path}", self.url)).bearer_auth(&self.key)
    }

    /// A request with no key yet.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.to_uppercase().parse().unwrap();
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// A key of this merchant's other mode.
    pub async fn live_key(&self) -> String {
        crate::operator::open_shop(&self.stack, self.owner.merchant_id.as_str(), "live", 10_000).await
    }

    /// The id of a new webhook endpoint.
    pub async fn webhook_endpoint(&self, url: &str) -> String {
        let answer = send(self.post("/v1/webhook_endpoints").json(&json!({ "url": url }))).await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.body["type"]);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    /// A token of the card, with a verification code.
    pub async fn create_token(&self, number: &str) -> String {
        self.create_token_with_code(number, "737").await
    }

    pub async fn create_token_with_code(&self, number: &str, cvc: &str) -> String {
        let card = json!({ "number": number, "exp_month": 12, "exp_year": 2034, "cvc": cvc });
        let answer = until("a token", 60, || async {
            let request = self.post("/v1/tokens").json(&json!({ "card": &card }));
            let answer = send(request).await.ok()?;
            (answer.status < 500).then_some(answer)
        })
        .await;
        assert_eq!(answer.status, 201, "POST /v1/tokens: {}", answer.body["type"]);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    /// The first answer to a payment's request, whatever it is.
    pub async fn pay_once(&self, body: &Value, key: &str) -> Answer {
        send(self.post("/v1/payments").header("Idempotency-Key", key).json(body)).await.unwrap()
    }

    /// The first answer to something that is done to a payment: `capture`, `cancel`, `refunds`, `review`.
    pub async fn operate_once(&self, payment_id: &str, operation: &str, body: &Value, key: &str) -> Answer {
        let path = format!("/v1/payments/{payment_id}/{operation}");
        send(self.post(&path).header("Idempotency-Key", key).json(body)).await.unwrap()
    }

    /// Repeats the request until the payment rests, as a merchant's program does.
    pub async fn pay(&self, body: &Value, key: &str) -> Answer {
        self.pay_and_tell(body, key).await.0
    }

    /// The same, and every answer before the last.
    pub async fn pay_and_tell(&self, body: &Value, key: &str) -> (Answer, Vec<Answer>) {
        let (deadline, mut wait, mut before) = (Instant::now() + PAY_BOUND, LOOK_INTERVAL, Vec::new());
        loop {
            let request = self.post("/v1/payments").header("Idempotency-Key", key).json(body);
            if let Ok(answer) = send(request).await {
                let again = answer.status >= 500 || matches!(answer.status, 409 | 429);
                if !again && answer.body["status"] != "processing" {
                    return (answer, before);
                }
                wait = answer.retry_after.map_or(wait * 2, Duration::from_secs);
                before.push(answer);
            } else {
                wait *= 2;
            }
            let answers = before.iter().map(|answer| answer.status).collect::<Vec<_>>();
            assert!(Instant::now() < deadline, "a payment at rest: not within {PAY_BOUND:?}; {answers:?}");
            wait = wait.min(LONGEST_WAIT);
            tokio::time::sleep(wait).await;
        }
    }

    /// An approved payment with a fresh card; its id.
    pub async fn sell(&self, amount: u64) -> String {
        let token = self.create_token(&crate::numbers::fresh()).await;
        let answer = self.pay(&payment_body(amount, &token), &unique()).await;
        assert_eq!(answer.body["status"], "succeeded", "{}", answer.text);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    /// The payment that this merchant's key would make.
    pub fn payment_id(&self, key: &str) -> String {
        let key: IdempotencyKey = key.parse().unwrap();
        PaymentId::derive(&self.owner, &key).to_string()
    }

    /// A payment of this merchant with a new token of the card, as the API would open it; not stored.
    pub async fn opened(&self, number: &str) -> Payment {
        let token = self.create_token(number).await;
        let token = self.tables.get("Tokens", json!({ "token_id": token })).await.unwrap();
        let token: Token = serde_json::from_value(token).unwrap();
        let opening = Opening {
            payment_id: self.payment_id(&unique()).parse().unwrap(),
            owner: self.owner.clone(),
            request_hash: "0".repeat(32),
            amount: Amount::try_new(1999, "EUR".parse().unwrap()).unwrap(),
            capture_method: CaptureMethod::Automatic,
            token,
            reference: None,
            metadata: BTreeMap::new(),
            return_url: None,
        };
        Payment::open(opening, now())
    }

    /// Stores a payment at that stage.
    pub async fn plant(&self, mut payment: Payment, stage: Stage) -> Payment {
        payment.stage = stage;
        self.tables.put("Payments", &serde_json::to_value(&payment).unwrap()).await;
        payment
    }
}

/// The wall clock.
pub fn now() -> Timestamp {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    serde_json::from_value(json!(u64::try_from(now.as_millis()).unwrap())).unwrap()
}

pub fn payment_body(amount: u64, token: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR", "token": token })
}

/// Sends a request and reads the whole answer.
pub async fn send(request: reqwest::RequestBuilder) -> anyhow::Result<Answer> {
    let response = request.send().await?;
    let header = |name: &str| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (status, content_type) = (response.status().as_u16(), header("Content-Type"));
    let replayed = header("Idempotent-Replayed") == "true";
    let retry_after = header("Retry-After").parse().ok();
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer { status, content_type, replayed, retry_after, text, body })
}

/// Looks until there is something, or fails after the bound.
pub async fn until<T, Looked>(what: &str, seconds: u64, look: impl Fn() -> Looked) -> T
where
    Looked: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {seconds} s");
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}
