//! Writes the fee line and the settlement lines of each event that moves money, from what the bus put into the queue. Each
//! line is put on condition that it is not there, so whatever broke off is made whole when the event comes again.

use payments::billing::lines;
use payments::event::Event;
use payments::ports::{FeeLines, SettlementLines};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::convert::Infallible;

/// A queue's batch.
#[derive(Deserialize)]
pub struct Request {
    /// Its messages.
    #[serde(rename = "Records")]
    pub records: Vec<Message>,
}

/// A message: what EventBridge put into the queue.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Its name in the queue.
    pub message_id: String,
    /// The bus's envelope; our event is its `detail`.
    pub body: String,
}

/// What was not billed: the queue delivers it again, and in the end puts it aside.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// Each message that failed.
    pub batch_item_failures: Vec<Failure>,
}

/// A message that failed.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Its name in the queue.
    pub item_identifier: String,
}

/// Bills message by message.
pub async fn handle(
    fees: &impl FeeLines,
    settlements: &impl SettlementLines,
    request: Request,
) -> Result<Response, Infallible> {
    let mut response = Response::default();
    for message in request.records {
        if let Err(reason) = bill(fees, settlements, &message.body).await {
            tracing::error!(target: "florin", message_id = message.message_id, "{reason}");
            response.batch_item_failures.push(Failure { item_identifier: message.message_id });
        }
    }
    Ok(response)
}

async fn bill(fees: &impl FeeLines, settlements: &impl SettlementLines, body: &str) -> Result<(), String> {
    let envelope: Value = serde_json::from_str(body).map_err(|_| "the message is not JSON".to_owned())?;
    let detail = envelope.get("detail").ok_or("detail: expected the event")?;
    let event = Event::read(detail.to_string().as_bytes()).map_err(|error| error.to_string())?;
    let lines = lines(&event).map_err(|error| error.to_string())?;
    if let Some(line) = &lines.fee {
        fees.add(line).await.map_err(|failure| task::chain(&failure))?;
    }
    for line in &lines.settlements {
        settlements.add(line).await.map_err(|failure| task::chain(&failure))?;
    }
    Ok(())
}
