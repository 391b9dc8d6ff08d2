//! Tells merchants' endpoints about events. An event from the bus becomes one delivery per endpoint that wants it; each
//! delivery is attempted by itself, so that no endpoint waits for another; once a minute, deliveries that are past their
//! time are sent on their way again.

mod deliver;
mod fan_out;
mod sweep;

use futures_util::future::join_all;
use payments::event::Unreadable;
use payments::failure::Unavailable;
use payments::ports::{
    Announce, Clock, Courier, DeliveryQueue, DueDeliveries, LoadDelivery, LoadEndpoints, OpenDelivery, OpenSecret,
    Randomness, SaveDelivery, SaveEndpoints,
};
use payments::webhook_delivery::DeliveryReference;
use serde::Deserialize;
use serde_json::Value;
use task::queue::{ItemsAnswer, QueueMessage};

/// What notifying needs.
pub struct Ports<'a, Book, Log, Queue, Post, Keys, Bus, System> {
    /// Endpoints.
    pub endpoints: &'a Book,
    /// Deliveries.
    pub deliveries: &'a Log,
    /// The queue of deliveries.
    pub queue: &'a Queue,
    /// Sends webhooks.
    pub courier: &'a Post,
    /// Opens secrets.
    pub secrets: &'a Keys,
    /// Hears of endpoints that were switched off.
    pub bus: &'a Bus,
    /// Clock and chance.
    pub system: &'a System,
}

/// A queue's batch, or the schedule's event, which says nothing that matters.
#[derive(Deserialize)]
pub struct Request {
    /// The batch's messages.
    #[serde(rename = "Records", default)]
    pub records: Option<Vec<QueueMessage>>,
}

/// What a message's body may be: a delivery whose turn it is, or the bus's envelope, whose `detail` is an event.
#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Delivery(DeliveryReference),
    Envelope { detail: Value },
}

/// Why a message or a run was not done.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the log has them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// The message is neither an event nor a delivery.
    #[error("the message cannot be read")]
    MessageUnreadable(#[from] Unreadable),
    /// A table, the queue, the key or the bus did not answer.
    #[error("the webhook was not finished")]
    StoreUnavailable(#[from] Unavailable),
}
payments::failure!(Error, ErrorName, transient: [StoreUnavailable], permanent: [MessageUnreadable]);

/// Works on all messages of a batch at once, or takes care of what is past its time.
pub async fn handle<Book, Log, Queue, Post, Keys, Bus, System>(
    ports: &Ports<'_, Book, Log, Queue, Post, Keys, Bus, System>,
    request: Request,
) -> Result<ItemsAnswer, Error>
where
    Book: LoadEndpoints + SaveEndpoints,
    Log: OpenDelivery + LoadDelivery + SaveDelivery + DueDeliveries,
    Queue: DeliveryQueue,
    Post: Courier,
    Keys: OpenSecret,
    Bus: Announce,
    System: Clock + Randomness,
{
    let Some(messages) = request.records else {
        sweep::sweep(ports).await?;
        return Ok(ItemsAnswer::default());
    };
    // At once: a slow endpoint takes its own time only.
    let readers = fan_out::Readers::default();
    let outcomes = join_all(messages.iter().map(|message| work(ports, &readers, &message.body))).await;
    let mut failed = Vec::new();
    for (message, outcome) in messages.iter().zip(outcomes) {
        if let Err(error) = outcome {
            tracing::error!(target: "florin", message_id = message.message_id, "{}", task::chain(&error));
            failed.push(message.message_id.clone());
        }
    }
    Ok(ItemsAnswer::again(failed))
}

async fn work<Book, Log, Queue, Post, Keys, Bus, System>(
    ports: &Ports<'_, Book, Log, Queue, Post, Keys, Bus, System>,
    readers: &fan_out::Readers,
    body: &str,
) -> Result<(), Error>
where
    Book: LoadEndpoints + SaveEndpoints,
    Log: OpenDelivery + LoadDelivery + SaveDelivery,
    Queue: DeliveryQueue,
    Post: Courier,
    Keys: OpenSecret,
    Bus: Announce,
    System: Clock + Randomness,
{
    match serde_json::from_str(body).map_err(|_| Unreadable::NotJson)? {
        Body::Delivery(reference) => Ok(deliver::deliver(ports, &reference).await?),
        Body::Envelope { detail } => fan_out::fan_out(ports, readers, &detail).await,
    }
}
