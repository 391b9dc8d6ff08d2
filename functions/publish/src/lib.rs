//! Turns each version of a payment, as the table's stream carries it, into its event on the bus and on the topic.
//!
//! The stream is the outbox: there is no second write to forget. An event that was sent twice has the same id.

use payments::event::Event;
use payments::payment::Payment;
use payments::ports::Events;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::convert::Infallible;

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

/// What was not published: Lambda tries again from the first of them.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The first record that failed, or none.
    pub batch_item_failures: Vec<Failure>,
}

/// A record that failed.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Its sequence number.
    pub item_identifier: String,
}

/// Publishes what comes before the first record that cannot be read or sent, and reports that one.
pub async fn handle(events: &impl Events, request: Request) -> Result<Response, Infallible> {
    let mut read = Vec::new();
    let mut unreadable = None;
    for record in &request.records {
        let Some(image) = &record.dynamodb.new_image else { continue };
        match serde_dynamo::from_item::<_, Payment>(image.clone()) {
            Ok(payment) => read.push((&record.dynamodb.sequence_number, Event::of(&payment))),
            Err(error) => {
                tracing::error!(target: "florin", sequence_number = record.dynamodb.sequence_number, "unreadable: {error}");
                unreadable = Some(&record.dynamodb.sequence_number);
                break;
            }
        }
    }
    let list: Vec<Event> = read.iter().map(|(_, event)| event.clone()).collect();
    let outcomes = events.send(&list).await;
    let refused = read.iter().zip(&outcomes).find_map(|((sequence_number, event), outcome)| {
        let failure = outcome.as_ref().err()?;
        tracing::error!(target: "florin", event_id = event.id, "{}", task::chain(failure));
        Some(*sequence_number)
    });
    let first = refused.or(unreadable);
    let batch_item_failures = first.map(|number| Failure { item_identifier: number.clone() }).into_iter().collect();
    Ok(Response { batch_item_failures })
}
