//! Writes the fee line and the settlement lines of each event that moves money, from what the bus put into the queue. Each
//! line is put on condition that it is not there, so whatever broke off is made whole when the event comes again.

use payments::billing::lines;
use payments::event::Event;
use payments::ports::{FeeLines, SettlementLines};
use serde_json::Value;
use std::convert::Infallible;
use task::queue::{ItemsAnswer, QueueRequest};

/// Bills message by message.
pub async fn handle(
    fees: &impl FeeLines,
    settlements: &impl SettlementLines,
    request: QueueRequest,
) -> Result<ItemsAnswer, Infallible> {
    let mut failed = Vec::new();
    for message in request.records {
        if let Err(reason) = bill(fees, settlements, &message.body).await {
            tracing::error!(target: "florin", message_id = message.message_id, "{reason}");
            failed.push(message.message_id);
        }
    }
    Ok(ItemsAnswer::again(failed))
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
