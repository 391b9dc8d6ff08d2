//! The rules of `Idempotency-Key`: the same key for the same request, one run at a time, the first answer for
//! ever.

use payments::id::digest;
use payments::payment::Payment;
use payments::problem::{FieldError, Problem, ProblemKind};
use payments::timestamp::Timestamp;

/// A payment that nobody touched for so long is carried on by a repeated request; before that its run is taken to be
/// alive.
pub(crate) const RESUME_AFTER_MILLIS: u64 = 5_000;

/// The longest that a repeated request is asked to wait.
const LONGEST_RETRY_SECONDS: u32 = 30;

/// 32 hexadecimal digits: the same for two bodies that differ in white space and in the order of their fields only.
pub fn hash(body: &serde_json::Value) -> String {
    let hash = digest(&[b"request", body.to_string().as_bytes()]);
    hash[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Refuses another body under a used key.
pub fn check(first: &str, this: &str) -> Result<(), Problem> {
    if first == this {
        return Ok(());
    }
    let expected = "expected a new key for a new body, or the first body again";
    Err(Problem::of_fields(ProblemKind::IdempotencyKeyReused, vec![FieldError::new("Idempotency-Key", expected)]))
}

/// Whether what runs for the payment, if anything does, has to be taken for dead.
pub fn is_abandoned(payment: &Payment, now: Timestamp) -> bool {
    now.as_millis() - payment.latest_change().at.as_millis() >= RESUME_AFTER_MILLIS.cast_signed()
}

/// The first request is still under way. Whoever repeats it is asked to wait for as long again as it has run, between one
/// second and [`LONGEST_RETRY_SECONDS`]: however many they are, they leave it the room to end.
pub fn in_progress(since: Timestamp, now: Timestamp) -> Problem {
    let seconds = u32::try_from((now.as_millis() - since.as_millis()) / 1000).unwrap_or_default();
    Problem {
        retry_after_seconds: Some(seconds.clamp(1, LONGEST_RETRY_SECONDS)),
        ..Problem::new(ProblemKind::RequestInProgress, "send the same request again after Retry-After seconds")
    }
}
