//! The HTTP API of payments: create one, read one. Each payment is its own idempotency record.

mod create;

use payments::event::PaymentView;
use payments::failure::Unavailable;
use payments::id::PaymentId;
use payments::payment::{Payment, Status};
use payments::ports::{Clock, LoadPayment, Merchants, OpenPayment, RateLimit, Tokens, Workflow};
use payments::problem::{Problem, ProblemKind};
use std::convert::Infallible;
use task::http::{ProxyAnswer, ProxyRequest};

/// When to ask again for a payment that is still under way.
const RETRY_AFTER_SECONDS: &str = "1";

/// What the API needs.
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

/// Answers every request, with what was asked for or with a problem.
pub async fn handle<Store, Profiles, Cards, Runs, System>(
    limits: &impl RateLimit,
    ports: &Ports<'_, Store, Profiles, Cards, Runs, System>,
    request: ProxyRequest,
) -> Result<ProxyAnswer, Infallible>
where
    Store: OpenPayment + LoadPayment,
    Profiles: Merchants,
    Cards: Tokens,
    Runs: Workflow,
    System: Clock,
{
    if let Some(refusal) = task::limit::refusal(limits, &request).await {
        return Ok(refusal);
    }
    let answer = match (request.http_method.as_str(), request.resource.as_str()) {
        ("POST", "/v1/payments") => create::create(ports, &request).await,
        ("GET", "/v1/payments/{payment_id}") => get(ports.payments, &request).await,
        (_, "/v1/payments" | "/v1/payments/{payment_id}") => Err(Problem::new(
            ProblemKind::MethodNotAllowed,
            "expected POST /v1/payments or GET /v1/payments/{payment_id}",
        )),
        _ => Err(Problem::new(ProblemKind::NotFound, "there is nothing at this path")),
    };
    Ok(answer.unwrap_or_else(|problem| {
        let answer = ProxyAnswer::problem(&problem, request.request_id());
        if matches!(problem.kind, ProblemKind::RequestInProgress | ProblemKind::Unavailable) {
            return answer.with_header("Retry-After", RETRY_AFTER_SECONDS);
        }
        answer
    }))
}

async fn get(payments: &impl LoadPayment, request: &ProxyRequest) -> Result<ProxyAnswer, Problem> {
    let owner = request.owner()?;
    let id = request.path_parameters.as_ref().and_then(|parameters| parameters.get("payment_id"));
    let missing = || Problem::new(ProblemKind::NotFound, "there is no such payment");
    let id: PaymentId = id.and_then(|id| id.parse().ok()).ok_or_else(missing)?;
    let payment = payments.load(&id).await.map_err(unavailable)?;
    let payment = payment.filter(|payment| payment.owner() == owner).ok_or_else(missing)?;
    Ok(ProxyAnswer::json(200, &PaymentView::of(&payment)))
}

/// The answer to a create: final (201), or accepted and still under way (202).
fn created(payment: &Payment) -> ProxyAnswer {
    let view = PaymentView::of(payment);
    let location = format!("/v1/payments/{}", payment.payment_id);
    match payment.status() {
        Status::Processing => ProxyAnswer::json(202, &view).with_header("Retry-After", RETRY_AFTER_SECONDS),
        Status::RequiresCapture
        | Status::InReview
        | Status::Succeeded
        | Status::Declined
        | Status::Canceled
        | Status::Failed => ProxyAnswer::json(201, &view),
    }
    .with_header("Location", location)
}

fn unavailable(failure: Unavailable) -> Problem {
    tracing::error!(target: "florin", "{}", task::chain(&failure));
    Problem::new(ProblemKind::Unavailable, "send the same request again, with the same Idempotency-Key")
}
