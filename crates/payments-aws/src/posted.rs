//! The ledger, asked whether an event is posted: its entry is in the journal, and the block that it names lists it.

use crate::config::StartError;
use crate::table::{Table, unavailable};
use aws_sdk_dynamodb::types::AttributeValue;
use payments::failure::Unavailable;
use payments::ports::PostedEvents;
use serde::Deserialize;
use std::collections::HashMap;

/// Journal and blocks in DynamoDB.
#[derive(Clone, Debug)]
pub struct PostedInJournal {
    journal: Table,
    /// None where entries are posted without blocks.
    blocks: Option<Table>,
}

/// Where an entry wants to be.
#[derive(Deserialize)]
struct Placed {
    #[serde(default)]
    chain: Option<u32>,
    #[serde(default)]
    block_number: Option<u64>,
}

/// What a block lists.
#[derive(Deserialize)]
struct Listing {
    event_ids: Vec<String>,
}

impl PostedInJournal {
    /// From `JOURNAL_TABLE` and, if the journal is in blocks, `LEDGER_BLOCKS_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        const BLOCKS: &str = "LEDGER_BLOCKS_TABLE";
        let blocks = match std::env::var_os(BLOCKS) {
            Some(_) => Some(Table::from_env(BLOCKS, "the ledger's blocks").await?),
            None => None,
        };
        Ok(Self { journal: Table::from_env("JOURNAL_TABLE", "the journal").await?, blocks })
    }
}

impl PostedEvents for PostedInJournal {
    async fn is_posted(&self, event_id: &str) -> Result<bool, Unavailable> {
        let entry: Option<Placed> = self.journal.get("event_id", event_id).await?;
        let (chain, number) = match entry {
            None => return Ok(false),
            Some(Placed { chain: Some(chain), block_number: Some(number) }) => (chain, number),
            Some(_) => return Ok(true),
        };
        // An entry counts with its block only: before that, the balances do not have it.
        let blocks =
            self.blocks.as_ref().ok_or_else(|| Unavailable::new("the ledger's blocks", "no table is named"))?;
        let key = [("chain", chain.to_string()), ("number", number.to_string())];
        let key: HashMap<_, _> = key.into_iter().map(|(name, it)| (name.to_owned(), AttributeValue::N(it))).collect();
        let get = blocks.client.get_item().table_name(&blocks.name).set_key(Some(key)).consistent_read(true);
        let got = get.send().await.map_err(|error| unavailable("the ledger's blocks", error))?;
        let block: Option<Listing> = got.item.map(|item| blocks.read(item)).transpose()?;
        Ok(block.is_some_and(|block| block.event_ids.iter().any(|listed| listed == event_id)))
    }
}
