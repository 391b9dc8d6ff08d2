//! `POST /v1/payments/{payment_id}/capture|cancel|confirm|refunds|review`: accepted by one conditional write, which is the intent;
//! then carried on by the workflow. The same key and body again get the same answer.

use crate::{RETRY_AFTER_SECONDS, idempotency};
use intake::idempotency::{check, hash, in_progress, is_abandoned};
use intake::{Run, unavailable};
use payments::id::{OperationId, OperationKind, PaymentId};
use payments::operation::{Operation, Refusal, Wanted};
use payments::payment::Payment;
use payments::ports::{Clock, LoadPayment, SavePayment, Saved, Turns, Workflow};
use payments::problem::{FieldError, Problem, ProblemKind};
use payments::view::{OperationView, PaymentView};
use serde_json::Value;
use task::http::{ProxyAnswer, ProxyRequest};

/// How often an operation starts again because the payment changed under it.
const MAX_ROUNDS: u32 = 8;

/// Reads a request's body.
type Read = fn(&Value) -> Result<Wanted, Vec<FieldError>>;

pub(crate) async fn operate(
    payments: &(impl LoadPayment + SavePayment),
    workflow: &(impl Workflow + Turns),
    clock: &impl Clock,
    request: &ProxyRequest,
    read: Read,
) -> Result<ProxyAnswer, Problem> {
    let owner = request.owner()?;
    let payment_id: PaymentId = request.path_id("payment_id", "payment")?;
    let key = idempotency::key(request)?;
    let body = request.json()?;
    let wanted = read(&body).map_err(|errors| Problem::of_fields(ProblemKind::InvalidRequest, errors))?;
    let id = OperationId::derive(&payment_id, wanted.kind(), &key);
    let hash = hash(&body);
    let run = Run { workflow, payments, patience_seconds: request.patience_seconds() };
    for _ in 0..MAX_ROUNDS {
        let payment = payments.load(&payment_id).await.map_err(unavailable)?;
        let payment = payment.filter(|payment| payment.owner == owner).ok_or_else(missing)?;
        if payment.operation(&id).is_some() {
            return repeat(&run, clock, payment, &id, &hash).await;
        }
        let next = payment.accept(id.clone(), wanted, hash.clone(), clock.now()).map_err(problem)?;
        match payments.save(&next).await.map_err(unavailable)? {
            Saved::Done | Saved::There => {
                let payment = match next.next_operation() {
                    Some(step) => run.carry_on(next, &step).await?,
                    None => next,
                };
                return Ok(answer(&payment, &id));
            }
            Saved::Conflict => {}
        }
    }
    Err(problem(Refusal::Busy))
}

/// The answer to a key that was used before for such an operation on this payment.
async fn repeat<Runs: Workflow + Turns, Store: LoadPayment>(
    run: &Run<'_, Runs, Store>,
    clock: &impl Clock,
    payment: Payment,
    id: &OperationId,
    hash: &str,
) -> Result<ProxyAnswer, Problem> {
    let is_over = |payment: &Payment| operation(payment, id).end.is_some();
    check(operation(&payment, id).request_hash.as_deref().unwrap_or_default(), hash)?;
    let now = clock.now();
    let abandoned = !is_over(&payment) && is_abandoned(&payment, now);
    let payment = match payment.next_operation().filter(|_| abandoned) {
        Some(step) => run.resume(payment, &step).await?,
        None => payment,
    };
    if !is_over(&payment) && run.patience_seconds != Some(0) {
        let accepted = payment.change(operation(&payment, id).v).at;
        return Err(in_progress(accepted, now));
    }
    Ok(idempotency::replayed(answer(&payment, id)))
}

/// How the operation ended (200; 201 for a refund, which is a thing of its own), or that it is accepted and under way
/// (202): the same bytes for ever.
fn answer(payment: &Payment, id: &OperationId) -> ProxyAnswer {
    let operation = operation(payment, id);
    let is_refund = id.kind() == OperationKind::Refund;
    let (status, when) = match operation.end {
        Some(end) if is_refund => (201, end),
        Some(end) => (200, end),
        None => (202, operation.v),
    };
    let answer = if is_refund {
        ProxyAnswer::json(status, &OperationView::of(payment, operation))
    } else {
        ProxyAnswer::json(status, &PaymentView::when(payment, when))
    };
    if status == 202 { answer.with_header("Retry-After", RETRY_AFTER_SECONDS) } else { answer }
}

fn operation<'a>(payment: &'a Payment, id: &OperationId) -> &'a Operation {
    payment.operation(id).expect("the caller found it there, and no version forgets an operation")
}

fn missing() -> Problem {
    Problem::new(ProblemKind::NotFound, "there is no such payment")
}

fn problem(refusal: Refusal) -> Problem {
    let kind = match &refusal {
        Refusal::Busy => ProblemKind::OperationInProgress,
        Refusal::NotPossible { .. } => ProblemKind::OperationNotPossible,
        Refusal::HoldExpired(_) => ProblemKind::HoldExpired,
        Refusal::CaptureExceedsHold { .. } => ProblemKind::CaptureExceedsHold,
        Refusal::RefundExceedsCaptured { .. } => ProblemKind::RefundExceedsCaptured,
        Refusal::CaptureIsLast(_) | Refusal::RefundIsWhole { .. } => ProblemKind::NotSupportedByGateway,
        Refusal::TooManyOperations | Refusal::TooManyConfirmations => ProblemKind::TooManyOperations,
    };
    match refusal {
        Refusal::CaptureIsLast(_) => {
            Problem::of_fields(kind, vec![FieldError::new("final_capture", refusal.to_string())])
        }
        Refusal::CaptureExceedsHold { .. } | Refusal::RefundExceedsCaptured { .. } | Refusal::RefundIsWhole { .. } => {
            Problem::of_fields(kind, vec![FieldError::new("amount", refusal.to_string())])
        }
        Refusal::Busy
        | Refusal::NotPossible { .. }
        | Refusal::HoldExpired(_)
        | Refusal::TooManyOperations
        | Refusal::TooManyConfirmations => Problem::new(kind, refusal.to_string()),
    }
}
