//! Writes the fee line and the settlement lines of each event that moves money, from what the bus put into the queue. Each
//! line is put on condition that it is not there, so whatever broke off is made whole when the event comes again.

use payments::billing::lines;
use payments::event::Event;
use payments::ports::{FeeLines, SettlementLines};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::convert::Infallible;
use task::queue::{ItemsAnswer, QueueRequest};

/// What a message of the bus lacks.
const NO_EVENT: &str = "detail: expected the event";

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
    let message: BTreeMap<String, &RawValue> = serde_json::from_str(body).map_err(|error| {
        let what = if error.is_data() { NO_EVENT } else { "the message is not JSON" };
        what.to_owned()
    })?;
    let detail = message.get("detail").ok_or(NO_EVENT)?;
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
