//! What fees earned, by the journal: all of it is read, once a month. An index by merchant would cost a write per entry.

use crate::config::StartError;
use crate::table::{Table, unavailable};
use aws_sdk_dynamodb::types::AttributeValue;
use payments::currency::Currency;
use payments::failure::Unavailable;
use payments::id::Owner;
use payments::ledger::Posting;
use payments::month::Month;
use payments::ports::EarnedFees;
use payments::posting::fee_earned;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Pages of the journal: a megabyte each.
const MAX_PAGES: usize = 100_000;

/// The journal in DynamoDB, read only.
#[derive(Clone, Debug)]
pub struct JournalTable(Table);

/// What is read of an entry.
#[derive(Deserialize)]
struct Entry {
    postings: Vec<Posting>,
}

impl JournalTable {
    /// From `JOURNAL_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("JOURNAL_TABLE", "the journal").await?))
    }
}

impl EarnedFees for JournalTable {
    async fn earned(&self, month: Month) -> Result<BTreeMap<Owner, BTreeMap<Currency, i64>>, Unavailable> {
        let mut earned = BTreeMap::<Owner, BTreeMap<Currency, i64>>::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let scan = self.0.client.scan().table_name(&self.0.name).consistent_read(true);
            let page = scan
                .filter_expression("begins_with(occurred_at, :month)")
                .projection_expression("postings")
                .expression_attribute_values(":month", AttributeValue::S(format!("{month}-")))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable("the journal", error))?;
            for item in page.items.unwrap_or_default() {
                let entry: Entry = self.0.read(item)?;
                let Some((owner, currency, minor)) = fee_earned(&entry.postings) else { continue };
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
