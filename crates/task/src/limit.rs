//! Keeps each API key within its requests per second: the first line of every function that is called with one.

use crate::http::{ProxyAnswer, ProxyRequest};
use payments::ports::{Admission, RateLimit};
use payments::problem::{Problem, ProblemKind};

/// When to send the request again: a key's time runs ahead by one second at most.
const RETRY_AFTER_SECONDS: &str = "1";

/// The answer to a request beyond its key's limit (429); `None` if it may go on.
///
/// Payments matter more than the limit: while nobody counts, requests go on, each with a warning.
pub async fn refusal(limits: &impl RateLimit, request: &ProxyRequest) -> Option<ProxyAnswer> {
    let Some((key_id, limit)) = request.key_limit() else {
        tracing::warn!(target: "florin", "the authorizer named no key: the request goes on uncounted");
        return None;
    };
    match limits.admit(&key_id, limit).await {
        Ok(Admission::Admitted) => None,
        Ok(Admission::Exceeded) => {
            let detail = format!("this key may send {limit} requests per second: send this one again in a moment");
            let problem = Problem::new(ProblemKind::TooManyRequests, detail);
            Some(ProxyAnswer::problem(&problem, request.request_id()).with_header("Retry-After", RETRY_AFTER_SECONDS))
        }
        Err(failure) => {
            tracing::warn!(target: "florin", %key_id, "the request goes on uncounted: {}", crate::chain(&failure));
            None
        }
    }
}
