//! The webhook deliveries table: one item per event and endpoint, every write on condition of its version.

use crate::config::StartError;
use crate::table::{Put, Table, unavailable};
use aws_sdk_dynamodb::types::AttributeValue;
use payments::failure::Unavailable;
use payments::id::{DeliveryId, EndpointId};
use payments::ports::{DueDeliveries, ListDeliveries, LoadDelivery, OpenDelivery, SaveDelivery, Saved};
use payments::timestamp::Timestamp;
use payments::webhook_delivery::{DUE_SHARDS, Delivery, DeliveryReference};
use std::collections::HashMap;

/// The name of the table in errors.
const WHAT: &str = "the webhook deliveries table";
/// The index of deliveries that are not at rest, by when they are due.
const DUE_INDEX: &str = "due";

/// Webhook deliveries in DynamoDB.
#[derive(Clone, Debug)]
pub struct DeliveriesTable(Table);

impl DeliveriesTable {
    /// From `WEBHOOK_DELIVERIES_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("WEBHOOK_DELIVERIES_TABLE", WHAT).await?))
    }
}

fn key(endpoint_id: &EndpointId, delivery_id: &DeliveryId) -> HashMap<String, AttributeValue> {
    let pairs = [("endpoint_id", endpoint_id.as_str()), ("delivery_id", delivery_id.as_str())];
    pairs.map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned()))).into()
}

impl OpenDelivery for DeliveriesTable {
    async fn open_delivery(&self, delivery: &Delivery) -> Result<Saved, Unavailable> {
        match self.0.put_if(delivery, "attribute_not_exists(delivery_id)", &[]).await? {
            Put::Done => Ok(Saved::Done),
            Put::Refused(_) => Ok(Saved::Conflict),
        }
    }
}

impl LoadDelivery for DeliveriesTable {
    async fn delivery(&self, reference: &DeliveryReference) -> Result<Option<Delivery>, Unavailable> {
        let got = self
            .0
            .client
            .get_item()
            .table_name(&self.0.name)
            .set_key(Some(key(&reference.endpoint_id, &reference.delivery_id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(WHAT, error))?;
        got.item.map(|item| self.0.read(item)).transpose()
    }
}

impl SaveDelivery for DeliveriesTable {
    async fn save_delivery(&self, delivery: &Delivery) -> Result<Saved, Unavailable> {
        let before = AttributeValue::N((delivery.version - 1).to_string());
        match self.0.put_if(delivery, "version = :before", &[(":before", before)]).await? {
            Put::Done => Ok(Saved::Done),
            // The SDK tries again by itself: what stands there may be this very version, whose answer was lost.
            Put::Refused(Some(there)) if there == *delivery => Ok(Saved::Done),
            Put::Refused(_) => Ok(Saved::Conflict),
        }
    }
}

impl ListDeliveries for DeliveriesTable {
    async fn deliveries(
        &self,
        endpoint_id: &EndpointId,
        after: Option<&DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, Unavailable> {
        let answer = self
            .0
            .client
            .query()
            .table_name(&self.0.name)
            .key_condition_expression("endpoint_id = :endpoint")
            .expression_attribute_values(":endpoint", AttributeValue::S(endpoint_id.to_string()))
            .scan_index_forward(false)
            .set_exclusive_start_key(after.map(|after| key(endpoint_id, after)))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| unavailable(WHAT, error))?;
        answer.items.unwrap_or_default().into_iter().map(|item| self.0.read(item)).collect()
    }
}

impl DueDeliveries for DeliveriesTable {
    async fn due_deliveries(&self, now: Timestamp, limit: usize) -> Result<Vec<DeliveryReference>, Unavailable> {
        let page = i32::try_from(limit.div_ceil(usize::from(DUE_SHARDS))).unwrap_or(i32::MAX);
        let mut found = Vec::new();
        for shard in 0..DUE_SHARDS {
            let answer = self
                .0
                .client
                .query()
                .table_name(&self.0.name)
                .index_name(DUE_INDEX)
                .key_condition_expression("due_shard = :shard AND due_at <= :now")
                .expression_attribute_values(":shard", AttributeValue::N(shard.to_string()))
                .expression_attribute_values(":now", AttributeValue::N(now.as_millis().to_string()))
                .limit(page)
                .send()
                .await
                .map_err(|error| unavailable("the index of due deliveries", error))?;
            let text = |item: &HashMap<String, AttributeValue>, name: &str| item.get(name)?.as_s().ok().cloned();
            found.extend(answer.items().iter().filter_map(|item| {
                let endpoint_id = text(item, "endpoint_id")?.parse().ok()?;
                Some(DeliveryReference { endpoint_id, delivery_id: text(item, "delivery_id")?.parse().ok()? })
            }));
        }
        Ok(found)
    }
}
