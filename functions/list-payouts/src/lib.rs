//! Shows merchants their payouts. Nothing here writes.

use payments::payout::{PayoutView, listing};
use payments::ports::{ListPayouts, RateLimit};
use payments::problem::{Problem, ProblemKind};
use serde_json::{Value, json};
use std::convert::Infallible;
use task::http::{ProxyAnswer, ProxyRequest};

/// Answers every request, with a page or with a problem.
pub async fn handle(
    limits: &impl RateLimit,
    payouts: &impl ListPayouts,
    request: ProxyRequest,
) -> Result<ProxyAnswer, Infallible> {
    if let Some(refusal) = task::limit::refusal(limits, &request).await {
        return Ok(refusal);
    }
    let answer = match (request.http_method.as_str(), request.resource.as_str()) {
        ("GET", "/v1/payouts") => list(payouts, &request).await,
        ("GET", _) => Err(Problem::new(ProblemKind::NotFound, "there is nothing at this path")),
        _ => Err(Problem::new(ProblemKind::MethodNotAllowed, "expected GET")),
    };
    Ok(answer.unwrap_or_else(|problem| ProxyAnswer::problem(&problem, request.request_id())))
}

async fn list(payouts: &impl ListPayouts, request: &ProxyRequest) -> Result<ProxyAnswer, Problem> {
    let owner = request.owner()?;
    let query = request.query_string_parameters.clone().unwrap_or_default();
    let invalid = |errors| Problem::of_fields(ProblemKind::InvalidRequest, errors);
    let (filter, after) = listing::list(&query, &owner).map_err(invalid)?;
    let page = payouts.payouts(&owner, &filter, after.as_ref()).await.map_err(|failure| {
        tracing::error!(target: "florin", "{}", task::chain(&failure));
        Problem::new(ProblemKind::Unavailable, "send the same request again")
    })?;
    let data: Vec<PayoutView> = page.payouts.iter().map(PayoutView::of).collect();
    let mut answer = json!({ "data": data });
    if let Some(next) = page.next {
        answer["next_cursor"] = Value::from(next.write(&owner));
    }
    Ok(ProxyAnswer::json(200, &answer))
}
