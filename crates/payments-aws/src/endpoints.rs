//! The webhook endpoints table: one item an owner, every write on condition of its version.

use crate::config::StartError;
use crate::table::{Put, Table};
use aws_sdk_dynamodb::types::AttributeValue;
use payments::failure::Unavailable;
use payments::id::Owner;
use payments::ports::{LoadEndpoints, SaveEndpoints, Saved};
use payments::webhook::Endpoints;

/// Webhook endpoints in DynamoDB.
#[derive(Clone, Debug)]
pub struct EndpointsTable(Table);

impl EndpointsTable {
    /// From `WEBHOOK_ENDPOINTS_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("WEBHOOK_ENDPOINTS_TABLE", "the webhook endpoints table").await?))
    }
}

impl LoadEndpoints for EndpointsTable {
    async fn endpoints(&self, owner: &Owner) -> Result<Endpoints, Unavailable> {
        let there = self.0.get("owner", &Endpoints::key(owner)).await?;
        Ok(there.unwrap_or_else(|| Endpoints::none(owner)))
    }
}

impl SaveEndpoints for EndpointsTable {
    async fn save_endpoints(&self, endpoints: &Endpoints) -> Result<Saved, Unavailable> {
        let before = AttributeValue::N((endpoints.version - 1).to_string());
        let put = match endpoints.version {
            1 => self.0.put_if(endpoints, "attribute_not_exists(version)", &[]).await?,
            _ => self.0.put_if(endpoints, "version = :before", &[(":before", before)]).await?,
        };
        match put {
            Put::Done => Ok(Saved::Done),
            // The SDK tries again by itself: what stands there may be this very version, whose answer was lost.
            Put::Refused(Some(there)) if there == *endpoints => Ok(Saved::Done),
            Put::Refused(_) => Ok(Saved::Conflict),
        }
    }
}
