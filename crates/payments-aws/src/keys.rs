//! API keys in the merchants table: an owner's set under `keys#<merchant>#<mode>`, and under `key#<hash>` whose key it is.
//!
//! The set is the truth; the other item only leads to it. It is written first, so a crash between the two leaves an item
//! that leads to a set without its key: it opens nothing, takes no place, and hinders nobody.

use crate::config::StartError;
use crate::table::{Put, Table};
use aws_sdk_dynamodb::types::AttributeValue;
use payments::failure::Unavailable;
use payments::id::{MerchantId, Mode, Owner};
use payments::key::{ApiKey, KeyRing};
use payments::ports::{ApiKeys, KeyRings, Saved};
use serde::{Deserialize, Serialize};

/// API keys in DynamoDB.
#[derive(Clone, Debug)]
pub struct KeysTable(Table);

impl KeysTable {
    /// From `MERCHANTS_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("MERCHANTS_TABLE", "the table of API keys").await?))
    }
}

/// Whose key it is.
#[derive(Serialize, Deserialize)]
struct Lead {
    id: String,
    merchant_id: MerchantId,
    mode: Mode,
}

/// A set as stored.
#[derive(Serialize, Deserialize, PartialEq)]
struct Item {
    id: String,
    #[serde(flatten)]
    ring: KeyRing,
}

fn lead_id(key_hash: &str) -> String {
    format!("key#{key_hash}")
}

fn ring_id(owner: &Owner) -> String {
    format!("keys#{}#{}", owner.merchant_id, owner.mode)
}

impl ApiKeys for KeysTable {
    async fn api_key(&self, key_hash: &str) -> Result<Option<ApiKey>, Unavailable> {
        let Some(lead) = self.0.get::<Lead>("id", &lead_id(key_hash)).await? else { return Ok(None) };
        let ring = self.key_ring(&Owner { merchant_id: lead.merchant_id, mode: lead.mode }).await?;
        Ok(ring.keys.into_iter().find(|key| key.key_hash == key_hash))
    }
}

impl KeyRings for KeysTable {
    async fn key_ring(&self, owner: &Owner) -> Result<KeyRing, Unavailable> {
        let item: Option<Item> = self.0.get("id", &ring_id(owner)).await?;
        Ok(item.map_or_else(|| KeyRing::empty(owner), |item| item.ring))
    }

    async fn index_key(&self, key: &ApiKey) -> Result<(), Unavailable> {
        let lead = Lead { id: lead_id(&key.key_hash), merchant_id: key.merchant_id.clone(), mode: key.mode };
        self.0.put(&lead).await
    }

    async fn save_key_ring(&self, ring: &KeyRing) -> Result<Saved, Unavailable> {
        let item = Item { id: ring_id(&ring.owner()), ring: ring.clone() };
        let before = AttributeValue::N((ring.version - 1).to_string());
        let (condition, values) = match ring.version {
            1 => ("attribute_not_exists(id)", Vec::new()),
            _ => ("version = :before", vec![(":before", before)]),
        };
        match self.0.put_if(&item, condition, &values).await? {
            Put::Done => Ok(Saved::Done),
            // The SDK tries again by itself: what stands there may be this very version, whose answer was lost.
            Put::Refused(Some(there)) if there == item => Ok(Saved::Done),
            Put::Refused(_) => Ok(Saved::Conflict),
        }
    }
}
