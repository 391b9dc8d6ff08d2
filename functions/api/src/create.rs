//! `POST /v1/payments`: open once, run the workflow, answer; the same key and body again get the same answer.

use crate::run::Run;
use crate::{Ports, RETRY_AFTER_SECONDS, idempotency, unavailable};
use payments::id::{OperationId, Owner, PaymentId};
use payments::payment::{Opening, Payment};
use payments::ports::{Clock, LoadPayment, Merchants, OpenPayment, Opened, Tokens, Workflow};
use payments::problem::{FieldError, Problem, ProblemKind};
use payments::request::{CreatePayment, create_payment};
use payments::validation;
use payments::view::PaymentView;
use task::http::{ProxyAnswer, ProxyRequest};

pub(crate) async fn create<Store, Profiles, Cards, Ledger, Runs, System>(
    ports: &Ports<'_, Store, Profiles, Cards, Ledger, Runs, System>,
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
    let key = idempotency::key(request)?;
    let body = request.json()?;
    let wanted = create_payment(&body).map_err(|errors| Problem::of_fields(ProblemKind::InvalidRequest, errors))?;
    let payment_id = PaymentId::derive(&owner, &key);
    let request_hash = idempotency::hash(&body);
    // Read first: what was accepted once is answered for ever, whatever became of the token since, and without a write.
    if let Some(existing) = ports.payments.load(&payment_id).await.map_err(unavailable)? {
        return repeat(ports, request, existing, &request_hash).await;
    }
    let opening = check(ports, &owner, wanted, payment_id, request_hash.clone()).await??;
    let payment = Payment::open(opening, ports.system.now());
    match ports.payments.open(&payment).await.map_err(unavailable)? {
        Opened::New => {
            let run = Run { workflow: ports.workflow, payments: ports.payments, request };
            Ok(answer(&run.carry_on(payment, &OperationId::pay()).await?))
        }
        Opened::Existing(existing) => repeat(ports, request, *existing, &request_hash).await,
    }
}

/// The answer to a key that was used before.
async fn repeat<Store, Profiles, Cards, Ledger, Runs, System>(
    ports: &Ports<'_, Store, Profiles, Cards, Ledger, Runs, System>,
    request: &ProxyRequest,
    existing: Payment,
    request_hash: &str,
) -> Result<ProxyAnswer, Problem>
where
    Store: LoadPayment,
    Runs: Workflow,
    System: Clock,
{
    idempotency::check(&existing.request_hash, request_hash)?;
    let payment = if existing.first_rest.is_none() && idempotency::is_abandoned(&existing, ports.system.now()) {
        let run = Run { workflow: ports.workflow, payments: ports.payments, request };
        run.carry_on(existing, &OperationId::pay()).await?
    } else {
        existing
    };
    if payment.first_rest.is_none() && request.patience_seconds() != Some(0) {
        return Err(idempotency::in_progress());
    }
    Ok(idempotency::replayed(answer(&payment)))
}

/// Where the payment rested first (201), or that it is accepted and under way (202): the same bytes for ever.
fn answer(payment: &Payment) -> ProxyAnswer {
    let location = format!("/v1/payments/{}", payment.payment_id);
    match payment.first_rest {
        Some(rest) => ProxyAnswer::json(201, &PaymentView::when(payment, rest)),
        None => ProxyAnswer::json(202, &PaymentView::when(payment, 1)).with_header("Retry-After", RETRY_AFTER_SECONDS),
    }
    .with_header("Location", location)
}

/// The merchant's settings and the token, against the request: what opens the payment, or why it is refused.
async fn check<Store, Profiles, Cards, Ledger, Runs, System>(
    ports: &Ports<'_, Store, Profiles, Cards, Ledger, Runs, System>,
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
            let CreatePayment { amount, capture_method, reference, metadata, .. } = wanted;
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
