//! Turns each version of a payment or payout and each movement at the bank, as the table's stream carries it, into its event on
//! the bus and on the topic.
//!
//! The stream is the outbox: there is no second write to forget. An event that was sent twice has the same id.

use payments::bank::BookedMovement;
use payments::event::Event;
use payments::payment::Payment;
use payments::payout::Payout;
use payments::ports::Events;
use serde::Deserialize;
use std::collections::HashMap;
use std::convert::Infallible;
use task::queue::ItemsAnswer;

/// A DynamoDB stream's batch.
#[derive(Deserialize)]
pub struct Request {
    /// Its records, in order per payment.
    #[serde(rename = "Records")]
    pub records: Vec<Record>,
}

/// A change of one item.
#[derive(Deserialize)]
pub struct Record {
    /// Images and sequence number.
    pub dynamodb: Change,
}

/// The images of a change.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Change {
    /// Its place in the shard.
    pub sequence_number: String,
    /// The item after the change; absent when it was removed.
    #[serde(default)]
    pub new_image: Option<HashMap<String, serde_dynamo::AttributeValue>>,
}

/// The event of an item as it became: a payment's, a payout's or a movement's at the bank, by the key that it has.
fn event_of(image: HashMap<String, serde_dynamo::AttributeValue>) -> Result<Event, serde_dynamo::Error> {
    if image.contains_key("payout_id") {
        return serde_dynamo::from_item::<_, Payout>(image).map(|payout| Event::of_payout(&payout));
    }
    if image.contains_key("movement_id") {
        return serde_dynamo::from_item::<_, BookedMovement>(image).map(|booked| Event::of_movement(&booked));
    }
    serde_dynamo::from_item::<_, Payment>(image).map(|payment| Event::of(&payment))
}

/// Why a batch comes again as a whole.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr))]
#[strum_discriminants(doc = "The names of [`Error`].")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// From that sequence number on nothing is published.
    #[error("not published from record {0} on")]
    NotPublished(String),
}

payments::failure!(Error, ErrorName, transient: [NotPublished], permanent: []);

/// The answer for a stream's reader that takes every answer for "all is done", as the local emulator's does: a failure
/// instead of a partial answer. The whole batch comes again, and consumers know by its id what they had.
pub fn all_or_error(answer: ItemsAnswer) -> Result<ItemsAnswer, Error> {
    match answer.batch_item_failures.first() {
        None => Ok(answer),
        Some(first) => Err(Error::NotPublished(first.item_identifier.clone())),
    }
}

/// Publishes what comes before the first record that cannot be read or sent, and reports that one.
pub async fn handle(events: &impl Events, request: Request) -> Result<ItemsAnswer, Infallible> {
    let mut read = Vec::new();
    let mut unreadable = None;
    for record in request.records {
        let Change { sequence_number, new_image: Some(image) } = record.dynamodb else { continue };
        match event_of(image) {
            Ok(event) => read.push((sequence_number, event)),
            Err(error) => {
                tracing::error!(target: "florin", sequence_number, "unreadable: {error}");
                unreadable = Some(sequence_number);
                break;
            }
        }
    }
    let (numbers, list): (Vec<String>, Vec<Event>) = read.into_iter().unzip();
    let outcomes = events.send(&list).await;
    let refused = numbers.into_iter().zip(&list).zip(&outcomes).find_map(|((sequence_number, event), outcome)| {
        let failure = outcome.as_ref().err()?;
        tracing::error!(target: "florin", event_id = event.id, "{}", task::chain(failure));
        Some(sequence_number)
    });
    Ok(ItemsAnswer::again(refused.or(unreadable)))
}
