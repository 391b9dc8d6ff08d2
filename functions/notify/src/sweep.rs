//! Deliveries that are past their time go into the queue: those whose wait is longer than the queue can keep, and those
//! that it lost.

use crate::{Error, Ports};
use futures_util::future::join_all;
use payments::failure::Unavailable;
use payments::ports::{Clock, DeliveryQueue, DueDeliveries, LoadDelivery, SaveDelivery, Saved};
use payments::webhook_delivery::{DeliveryReference, Turn};

/// Deliveries of one run; the next run comes a minute later.
const MAX_DELIVERIES: usize = 2_000;
/// Deliveries that are worked on at once.
const AT_ONCE: usize = 25;

pub(crate) async fn sweep<Book, Log, Queue, Post, Keys, Bus, System>(
    ports: &Ports<'_, Book, Log, Queue, Post, Keys, Bus, System>,
) -> Result<(), Error>
where
    Log: LoadDelivery + SaveDelivery + DueDeliveries,
    Queue: DeliveryQueue,
    System: Clock,
{
    let due = ports.deliveries.due_deliveries(ports.system.now(), MAX_DELIVERIES).await?;
    for some in due.chunks(AT_ONCE) {
        let sent = join_all(some.iter().map(|reference| hand_over(ports, reference))).await;
        sent.into_iter().collect::<Result<(), Unavailable>>()?;
    }
    Ok(())
}

/// The index may be behind the table: the delivery itself says whether it is due.
async fn hand_over<Book, Log, Queue, Post, Keys, Bus, System>(
    ports: &Ports<'_, Book, Log, Queue, Post, Keys, Bus, System>,
    reference: &DeliveryReference,
) -> Result<(), Unavailable>
where
    Log: LoadDelivery + SaveDelivery,
    Queue: DeliveryQueue,
    System: Clock,
{
    let now = ports.system.now();
    let Some(delivery) = ports.deliveries.delivery(reference).await? else { return Ok(()) };
    let due = delivery.due_at.is_some_and(|due_at| due_at <= now) && delivery.turn(now) == Turn::Now;
    if due && ports.deliveries.save_delivery(&delivery.hand_over(now)).await? == Saved::Done {
        ports.queue.enqueue(reference, 0).await?;
    }
    Ok(())
}
