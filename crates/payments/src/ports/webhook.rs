//! Webhooks: endpoints, secrets, deliveries.

use super::Saved;
use crate::failure::Unavailable;
use crate::id::{DeliveryId, EndpointId, Owner};
use crate::secret::Secret;
use crate::timestamp::Timestamp;
use crate::webhook::{Endpoints, SealedSecret};
use crate::webhook_delivery::{Delivery, DeliveryReference, Outcome};
use crate::webhook_url::WebhookUrl;
use crate::webhook_view::EndpointEvent;

/// Reads webhook endpoints.
pub trait LoadEndpoints {
    /// Every endpoint of that owner (strongly consistent).
    async fn endpoints(&self, owner: &Owner) -> Result<Endpoints, Unavailable>;
}

/// Saves webhook endpoints.
pub trait SaveEndpoints {
    /// Stores the owner's endpoints on condition that the stored version is the one before.
    async fn save_endpoints(&self, endpoints: &Endpoints) -> Result<Saved, Unavailable>;
}

/// Seals signing secrets.
pub trait SealSecret {
    /// Encrypts the secret for that endpoint of that owner.
    async fn seal(&self, owner: &Owner, endpoint_id: &EndpointId, secret: &Secret)
    -> Result<SealedSecret, Unavailable>;
}

/// Opens signing secrets.
pub trait OpenSecret {
    /// Decrypts what was sealed for that endpoint of that owner.
    async fn open(&self, owner: &Owner, endpoint_id: &EndpointId, sealed: &SealedSecret)
    -> Result<Secret, Unavailable>;
}

/// Opens webhook deliveries.
pub trait OpenDelivery {
    /// Stores the delivery unless it exists: then it is a conflict, and nothing is written.
    async fn open_delivery(&self, delivery: &Delivery) -> Result<Saved, Unavailable>;
}

/// Reads webhook deliveries.
pub trait LoadDelivery {
    /// The latest version (strongly consistent), if there is one.
    async fn delivery(&self, reference: &DeliveryReference) -> Result<Option<Delivery>, Unavailable>;
}

/// Saves webhook deliveries.
pub trait SaveDelivery {
    /// Stores the delivery on condition that the stored version is the one before.
    async fn save_delivery(&self, delivery: &Delivery) -> Result<Saved, Unavailable>;
}

/// Lists webhook deliveries.
pub trait ListDeliveries {
    /// At most `limit` deliveries of the endpoint, the latest event first, from behind `after`.
    async fn deliveries(
        &self,
        endpoint_id: &EndpointId,
        after: Option<&DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, Unavailable>;
}

/// Finds webhook deliveries that are past their time.
pub trait DueDeliveries {
    /// At most `limit` deliveries due at or before `now`, the longest due first within each shard.
    async fn due_deliveries(&self, now: Timestamp, limit: usize) -> Result<Vec<DeliveryReference>, Unavailable>;
}

/// Brings webhook deliveries to those who attempt them.
pub trait DeliveryQueue {
    /// Brings the delivery after so many seconds, at most
    /// [`QUEUE_SECONDS`](crate::webhook_delivery::QUEUE_SECONDS), at least once.
    async fn enqueue(&self, reference: &DeliveryReference, delay_seconds: u16) -> Result<(), Unavailable>;
}

/// Sends webhooks.
pub trait Courier {
    /// One POST of JSON, within its time, to an address of the public internet only.
    async fn post(&self, url: &WebhookUrl, headers: &[(&'static str, String)], body: &str) -> Outcome;
}

/// Tells the bus about webhook endpoints.
pub trait Announce {
    /// Sends the event.
    async fn announce(&self, event: &EndpointEvent) -> Result<(), Unavailable>;
}
