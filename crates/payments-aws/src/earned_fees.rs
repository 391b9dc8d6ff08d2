//! What fees earned, by the journal: all of it is read, once a month. An index by merchant would cost a write per entry.
//! An entry that no block lists is not in the ledger, and earned nothing.

use crate::config::StartError;
use crate::listed::Blocks;
use crate::table::{Table, unavailable};
use aws_sdk_dynamodb::types::AttributeValue;
use payments::currency::Currency;
use payments::failure::Unavailable;
use payments::id::Owner;
use payments::ledger::Posting;
use payments::ledger::block::Place;
use payments::month::Month;
use payments::ports::EarnedFees;
use payments::posting::fee_earned;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Pages of the journal: a megabyte each.
const MAX_PAGES: usize = 100_000;

/// The journal in DynamoDB, read only.
#[derive(Clone, Debug)]
pub struct JournalTable {
    journal: Table,
    blocks: Blocks,
}

/// What is read of an entry.
#[derive(Deserialize)]
struct Entry {
    event_id: String,
    #[serde(flatten)]
    place: Place,
    postings: Vec<Posting>,
}

impl JournalTable {
    /// From `JOURNAL_TABLE` and `LEDGER_BLOCKS_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        let journal = Table::from_env("JOURNAL_TABLE", "the journal").await?;
        Ok(Self { journal, blocks: Blocks::from_env().await? })
    }
}

impl EarnedFees for JournalTable {
    async fn earned(&self, month: Month) -> Result<BTreeMap<Owner, BTreeMap<Currency, i64>>, Unavailable> {
        let mut earned = BTreeMap::<Owner, BTreeMap<Currency, i64>>::new();
        let (mut listed, mut start) = (self.blocks.listed(), None);
        for _ in 0..MAX_PAGES {
            let scan = self.journal.client.scan().table_name(&self.journal.name).consistent_read(true);
            let page = scan
                .filter_expression("begins_with(occurred_at, :month)")
                .projection_expression("event_id, chain, block_number, postings")
                .expression_attribute_values(":month", AttributeValue::S(format!("{month}-")))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable("the journal", error))?;
            for item in page.items.unwrap_or_default() {
                let entry: Entry = self.journal.read(item)?;
                let Some((owner, currency, minor)) = fee_earned(&entry.postings) else { continue };
                if !listed.counts(&entry.event_id, entry.place).await? {
                    continue;
                }
                let sum = earned.entry(owner).or_default().entry(currency).or_default();
                let overflow = || Unavailable::new("the journal", "a sum beyond 64 bits");
                *sum = sum.checked_add(minor).ok_or_else(overflow)?;
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(earned);
            }
        }
        Err(Unavailable::new("the journal", format!("more than {MAX_PAGES} pages")))
    }
}
