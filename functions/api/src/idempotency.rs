//! `Idempotency-Key` as HTTP has it: required, and a header on what is answered again.

use payments::id::IdempotencyKey;
use payments::problem::{FieldError, Problem, ProblemKind};
use task::http::{ProxyAnswer, ProxyRequest};

/// The request's key.
pub(crate) fn key(request: &ProxyRequest) -> Result<IdempotencyKey, Problem> {
    let expected = "expected 1 to 255 visible ASCII characters, new for each payment, the same for each retry";
    let problem = |kind| Problem::of_fields(kind, vec![FieldError::new("Idempotency-Key", expected)]);
    let key = request.header("idempotency-key").ok_or_else(|| problem(ProblemKind::IdempotencyKeyMissing))?;
    key.parse().map_err(|_| problem(ProblemKind::InvalidRequest))
}

/// The first answer, again.
pub(crate) fn replayed(answer: ProxyAnswer) -> ProxyAnswer {
    answer.with_header("Idempotent-Replayed", "true")
}
