//! Deliveries: what became of each event at an endpoint, and the wish for one more attempt.

use crate::{Ports, Refused, asked, find, invalid, unavailable};
use payments::ports::{Clock, DeliveryQueue, ListDeliveries, LoadDelivery, LoadEndpoints, SaveDelivery, Saved};
use payments::problem::{Problem, ProblemKind};
use payments::webhook_delivery::DeliveryReference;
use payments::webhook_request::{delivery_cursor, page_limit};
use payments::webhook_view::DeliveryView;
use serde_json::json;
use task::http::{ProxyAnswer, ProxyRequest};

/// How often a wish starts again because an attempt was written down in between.
const MAX_ROUNDS: u32 = 8;

/// `GET /v1/webhook_endpoints/{endpoint_id}/deliveries`, the latest event first.
pub(crate) async fn list<Book, Log, Queue, Keys, System>(
    ports: &Ports<'_, Book, Log, Queue, Keys, System>,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem>
where
    Book: LoadEndpoints,
    Log: ListDeliveries,
{
    let (owner, endpoint_id) = asked(request)?;
    let limit = page_limit(request.query_parameter("limit")).map_err(invalid)?;
    let after = delivery_cursor(request.query_parameter("cursor")).map_err(invalid)?;
    let there = ports.endpoints.endpoints(&owner).await.map_err(unavailable)?;
    find(&there, &endpoint_id).map_err(|Refused(problem)| problem)?;
    // One more than the page, to know whether there is another.
    let found = ports.deliveries.deliveries(&endpoint_id, after.as_ref(), limit + 1).await.map_err(unavailable)?;
    let page: Vec<DeliveryView> = found.iter().take(limit).map(DeliveryView::of).collect();
    let mut body = json!({ "data": page });
    if let (true, Some(last)) = (found.len() > limit, page.last()) {
        body["next_cursor"] = json!(last.id);
    }
    Ok(ProxyAnswer::json(200, &body))
}

/// `POST /v1/webhook_endpoints/{endpoint_id}/deliveries/{delivery_id}/redeliver`.
pub(crate) async fn redeliver<Book, Log, Queue, Keys, System>(
    ports: &Ports<'_, Book, Log, Queue, Keys, System>,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem>
where
    Book: LoadEndpoints,
    Log: LoadDelivery + SaveDelivery,
    Queue: DeliveryQueue,
    System: Clock,
{
    let (owner, endpoint_id) = asked(request)?;
    let missing = || Problem::new(ProblemKind::NotFound, "there is no such delivery");
    let delivery_id = request.path_parameter("delivery_id").and_then(|id| id.parse().ok()).ok_or_else(missing)?;
    let there = ports.endpoints.endpoints(&owner).await.map_err(unavailable)?;
    let endpoint = find(&there, &endpoint_id).map_err(|Refused(problem)| problem)?;
    if endpoint.switched_off.is_some() {
        let detail = "the webhook endpoint is switched off: switch it on with .../enable first";
        return Err(Problem::new(ProblemKind::Unprocessable, detail));
    }
    let reference = DeliveryReference { endpoint_id, delivery_id };
    for _ in 0..MAX_ROUNDS {
        let seen = ports.deliveries.delivery(&reference).await.map_err(unavailable)?;
        let seen = seen.filter(|delivery| delivery.owner() == owner).ok_or_else(missing)?;
        let next = seen.again(ports.system.now());
        if next == seen {
            return Ok(ProxyAnswer::json(202, &DeliveryView::of(&seen)));
        }
        if ports.deliveries.save_delivery(&next).await.map_err(unavailable)? == Saved::Done {
            ports.queue.enqueue(&reference, 0).await.map_err(unavailable)?;
            return Ok(ProxyAnswer::json(202, &DeliveryView::of(&next)));
        }
    }
    Err(Problem::new(ProblemKind::Unavailable, "attempts were under way all the time: send the request again"))
}
