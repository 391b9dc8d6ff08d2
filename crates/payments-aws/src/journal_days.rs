//! The journal, read by account and day: the entries of a gateway's receivable account that happened on a day.

use crate::config::StartError;
use crate::listed::Blocks;
use crate::table::{Table, unavailable};
use aws_sdk_dynamodb::types::AttributeValue;
use payments::failure::Unavailable;
use payments::ledger::block::PlacedEntry;
use payments::ledger::{Account, JournalEntry};
use payments::ports::LedgerDay;
use payments::reconcile::Day;

/// Pages of a journal of 10 GB.
const MAX_PAGES: usize = 10_000;

/// The journal in DynamoDB, read once a day as a whole: it has no index by account, which every posting would pay for.
#[derive(Clone, Debug)]
pub struct JournalDays {
    journal: Table,
    blocks: Blocks,
}

impl JournalDays {
    /// From `JOURNAL_TABLE` and `LEDGER_BLOCKS_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        let journal = Table::from_env("JOURNAL_TABLE", "the journal").await?;
        Ok(Self { journal, blocks: Blocks::from_env().await? })
    }

    /// The entries that count: those that the block they name lists.
    async fn counted(&self, placed: Vec<PlacedEntry>) -> Result<Vec<JournalEntry>, Unavailable> {
        let mut listed = self.blocks.listed();
        let mut counted = Vec::with_capacity(placed.len());
        for PlacedEntry { entry, place } in placed {
            if listed.counts(&entry.event_id, place).await? {
                counted.push(entry);
            }
        }
        Ok(counted)
    }
}

impl LedgerDay for JournalDays {
    async fn entries(&self, account: &Account, day: Day) -> Result<Vec<JournalEntry>, Unavailable> {
        let mut entries = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let page = self
                .journal
                .client
                .scan()
                .table_name(&self.journal.name)
                .filter_expression("begins_with(occurred_at, :day)")
                .expression_attribute_values(":day", AttributeValue::S(day.to_string()))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable("the journal", error))?;
            for item in page.items() {
                let placed: PlacedEntry = self.journal.read(item.clone())?;
                if placed.entry.postings.iter().any(|posting| posting.account == *account) {
                    entries.push(placed);
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return self.counted(entries).await;
            }
        }
        Err(Unavailable::new("the journal", format!("more than {MAX_PAGES} pages")))
    }
}
