//! An event becomes one delivery per endpoint of its owner that wants it.

use crate::{Error, Ports};
use payments::failure::Unavailable;
use payments::id::Owner;
use payments::ports::{Clock, DeliveryQueue, LoadEndpoints, OpenDelivery};
use payments::webhook::Endpoints;
use payments::webhook_delivery::Delivery;
use payments::webhook_event::Notice;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use tokio::sync::OnceCell;

/// The endpoints of a batch's owners, each owner's read once: whoever of its events comes first asks for all. What could
/// not be read is asked for by the next event anew.
#[derive(Default)]
pub(crate) struct Readers(RefCell<BTreeMap<Owner, Rc<OnceCell<Endpoints>>>>);

impl Readers {
    async fn of(&self, owner: &Owner, book: &impl LoadEndpoints) -> Result<Rc<OnceCell<Endpoints>>, Unavailable> {
        let cell = Rc::clone(self.0.borrow_mut().entry(owner.clone()).or_default());
        cell.get_or_try_init(|| book.endpoints(owner)).await?;
        Ok(cell)
    }
}

pub(crate) async fn fan_out<Book, Log, Queue, Post, Keys, Bus, System>(
    ports: &Ports<'_, Book, Log, Queue, Post, Keys, Bus, System>,
    readers: &Readers,
    event: &Value,
) -> Result<(), Error>
where
    Book: LoadEndpoints,
    Log: OpenDelivery,
    Queue: DeliveryQueue,
    System: Clock,
{
    let Some(notice) = Notice::read(event)? else { return Ok(()) };
    let there = readers.of(&notice.owner, ports.endpoints).await?;
    let wanting = there.get().into_iter().flat_map(|there| &there.list);
    for endpoint in wanting.filter(|endpoint| endpoint.wants(&notice.event_type)) {
        let delivery = Delivery::open(&notice, &endpoint.endpoint_id, ports.system.now());
        // An event that came before has its delivery; the message for it may be missing, and one too many is harmless.
        ports.deliveries.open_delivery(&delivery).await?;
        ports.queue.enqueue(&delivery.reference(), 0).await?;
    }
    Ok(())
}
