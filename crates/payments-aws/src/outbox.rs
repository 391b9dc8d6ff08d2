//! What the outbox lost, found again: the payments table page by page, and the queue of stretches of time.

use crate::config::{StartError, sdk_config, variable};
use crate::payments_table::{PaymentsTable, readable};
use crate::table::unavailable;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::Client;
use payments::failure::Unavailable;
use payments::id::PaymentId;
use payments::outbox::Stretch;
use payments::ports::{ScanPage, ScanPayments, Stretches};
use std::collections::HashMap;

impl ScanPayments for PaymentsTable {
    async fn scan(&self, after: Option<&PaymentId>, limit: usize) -> Result<ScanPage, Unavailable> {
        let table = &self.0;
        let start = after.map(|after| HashMap::from([("payment_id".to_owned(), AttributeValue::S(after.to_string()))]));
        let scan = table.client.scan().table_name(&table.name).set_exclusive_start_key(start).consistent_read(true);
        let answer = scan.limit(i32::try_from(limit).unwrap_or(i32::MAX)).send().await;
        let answer = answer.map_err(|error| unavailable("the payments table", error))?;
        let key = answer.last_evaluated_key.as_ref().and_then(|key| key.get("payment_id")?.as_s().ok()?.parse().ok());
        let mut payments = Vec::new();
        for item in answer.items.unwrap_or_default() {
            payments.push(readable(table.read(item)?)?);
        }
        Ok(ScanPage { payments, last: key })
    }
}

/// Stretches in SQS.
#[derive(Clone, Debug)]
pub struct StretchQueue {
    client: Client,
    url: String,
}

impl StretchQueue {
    /// From `REPUBLISH_QUEUE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self { client: Client::new(&sdk_config()?), url: variable("REPUBLISH_QUEUE")? })
    }
}

impl Stretches for StretchQueue {
    async fn enqueue(&self, stretch: &Stretch) -> Result<(), Unavailable> {
        let body = serde_json::to_string(stretch).expect("a stretch is plain data");
        let send = self.client.send_message().queue_url(&self.url).message_body(body);
        send.send().await.map(drop).map_err(|error| unavailable("the queue of stretches", error))
    }
}
