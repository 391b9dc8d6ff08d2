//! Merchants' settings, read and remembered for a minute. In the merchants table they are `merchant#<id>#<mode>`.

use crate::config::StartError;
use crate::table::Table;
use payments::failure::Unavailable;
use payments::id::Owner;
use payments::merchant::Merchant;
use payments::ports::Merchants;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How old settings may be.
const MAX_AGE: Duration = Duration::from_secs(60);
/// How many merchants a process remembers; beyond that it starts anew.
const MAX_REMEMBERED: usize = 1000;

/// Merchants in DynamoDB.
#[derive(Debug)]
pub struct MerchantsTable {
    table: Table,
    remembered: RefCell<BTreeMap<String, (Instant, Merchant)>>,
}

/// The id of an owner's settings.
pub(crate) fn id_of(owner: &Owner) -> String {
    format!("merchant#{}#{}", owner.merchant_id, owner.mode)
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
        let id = id_of(owner);
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
