//! Writes the fee line of each succeeded payment, from the events that the bus put into the queue.

use payments::event::Event;
use payments::ports::FeeLines;
use payments::posting::fee_line;
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
pub async fn handle(lines: &impl FeeLines, request: Request) -> Result<Response, Infallible> {
    let mut response = Response::default();
    for message in request.records {
        if let Err(reason) = bill(lines, &message.body).await {
            tracing::error!(target: "florin", message_id = message.message_id, "{reason}");
            response.batch_item_failures.push(Failure { item_identifier: message.message_id });
        }
    }
    Ok(response)
}

async fn bill(lines: &impl FeeLines, body: &str) -> Result<(), String> {
    let envelope: Value = serde_json::from_str(body).map_err(|_| "the message is not JSON".to_owned())?;
    let detail = envelope.get("detail").ok_or("detail: expected the event")?;
    let event = Event::read(detail.to_string().as_bytes()).map_err(|error| error.to_string())?;
    match fee_line(&event).map_err(|error| error.to_string())? {
        Some(line) => lines.add(&line).await.map_err(|failure| task::chain(&failure)),
        None => Ok(()),
    }
}
