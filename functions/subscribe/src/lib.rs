//! The HTTP API of webhook endpoints: make, list, show, switch on, delete, rotate the secret, look at deliveries and ask
//! for one again. A secret is shown once, by the request that makes it.

mod deliveries;
mod endpoints;

use payments::failure::Unavailable;
use payments::id::{EndpointId, Owner};
use payments::ports::{
    Clock, DeliveryQueue, ListDeliveries, LoadDelivery, LoadEndpoints, Randomness, RateLimit, SaveDelivery,
    SaveEndpoints, SealSecret,
};
use payments::problem::{FieldError, Problem, ProblemKind};
use payments::webhook::{Endpoint, Endpoints};
use payments::webhook_url::TestReceiver;
use std::convert::Infallible;
use task::http::{ProxyAnswer, ProxyRequest};

/// What subscribing needs.
pub struct Ports<'a, Book, Log, Queue, Keys, System> {
    /// Endpoints.
    pub endpoints: &'a Book,
    /// Deliveries.
    pub deliveries: &'a Log,
    /// The queue of deliveries.
    pub queue: &'a Queue,
    /// Seals secrets.
    pub secrets: &'a Keys,
    /// Clock and randomness.
    pub system: &'a System,
    /// The one authority that needs no TLS, if there is one.
    pub receiver: Option<&'a TestReceiver>,
}

/// Answers every request, with what was asked for or with a problem.
pub async fn handle<Book, Log, Queue, Keys, System>(
    limits: &impl RateLimit,
    ports: &Ports<'_, Book, Log, Queue, Keys, System>,
    request: ProxyRequest,
) -> Result<ProxyAnswer, Infallible>
where
    Book: LoadEndpoints + SaveEndpoints,
    Log: LoadDelivery + SaveDelivery + ListDeliveries,
    Queue: DeliveryQueue,
    Keys: SealSecret,
    System: Clock + Randomness,
{
    if let Some(refusal) = task::limit::refusal(limits, &request).await {
        return Ok(refusal);
    }
    let answer = match (request.http_method.as_str(), request.resource.as_str()) {
        ("POST", "/v1/webhook_endpoints") => endpoints::create(ports, &request).await,
        ("GET", "/v1/webhook_endpoints") => endpoints::list(ports, &request).await,
        ("GET", "/v1/webhook_endpoints/{endpoint_id}") => endpoints::show(ports, &request).await,
        ("DELETE", "/v1/webhook_endpoints/{endpoint_id}") => endpoints::delete(ports, &request).await,
        ("POST", "/v1/webhook_endpoints/{endpoint_id}/enable") => endpoints::enable(ports, &request).await,
        ("POST", "/v1/webhook_endpoints/{endpoint_id}/rotate_secret") => endpoints::rotate(ports, &request).await,
        ("GET", "/v1/webhook_endpoints/{endpoint_id}/deliveries") => deliveries::list(ports, &request).await,
        ("POST", "/v1/webhook_endpoints/{endpoint_id}/deliveries/{delivery_id}/redeliver") => {
            deliveries::redeliver(ports, &request).await
        }
        _ => Err(Problem::new(ProblemKind::NotFound, "there is nothing at this path and method")),
    };
    Ok(answer.unwrap_or_else(|problem| ProxyAnswer::problem(&problem, request.request_id())))
}

/// The endpoint that the path names, if it is the owner's.
fn find<'a>(endpoints: &'a Endpoints, endpoint_id: &EndpointId) -> Result<&'a Endpoint, Refused> {
    endpoints.find(endpoint_id).ok_or_else(|| Refused(no_such_endpoint()))
}

fn no_such_endpoint() -> Problem {
    Problem::new(ProblemKind::NotFound, "there is no such webhook endpoint")
}

/// Who asks, and for which endpoint. A name that is none looks like one that is not there.
fn asked(request: &ProxyRequest) -> Result<(Owner, EndpointId), Problem> {
    let owner = request.owner()?;
    let id = request.path_parameter("endpoint_id").and_then(|id| id.parse().ok());
    Ok((owner, id.ok_or_else(no_such_endpoint)?))
}

fn invalid(error: FieldError) -> Problem {
    Problem::of_fields(ProblemKind::InvalidRequest, vec![error])
}

/// Why a change was refused, as a problem.
struct Refused(Problem);

impl From<Unavailable> for Refused {
    fn from(failure: Unavailable) -> Self {
        Self(unavailable(failure))
    }
}

fn unavailable(failure: Unavailable) -> Problem {
    tracing::error!(target: "florin", "{}", task::chain(&failure));
    Problem::new(ProblemKind::Unavailable, "it is not known whether it was done: look, and send the request again")
}
