//! The queue of webhook deliveries. Each message belongs to its endpoint's group, so that SQS serves the quiet endpoints
//! first when one has a backlog (fair queues).

use crate::config::{StartError, sdk_config, variable};
use crate::table::unavailable;
use aws_sdk_sqs::Client;
use payments::failure::Unavailable;
use payments::ports::DeliveryQueue;
use payments::webhook_delivery::DeliveryReference;

/// Webhook deliveries in SQS.
#[derive(Clone, Debug)]
pub struct DeliverQueue {
    client: Client,
    url: String,
}

impl DeliverQueue {
    /// From `DELIVER_QUEUE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self { client: Client::new(&sdk_config()?), url: variable("DELIVER_QUEUE")? })
    }
}

impl DeliveryQueue for DeliverQueue {
    async fn enqueue(&self, reference: &DeliveryReference, delay_seconds: u16) -> Result<(), Unavailable> {
        let body = serde_json::to_string(reference).expect("a reference is plain data");
        let send = self.client.send_message().queue_url(&self.url).message_body(body);
        let send = send.delay_seconds(i32::from(delay_seconds)).message_group_id(reference.endpoint_id.as_str());
        send.send().await.map(|_| ()).map_err(|error| unavailable("the delivery queue", error))
    }
}
