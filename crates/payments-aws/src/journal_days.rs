//! The journal, read by account and day: the entries of a gateway's receivable account that happened on a day.

use crate::config::StartError;
use crate::table::{Table, unavailable};
use aws_sdk_dynamodb::types::AttributeValue;
use payments::failure::Unavailable;
use payments::ledger::{Account, JournalEntry};
use payments::ports::LedgerDay;
use payments::reconcile::Day;

/// Pages of a journal of 10 GB.
const MAX_PAGES: usize = 10_000;

/// The journal in DynamoDB, read once a day as a whole: it has no index by account, which every posting would pay for.
#[derive(Clone, Debug)]
pub struct JournalDays(Table);

impl JournalDays {
    /// From `JOURNAL_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("JOURNAL_TABLE", "the journal").await?))
    }
}

impl LedgerDay for JournalDays {
    async fn entries(&self, account: &Account, day: Day) -> Result<Vec<JournalEntry>, Unavailable> {
        let mut entries = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let page = self
                .0
                .client
                .scan()
                .table_name(&self.0.name)
                .filter_expression("begins_with(occurred_at, :day)")
                .expression_attribute_values(":day", AttributeValue::S(day.to_string()))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable("the journal", error))?;
            for item in page.items() {
                let entry: JournalEntry = self.0.read(item.clone())?;
                if entry.postings.iter().any(|posting| posting.account == *account) {
                    entries.push(entry);
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(entries);
            }
        }
        Err(Unavailable::new("the journal", format!("more than {MAX_PAGES} pages")))
    }
}
