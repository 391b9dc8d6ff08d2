//! Open once, run the workflow, answer; the same key and body again get the same payment.

use crate::run::Run;
use crate::{idempotency, unavailable};
use payments::id::{IdempotencyKey, OperationId, Owner, PaymentId};
use payments::payment::{Opening, Payment};
use payments::ports::{Clock, LoadPayment, Merchants, OpenPayment, Opened, Tokens, Turns, Workflow};
use payments::problem::{FieldError, Problem, ProblemKind};
use payments::request::{CreatePayment, create_payment};
use payments::validation;
use serde_json::Value;

/// What opening a payment needs.
#[derive(Debug)]
pub struct Ports<'a, Store, Profiles, Cards, Runs, System> {
    /// Payments.
    pub payments: &'a Store,
    /// Merchants' settings.
    pub merchants: &'a Profiles,
    /// Tokens' public halves.
    pub tokens: &'a Cards,
    /// The payment workflow.
    pub workflow: &'a Runs,
    /// The clock.
    pub system: &'a System,
}

/// A request for a payment.
#[derive(Debug)]
pub struct Request<'a> {
    /// Whose.
    pub owner: &'a Owner,
    /// The client's name for it.
    pub key: &'a IdempotencyKey,
    /// The body of `POST /v1/payments`.
    pub body: &'a Value,
    /// How long the client waits for it to rest; as long as we let it, if it does not say.
    pub patience_seconds: Option<u32>,
}

/// A payment that was asked for.
#[derive(Debug)]
pub struct Created {
    /// As it is now.
    pub payment: Payment,
    /// Whether the same request was there before.
    pub replayed: bool,
}

/// The one payment of the request's owner and key, or why there is none.
pub async fn create<Store, Profiles, Cards, Runs, System>(
    ports: &Ports<'_, Store, Profiles, Cards, Runs, System>,
    request: &Request<'_>,
) -> Result<Created, Problem>
where
    Store: OpenPayment + LoadPayment,
    Profiles: Merchants,
    Cards: Tokens,
    Runs: Workflow + Turns,
    System: Clock,
{
    let invalid = |errors| Problem::of_fields(ProblemKind::InvalidRequest, errors);
    let wanted = create_payment(request.body).map_err(invalid)?;
    let payment_id = PaymentId::derive(request.owner, request.key);
    let request_hash = idempotency::hash(request.body);
    // Read first: what was accepted once is answered for ever, whatever became of the token since, and without a write.
    if let Some(existing) = ports.payments.load(&payment_id).await.map_err(unavailable)? {
        return repeat(ports, request, existing, &request_hash).await;
    }
    let opening = check(ports, request.owner, wanted, payment_id, request_hash.clone()).await??;
    let payment = Payment::open(opening, ports.system.now());
    match ports.payments.open(&payment).await.map_err(unavailable)? {
        Opened::New => {
            let payment = run(ports, request).carry_on(payment, &OperationId::pay()).await?;
            Ok(Created { payment, replayed: false })
        }
        Opened::Existing(existing) => repeat(ports, request, *existing, &request_hash).await,
    }
}

fn run<'a, Store, Profiles, Cards, Runs, System>(
    ports: &Ports<'a, Store, Profiles, Cards, Runs, System>,
    request: &Request<'_>,
) -> Run<'a, Runs, Store> {
    Run { workflow: ports.workflow, payments: ports.payments, patience_seconds: request.patience_seconds }
}

/// The payment of a key that was used before.
async fn repeat<Store, Profiles, Cards, Runs, System>(
    ports: &Ports<'_, Store, Profiles, Cards, Runs, System>,
    request: &Request<'_>,
    existing: Payment,
    request_hash: &str,
) -> Result<Created, Problem>
where
    Store: LoadPayment,
    Runs: Workflow + Turns,
    System: Clock,
{
    idempotency::check(&existing.request_hash, request_hash)?;
    let now = ports.system.now();
    let payment = if existing.first_rest.is_none() && idempotency::is_abandoned(&existing, now) {
        run(ports, request).resume(existing, &OperationId::pay()).await?
    } else {
        existing
    };
    if payment.first_rest.is_none() && request.patience_seconds != Some(0) {
        return Err(idempotency::in_progress(payment.created_at, now));
    }
    Ok(Created { payment, replayed: true })
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
            let CreatePayment { amount, capture_method, reference, metadata, return_url, .. } = wanted;
            let owner = owner.clone();
            return Ok(Ok(Opening {
                payment_id,
                owner,
                request_hash,
                amount,
                capture_method,
                token,
                reference,
                metadata,
                return_url,
            }));
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
