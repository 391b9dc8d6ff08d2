//! An event becomes one delivery per endpoint of its owner that wants it.

use crate::{Error, Ports};
use payments::ports::{Clock, DeliveryQueue, LoadEndpoints, OpenDelivery};
use payments::webhook_delivery::Delivery;
use payments::webhook_event::Notice;
use serde_json::Value;

pub(crate) async fn fan_out<Book, Log, Queue, Post, Keys, Bus, System>(
    ports: &Ports<'_, Book, Log, Queue, Post, Keys, Bus, System>,
    event: &Value,
) -> Result<(), Error>
where
    Book: LoadEndpoints,
    Log: OpenDelivery,
    Queue: DeliveryQueue,
    System: Clock,
{
    let notice = Notice::read(event)?;
    let there = ports.endpoints.endpoints(&notice.owner).await?;
    for endpoint in there.list.iter().filter(|endpoint| endpoint.wants(&notice.event_type)) {
        let delivery = Delivery::open(&notice, &endpoint.endpoint_id, ports.system.now());
        // An event that came before has its delivery; the message for it may be missing, and one too many is harmless.
        ports.deliveries.open_delivery(&delivery).await?;
        ports.queue.enqueue(&delivery.reference(), 0).await?;
    }
    Ok(())
}
