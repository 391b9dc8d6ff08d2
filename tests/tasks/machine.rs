//! The state machine over ports in memory: its retries, its catches, `sweep` behind it, and the API before it.

use crate::world::World;
use payments::failure::Failure;
use payments::id::{OperationId, OperationKind, PaymentId};
use payments::ports::Gateways;
use payments::stage::StageName;
use payments::step::{StepAnswer, StepRequest};
use serde_json::{Value, json};

/// Retries of one step, as in the state machine.
const RETRIES: u32 = 3;
/// Sweeps until a payment has to rest.
const SWEEPS: u32 = 40;

/// How a step ended for the state machine: where the payment is, or the error's name.
pub type Outcome = Result<StageName, &'static str>;

fn named<E: Failure>(answer: Result<StepAnswer, E>) -> Result<StageName, (&'static str, bool)> {
    answer.map(|answer| answer.stage).map_err(|error| (error.name(), error.transient()))
}

pub async fn once(world: &World, step: &str, id: &PaymentId) -> Result<StageName, (&'static str, bool)> {
    once_over(world, world, step, id).await
}

/// The step, over these gateways.
pub async fn once_over(
    world: &World,
    gateways: &impl Gateways,
    step: &str,
    id: &PaymentId,
) -> Result<StageName, (&'static str, bool)> {
    let request = StepRequest { payment_id: id.clone(), operation_id: OperationId::pay() };
    let ports = authorize::Ports {
        payments: world,
        merchants: world,
        vault: world,
        codes: world,
        gateways,
        health: world,
        velocity: world,
        system: world,
    };
    match step {
        "Validate" => named(validate::handle(world, world, world, world, request).await),
        "Authorize" => named(authorize::handle(&ports, request).await),
        "FraudCheck" => named(fraud_check::handle(world, world, world, world, request).await),
        "Execute" => named(execute::handle(world, gateways, world, request).await),
        "Settle" => named(settle::handle(world, world, world, world, request).await),
        "Refund" => named(refund::handle(world, world, gateways, world, request).await),
        "Void" => named(void::handle(world, gateways, world, request).await),
        other => panic!("no step {other}"),
    }
}

pub async fn retried(world: &World, step: &str, id: &PaymentId) -> Outcome {
    let mut tries = 0;
    loop {
        match once(world, step, id).await {
            Ok(stage) => return Ok(stage),
            Err((_, true)) if tries < RETRIES => tries += 1,
            Err((name, _)) => return Err(name),
        }
    }
}

/// One run of the state machine; what it leaves over is for `sweep`.
pub async fn run(world: &World, id: &PaymentId, operation: &OperationId) {
    run_by(operation, async |step| retried(world, step, id).await).await;
}

/// The same, where `step` is how a step is run with its retries.
pub async fn run_by(operation: &OperationId, run: impl AsyncFn(&'static str) -> Outcome) {
    let mut step = match operation.kind() {
        OperationKind::Pay | OperationKind::Review | OperationKind::Confirm => "Validate",
        OperationKind::Capture => "Execute",
        OperationKind::Refund => "Refund",
        OperationKind::Cancel | OperationKind::Reverse => "Void",
    };
    loop {
        step = match (step, run(step).await) {
            ("Validate", Ok(_)) => "Authorize",
            ("Authorize", Ok(StageName::Authenticating)) => return,
            ("Authorize", Ok(_)) => "FraudCheck",
            ("FraudCheck", Ok(StageName::Capturing)) => "Execute",
            ("FraudCheck", Ok(StageName::Voiding)) => "Void",
            ("FraudCheck", Ok(StageName::Captured)) => "Settle",
            ("FraudCheck", Ok(StageName::Refunding)) => "Refund",
            ("Execute", Ok(_)) => "Settle",
            ("Execute", Err("CaptureRefused")) => "Void",
            ("Void", Err("AlreadyCaptured")) => "Settle",
            _ => return,
        };
    }
}

/// Runs and sweeps until the payment rests; panics if it does not within its bound.
pub async fn bring_to_rest(world: &World, id: &PaymentId) {
    run(world, id, &OperationId::pay()).await;
    sweep_until_it_rests(world, id).await;
}

/// Lets a cardholder's time pass, and what follows from that come to rest.
pub async fn let_time_pass(world: &World, id: &PaymentId) {
    for _ in 0..SWEEPS {
        if StageName::from(&world.payment(id).stage) != StageName::Authenticating {
            return;
        }
        world.now.set(world.payment(id).due_at.unwrap().as_millis());
        let _ = sweep::handle(world, world, world, Value::Null).await;
        for (id, operation) in world.started.take() {
            run(world, &id, &operation).await;
        }
        sweep_until_it_rests(world, id).await;
    }
    panic!("the cardholder is waited for, for ever")
}

/// Sweeps, and runs what sweep starts, until the payment rests; panics if it does not within its bound.
pub async fn sweep_until_it_rests(world: &World, id: &PaymentId) {
    for _ in 0..SWEEPS {
        if rests(world, id) {
            return;
        }
        world.now.set(world.payment(id).due_at.unwrap().as_millis());
        // A sweep that breaks off is followed by another.
        let _ = sweep::handle(world, world, world, serde_json::Value::Null).await;
        let started = world.started.take();
        for (id, operation) in started {
            run(world, &id, &operation).await;
        }
    }
    panic!("{:?} does not rest", world.payment(id).stage);
}

pub fn rests(world: &World, id: &PaymentId) -> bool {
    StageName::from(&world.payment(id).stage).is_rest()
}

/// A request as API Gateway hands it over.
pub struct Call<'a> {
    pub method: &'a str,
    pub resource: &'a str,
    pub payment: Option<&'a PaymentId>,
    pub invoice: Option<&'a str>,
    pub key: Option<&'a str>,
    pub body: Value,
    pub prefer: Option<&'a str>,
    pub query: Value,
    pub merchant: &'a str,
    pub mode: &'a str,
}

impl Default for Call<'_> {
    fn default() -> Self {
        let (method, resource) = ("GET", "/v1/payments");
        let (key, prefer, payment, invoice) = (None, None, None, None);
        let (body, query) = (Value::Null, Value::Null);
        Self { method, resource, payment, invoice, key, body, prefer, query, merchant: "mer_test", mode: "test" }
    }
}

/// What the API answers: status, body, and whether it is a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
    pub replayed: bool,
    pub retry_after: Option<u32>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The last part of a problem's type.
    pub fn problem(&self) -> String {
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        kind.rsplit('/').next().unwrap().to_owned()
    }
}

/// Calls the API's handler over the world.
pub async fn call(world: &World, call: &Call<'_>) -> Answer {
    let body = (call.method == "POST").then(|| call.body.to_string());
    let request = json!({
        "httpMethod": call.method,
        "resource": call.resource,
        "pathParameters": call.payment.map(|id| json!({ "payment_id": id })).or_else(|| {
            call.invoice.map(|id| json!({ "invoice_id": id }))
        }),
        "queryStringParameters": call.query,
        "headers": headers(call),
        "body": body,
        "requestContext": {
            "requestId": "request-1",
            "authorizer": { "merchant_id": call.merchant, "mode": call.mode },
        },
    });
    let request = serde_json::from_value(request).unwrap();
    let ports =
        api::Ports { payments: world, merchants: world, tokens: world, ledger: world, workflow: world, system: world };
    let bills = api::Bills { settlements: world, invoices: world, files: world };
    let answer = api::handle(world, &ports, &bills, request).await.unwrap();
    Answer {
        status: answer.status_code,
        replayed: answer.headers.contains_key("Idempotent-Replayed"),
        retry_after: answer.headers.get("Retry-After").map(|seconds| seconds.parse().unwrap()),
        body: answer.body,
    }
}

fn headers(call: &Call<'_>) -> Value {
    let mut headers = serde_json::Map::new();
    headers.insert("content-type".to_owned(), json!("application/json"));
    for (name, value) in [("idempotency-key", call.key), ("prefer", call.prefer)] {
        headers.extend(value.map(|value| (name.to_owned(), json!(value))));
    }
    Value::Object(headers)
}
