//! Endpoints: each change is one conditional write of the owner's record.

use crate::{Ports, Refused, asked, find, invalid, unavailable};
use payments::id::{EndpointId, Owner};
use payments::ports::{Clock, LoadEndpoints, Randomness, SaveEndpoints, SealSecret};
use payments::problem::{Problem, ProblemKind};
use payments::secret::Secret;
use payments::webhook::{Endpoint, MAX_ENDPOINTS, SealedSecret, change};
use payments::webhook_request::{create_endpoint, endpoint_cursor, page_limit};
use payments::webhook_signature::new_secret;
use payments::webhook_view::EndpointView;
use serde_json::{Value, json};
use task::http::{ProxyAnswer, ProxyRequest};

/// `POST /v1/webhook_endpoints`.
pub(crate) async fn create<Book, Log, Queue, Keys, System>(
    ports: &Ports<'_, Book, Log, Queue, Keys, System>,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem>
where
    Book: LoadEndpoints + SaveEndpoints,
    Keys: SealSecret,
    System: Clock + Randomness,
{
    let owner = request.owner()?;
    let wanted = create_endpoint(&request.json()?, ports.receiver)
        .map_err(|errors| Problem::of_fields(ProblemKind::InvalidRequest, errors))?;
    // Before anything is encrypted: a full record needs no key.
    let there = ports.endpoints.endpoints(&owner).await.map_err(unavailable)?;
    if there.list.len() >= MAX_ENDPOINTS {
        return Err(too_many());
    }
    let now = ports.system.now();
    let endpoint_id = EndpointId::from_random(ports.system.bits());
    let (secret, sealed) = make_secret(ports, &owner, &endpoint_id).await?;
    let endpoint = Endpoint::new(endpoint_id, wanted.url, wanted.events, wanted.description, sealed, now);
    let added =
        change(ports.endpoints, &owner, |endpoints| endpoints.add(endpoint.clone()).map_err(|_| Refused(too_many())));
    added.await.map_err(|Refused(problem)| problem)?;
    let location = format!("/v1/webhook_endpoints/{}", endpoint.endpoint_id);
    let body = with_secret(&EndpointView::of(&endpoint, now), &secret);
    Ok(ProxyAnswer::json(201, &body).with_header("Location", location))
}

/// `GET /v1/webhook_endpoints`.
pub(crate) async fn list<Book, Log, Queue, Keys, System>(
    ports: &Ports<'_, Book, Log, Queue, Keys, System>,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem>
where
    Book: LoadEndpoints,
    System: Clock,
{
    let owner = request.owner()?;
    let limit = page_limit(request.query_parameter("limit")).map_err(invalid)?;
    let after = endpoint_cursor(request.query_parameter("cursor")).map_err(invalid)?;
    let now = ports.system.now();
    let mut there = ports.endpoints.endpoints(&owner).await.map_err(unavailable)?.list;
    // By id: a page that goes on behind an endpoint can do so also when that was deleted in between.
    there.sort_by(|one, other| one.endpoint_id.cmp(&other.endpoint_id));
    let mut rest = there.iter().filter(|endpoint| after.as_ref().is_none_or(|after| endpoint.endpoint_id > *after));
    let page: Vec<EndpointView> = rest.by_ref().take(limit).map(|endpoint| EndpointView::of(endpoint, now)).collect();
    let mut body = json!({ "data": page });
    if let (Some(_), Some(last)) = (rest.next(), page.last()) {
        body["next_cursor"] = json!(last.id);
    }
    Ok(ProxyAnswer::json(200, &body))
}

/// `GET /v1/webhook_endpoints/{endpoint_id}`.
pub(crate) async fn show<Book, Log, Queue, Keys, System>(
    ports: &Ports<'_, Book, Log, Queue, Keys, System>,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem>
where
    Book: LoadEndpoints,
    System: Clock,
{
    let (owner, endpoint_id) = asked(request)?;
    let there = ports.endpoints.endpoints(&owner).await.map_err(unavailable)?;
    let endpoint = find(&there, &endpoint_id).map_err(|Refused(problem)| problem)?;
    Ok(ProxyAnswer::json(200, &EndpointView::of(endpoint, ports.system.now())))
}

/// `DELETE /v1/webhook_endpoints/{endpoint_id}`. What is on its way is given up at its next turn.
pub(crate) async fn delete<Book, Log, Queue, Keys, System>(
    ports: &Ports<'_, Book, Log, Queue, Keys, System>,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem>
where
    Book: LoadEndpoints + SaveEndpoints,
{
    let (owner, endpoint_id) = asked(request)?;
    let deleted = change(ports.endpoints, &owner, |endpoints| {
        find(endpoints, &endpoint_id)?;
        endpoints.list.retain(|endpoint| endpoint.endpoint_id != endpoint_id);
        Ok(())
    });
    deleted.await.map_err(|Refused(problem)| problem)?;
    Ok(ProxyAnswer::no_content())
}

/// `POST /v1/webhook_endpoints/{endpoint_id}/enable`. Twice is harmless.
pub(crate) async fn enable<Book, Log, Queue, Keys, System>(
    ports: &Ports<'_, Book, Log, Queue, Keys, System>,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem>
where
    Book: LoadEndpoints + SaveEndpoints,
    System: Clock,
{
    let (owner, endpoint_id) = asked(request)?;
    let enabled = changed(ports, &owner, &endpoint_id, Endpoint::enable).await?;
    Ok(ProxyAnswer::json(200, &EndpointView::of(&enabled, ports.system.now())))
}

/// `POST /v1/webhook_endpoints/{endpoint_id}/rotate_secret`.
pub(crate) async fn rotate<Book, Log, Queue, Keys, System>(
    ports: &Ports<'_, Book, Log, Queue, Keys, System>,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem>
where
    Book: LoadEndpoints + SaveEndpoints,
    Keys: SealSecret,
    System: Clock + Randomness,
{
    let (owner, endpoint_id) = asked(request)?;
    let there = ports.endpoints.endpoints(&owner).await.map_err(unavailable)?;
    find(&there, &endpoint_id).map_err(|Refused(problem)| problem)?;
    let now = ports.system.now();
    let (secret, sealed) = make_secret(ports, &owner, &endpoint_id).await?;
    let rotated = changed(ports, &owner, &endpoint_id, |endpoint| endpoint.rotate(sealed.clone(), now)).await?;
    Ok(ProxyAnswer::json(200, &with_secret(&EndpointView::of(&rotated, now), &secret)))
}

async fn changed<Book, Log, Queue, Keys, System>(
    ports: &Ports<'_, Book, Log, Queue, Keys, System>,
    owner: &Owner,
    endpoint_id: &EndpointId,
    decide: impl Fn(&mut Endpoint),
) -> Result<Endpoint, Problem>
where
    Book: LoadEndpoints + SaveEndpoints,
{
    let done = change(ports.endpoints, owner, |endpoints| {
        find(endpoints, endpoint_id)?;
        endpoints.list.iter_mut().filter(|endpoint| endpoint.endpoint_id == *endpoint_id).for_each(&decide);
        find(endpoints, endpoint_id).cloned()
    });
    done.await.map_err(|Refused(problem)| problem)
}

async fn make_secret<Book, Log, Queue, Keys, System>(
    ports: &Ports<'_, Book, Log, Queue, Keys, System>,
    owner: &Owner,
    endpoint_id: &EndpointId,
) -> Result<(Secret, SealedSecret), Problem>
where
    Keys: SealSecret,
    System: Randomness,
{
    let secret = new_secret([ports.system.bits(), ports.system.bits()]);
    let sealed = ports.secrets.seal(owner, endpoint_id, &secret).await.map_err(unavailable)?;
    Ok((secret, sealed))
}

/// The one place where a secret gets into an answer.
fn with_secret(view: &EndpointView, secret: &Secret) -> Value {
    let mut body = serde_json::to_value(view).expect("a view is plain data");
    body["secret"] = json!(secret.expose());
    body
}

fn too_many() -> Problem {
    let detail = format!("there are {MAX_ENDPOINTS} webhook endpoints already, which is the limit: delete one first");
    Problem::new(ProblemKind::Unprocessable, detail)
}
