//! One attempt of one delivery. It is written down before it is made; what is known of the endpoint is written down before
//! the delivery is, so that a delivery at rest has left nothing behind.

use crate::Ports;
use payments::failure::Unavailable;
use payments::id::Owner;
use payments::ports::{
    Announce, Clock, Courier, DeliveryQueue, LoadDelivery, LoadEndpoints, OpenSecret, Randomness, SaveDelivery,
    SaveEndpoints, Saved,
};
use payments::timestamp::Timestamp;
use payments::webhook::{Endpoint, Health, change};
use payments::webhook_delivery::{Claim, Delivery, DeliveryReference, GivenUp, Outcome, Turn, health};
use payments::webhook_signature;
use payments::webhook_view::EndpointEvent;

pub(crate) async fn deliver<Book, Log, Queue, Post, Keys, Bus, System>(
    ports: &Ports<'_, Book, Log, Queue, Post, Keys, Bus, System>,
    reference: &DeliveryReference,
) -> Result<(), Unavailable>
where
    Book: LoadEndpoints + SaveEndpoints,
    Log: LoadDelivery + SaveDelivery,
    Queue: DeliveryQueue,
    Post: Courier,
    Keys: OpenSecret,
    Bus: Announce,
    System: Clock + Randomness,
{
    let now = ports.system.now();
    let Some(delivery) = ports.deliveries.delivery(reference).await? else { return Ok(()) };
    if delivery.turn(now) != Turn::Now {
        return Ok(());
    }
    let owner = delivery.owner();
    let there = ports.endpoints.endpoints(&owner).await?;
    let Some(endpoint) = there.find(&reference.endpoint_id) else {
        return save(ports, delivery.give_up(GivenUp::EndpointDeleted), now).await;
    };
    if endpoint.switched_off.is_some() {
        announce(ports, &owner, endpoint).await?;
        return save(ports, delivery.give_up(GivenUp::EndpointDisabled), now).await;
    }
    if let Some(until) = endpoint.resting_until.filter(|until| now < *until) {
        return save(ports, delivery.defer(until, now, chance(ports.system)), now).await;
    }
    let headers = signed_headers(ports.secrets, endpoint, &delivery, now).await?;
    let claimed = match delivery.claim(now) {
        Claim::GivenUp(over) => return save(ports, over, now).await,
        Claim::Attempt(claimed) => claimed,
    };
    if ports.deliveries.save_delivery(&claimed).await? == Saved::Conflict {
        return Ok(());
    }
    let outcome = ports.courier.post(&endpoint.url, &headers, &claimed.body).await;
    let now = ports.system.now();
    remember(ports, &owner, endpoint, outcome, now).await?;
    save(ports, claimed.settle(outcome, now, chance(ports.system)), now).await
}

/// Saves what became of the delivery, and asks the queue for the next attempt if that is the queue's task. Someone who was
/// faster has done the same.
async fn save<Book, Log, Queue, Post, Keys, Bus, System>(
    ports: &Ports<'_, Book, Log, Queue, Post, Keys, Bus, System>,
    delivery: Delivery,
    now: Timestamp,
) -> Result<(), Unavailable>
where
    Log: SaveDelivery,
    Queue: DeliveryQueue,
{
    let saved = ports.deliveries.save_delivery(&delivery).await?;
    match delivery.queue_delay(now) {
        Some(delay) if saved == Saved::Done => ports.queue.enqueue(&delivery.reference(), delay).await,
        _ => Ok(()),
    }
}

async fn signed_headers(
    secrets: &impl OpenSecret,
    endpoint: &Endpoint,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<[(&'static str, String); 3], Unavailable> {
    let mut opened = Vec::new();
    for sealed in endpoint.secrets(now) {
        opened.push(secrets.open(&delivery.owner(), &endpoint.endpoint_id, sealed).await?);
    }
    webhook_signature::headers(&delivery.event_id, now, &delivery.body, &opened)
        .map_err(|error| Unavailable::new("the signing secret", error))
}

/// Writes down how the endpoint does, if that is news; switched off by it, the bus is told.
async fn remember<Book, Log, Queue, Post, Keys, Bus, System>(
    ports: &Ports<'_, Book, Log, Queue, Post, Keys, Bus, System>,
    owner: &Owner,
    endpoint: &Endpoint,
    outcome: Outcome,
    now: Timestamp,
) -> Result<(), Unavailable>
where
    Book: LoadEndpoints + SaveEndpoints,
    Bus: Announce,
{
    let health = health(outcome);
    let was_good = endpoint.failing_since.is_none() && endpoint.resting_until.is_none();
    if health == Health::Good && was_good {
        return Ok(());
    }
    let known = change(ports.endpoints, owner, |endpoints| {
        let found = endpoints.list.iter_mut().find(|known| known.endpoint_id == endpoint.endpoint_id);
        Ok::<_, Unavailable>(found.map(|known| {
            known.remember(health, now);
            known.clone()
        }))
    });
    match known.await? {
        Some(known) => announce(ports, owner, &known).await,
        None => Ok(()),
    }
}

/// Tells the bus that the endpoint is switched off, unless it was told.
async fn announce<Book, Log, Queue, Post, Keys, Bus, System>(
    ports: &Ports<'_, Book, Log, Queue, Post, Keys, Bus, System>,
    owner: &Owner,
    endpoint: &Endpoint,
) -> Result<(), Unavailable>
where
    Book: LoadEndpoints + SaveEndpoints,
    Bus: Announce,
{
    let Some(off) = endpoint.switched_off.filter(|off| !off.announced) else { return Ok(()) };
    let Some(event) = EndpointEvent::disabled(owner, endpoint) else { return Ok(()) };
    ports.bus.announce(&event).await?;
    tracing::warn!(target: "florin", endpoint_id = %endpoint.endpoint_id, "the endpoint is switched off");
    let told = change(ports.endpoints, owner, |endpoints| {
        let found = endpoints.list.iter_mut().find(|known| known.endpoint_id == endpoint.endpoint_id);
        if let Some(known) = found.and_then(|known| known.switched_off.as_mut()).filter(|known| known.at == off.at) {
            known.announced = true;
        }
        Ok::<_, Unavailable>(())
    });
    told.await
}

fn chance(randomness: &impl Randomness) -> u64 {
    let bits = u128::from_le_bytes(randomness.bits());
    u64::try_from(bits >> 64).unwrap_or_default()
}
