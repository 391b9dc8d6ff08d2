//! The merchants table: settings under `merchant#<id>#<mode>`, API keys under `key#<hash>`.

use crate::config::StartError;
use crate::table::Table;
use payments::failure::Unavailable;
use payments::id::Owner;
use payments::merchant::{ApiKey, Merchant};
use payments::ports::{ApiKeys, Merchants};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How old settings may be.
const MAX_AGE: Duration = Duration::from_secs(60);
/// How many merchants a process remembers; beyond that it starts anew.
const MAX_REMEMBERED: usize = 1000;

/// Merchants and API keys in DynamoDB.
#[derive(Debug)]
pub struct MerchantsTable {
    table: Table,
    remembered: RefCell<BTreeMap<String, (Instant, Merchant)>>,
}

impl MerchantsTable {
    /// From `MERCHANTS_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        let table = Table::from_env("MERCHANTS_TABLE", "the merchants table").await?;
        Ok(Self { table, remembered: RefCell::default() })
    }
}

impl Merchants for MerchantsTable {
    async fn merchant(&self, owner: &Owner) -> Result<Option<Merchant>, Unavailable> {
        let id = format!("merchant#{}#{}", owner.merchant_id, owner.mode);
        if let Some((read_at, merchant)) = self.remembered.borrow().get(&id)
            && read_at.elapsed() < MAX_AGE
        {
            return Ok(Some(merchant.clone()));
        }
        let merchant: Option<Merchant> = self.table.get("id", &id).await?;
        if let Some(merchant) = &merchant {
            let mut remembered = self.remembered.borrow_mut();
            if remembered.len() >= MAX_REMEMBERED {
                remembered.clear();
            }
            remembered.insert(id, (Instant::now(), merchant.clone()));
        }
        Ok(merchant)
    }
}

impl ApiKeys for MerchantsTable {
    async fn api_key(&self, key_hash: &str) -> Result<Option<ApiKey>, Unavailable> {
        self.table.get("id", &format!("key#{key_hash}")).await
    }
}
