//! `POST /v1/payments`: open once, run the workflow, answer; the same key and body again get the same answer.

use crate::{Ports, created, unavailable};
use payments::id::{IdempotencyKey, Owner, PaymentId, digest};
use payments::payment::{Opening, Payment, Status};
use payments::ports::{Clock, LoadPayment, Merchants, OpenPayment, Opened, Tokens, Workflow};
use payments::problem::{FieldError, Problem, ProblemKind};
use payments::request::{CreatePayment, create_payment};
use payments::step::OperationId;
use payments::validation;
use task::http::{ProxyAnswer, ProxyRequest};

/// A payment that nobody touched for so long is resumed by a repeated request; before that its first run is taken to be
/// alive.
const RESUME_AFTER_MILLIS: i64 = 5_000;

pub(crate) async fn create<Store, Profiles, Cards, Runs, System>(
    ports: &Ports<'_, Store, Profiles, Cards, Runs, System>,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem>
where
    Store: OpenPayment + LoadPayment,
    Profiles: Merchants,
    Cards: Tokens,
    Runs: Workflow,
    System: Clock,
{
    let owner = request.owner()?;
    let key = idempotency_key(request)?;
    let body = request.json()?;
    let wanted = create_payment(&body).map_err(|errors| Problem::of_fields(ProblemKind::InvalidRequest, errors))?;
    let payment_id = PaymentId::derive(&owner, &key);
    let request_hash = hash(&body);
    let opening = match check(ports, &owner, wanted, payment_id.clone(), request_hash.clone()).await? {
        Ok(opening) => opening,
        // What was accepted once is answered for ever, whatever became of the token since.
        Err(refusal) => {
            let existing = ports.payments.load(&payment_id).await.map_err(unavailable)?.ok_or(refusal)?;
            return repeat(ports, existing, &request_hash).await;
        }
    };
    let payment = Payment::open(opening, ports.system.now());
    match ports.payments.open(&payment).await.map_err(unavailable)? {
        Opened::New => Ok(created(&run(ports, payment).await?)),
        Opened::Existing(existing) => repeat(ports, *existing, &request_hash).await,
    }
}

/// The answer to a key that was used before.
async fn repeat<Store, Profiles, Cards, Runs, System>(
    ports: &Ports<'_, Store, Profiles, Cards, Runs, System>,
    existing: Payment,
    request_hash: &str,
) -> Result<ProxyAnswer, Problem>
where
    Store: LoadPayment,
    Runs: Workflow,
    System: Clock,
{
    if existing.request_hash != request_hash {
        let errors =
            vec![FieldError::new("Idempotency-Key", "expected a new key for a new body, or the first body again")];
        return Err(Problem::of_fields(ProblemKind::IdempotencyKeyReused, errors));
    }
    let idle = ports.system.now().as_millis() - existing.latest_change().at.as_millis();
    let abandoned = existing.status() == Status::Processing && idle >= RESUME_AFTER_MILLIS;
    let payment = if abandoned { run(ports, existing).await? } else { existing };
    if payment.status() == Status::Processing {
        return Err(Problem::new(ProblemKind::RequestInProgress, "send the same request again a moment later"));
    }
    Ok(created(&payment).with_header("Idempotent-Replayed", "true"))
}

/// Runs the workflow and reads how far it came. A run that breaks off is no error: the payment is recorded, and `sweep`
/// brings it to rest.
async fn run<Store, Profiles, Cards, Runs, System>(
    ports: &Ports<'_, Store, Profiles, Cards, Runs, System>,
    payment: Payment,
) -> Result<Payment, Problem>
where
    Store: LoadPayment,
    Runs: Workflow,
{
    if let Err(failure) = ports.workflow.run(&payment.payment_id, OperationId::Pay).await {
        tracing::warn!(target: "florin", payment_id = %payment.payment_id, "{}", task::chain(&failure));
    }
    Ok(ports.payments.load(&payment.payment_id).await.map_err(unavailable)?.unwrap_or(payment))
}

/// The merchant's settings and the token, against the request: what opens the payment, or why it is refused.
async fn check<Store, Profiles, Cards, Runs, System>(
    ports: &Ports<'_, Store, Profiles, Cards, Runs, System>,
    owner: &Owner,
    wanted: CreatePayment,
    payment_id: PaymentId,
    request_hash: String,
) -> Result<Result<Opening, Problem>, Problem>
where
    Profiles: Merchants,
    Cards: Tokens,
    System: Clock,
{
    let merchant = ports.merchants.merchant(owner).await.map_err(unavailable)?;
    let token = ports.tokens.token(&wanted.token).await.map_err(unavailable)?;
    let now = ports.system.now();
    let checked = validation::check(merchant.as_ref(), owner, wanted.amount, token.as_ref(), now);
    let refusal = match (checked, token) {
        (Ok(()), Some(token)) => {
            let CreatePayment { amount, capture_method, reference, .. } = wanted;
            let owner = owner.clone();
            return Ok(Ok(Opening { payment_id, owner, request_hash, amount, capture_method, token, reference }));
        }
        (Ok(()), None) => validation::Violation::TokenUnknown,
        (Err(violation), _) => violation,
    };
    Ok(Err(match refusal.field() {
        Some(field) => {
            Problem::of_fields(ProblemKind::Unprocessable, vec![FieldError::new(field, refusal.to_string())])
        }
        None => Problem::new(ProblemKind::Unprocessable, refusal.to_string()),
    }))
}

fn idempotency_key(request: &ProxyRequest) -> Result<IdempotencyKey, Problem> {
    let expected = "expected 1 to 255 visible ASCII characters, new for each payment, the same for each retry";
    let problem = |kind| Problem::of_fields(kind, vec![FieldError::new("Idempotency-Key", expected)]);
    let key = request.header("idempotency-key").ok_or_else(|| problem(ProblemKind::IdempotencyKeyMissing))?;
    key.parse().map_err(|_| problem(ProblemKind::InvalidRequest))
}

/// The same for two bodies that differ in white space and in the order of their fields only.
fn hash(body: &serde_json::Value) -> String {
    let hash = digest(&[b"request", body.to_string().as_bytes()]);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
