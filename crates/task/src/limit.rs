//! Keeps each API key within its requests per second: the first line of every function that is called with one.

use crate::http::{ProxyAnswer, ProxyRequest};
use payments::ports::{Admission, RateLimit};
use payments::problem::{Problem, ProblemKind};

/// The answer to a request beyond its key's limit (429); `None` if it may go on. A key's time runs ahead by one second at
/// most, so the request is right again after one.
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
            Some(ProxyAnswer::problem(&problem, request.request_id()))
        }
        Err(failure) => {
            tracing::warn!(target: "florin", %key_id, "the request goes on uncounted: {}", crate::chain(&failure));
            None
        }
    }
}
