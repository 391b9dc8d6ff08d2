//! Writes the fee line and the settlement lines of each event that moves money, from what the bus put into the queue. Each
//! line is put on condition that it is not there, so whatever broke off is made whole when the event comes again.

use payments::billing::lines;
use payments::event::Event;
use payments::ports::{FeeLines, SettlementLines};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::convert::Infallible;
use task::queue::{ItemsAnswer, QueueRequest};

/// A message as the bus puts it into the queue.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    detail: &'a RawValue,
}

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
    let Envelope { detail } = serde_json::from_str(body).map_err(|error| {
        let what = if error.is_data() { "detail: expected the event" } else { "the message is not JSON" };
        what.to_owned()
    })?;
    let event = Event::read(detail.get().as_bytes()).map_err(|error| error.to_string())?;
    let lines = lines(&event).map_err(|error| error.to_string())?;
    if let Some(line) = &lines.fee {
        fees.add(line).await.map_err(|failure| task::chain(&failure))?;
    }
    for line in &lines.settlements {
        settlements.add(line).await.map_err(|failure| task::chain(&failure))?;
    }
    Ok(())
}
