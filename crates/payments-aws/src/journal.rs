//! The ledger's tables: journal entries put once, balances folded per batch and shard, in the same transactions.

use crate::config::StartError;
use crate::table::{Table, unavailable};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use payments::failure::Unavailable;
use payments::ledger::{JournalEntry, fold};
use payments::ports::Journal;
use serde::Serialize;

/// Entries of one transaction: with their balances they stay below DynamoDB's 100 actions.
const ENTRIES: usize = 80;
/// Actions of one transaction (DynamoDB quota).
const ACTIONS: usize = 100;
/// How often a transaction is tried again without the entries that turned out to be there.
const ROUNDS: usize = 5;

/// Journal and balances in DynamoDB.
#[derive(Clone, Debug)]
pub struct LedgerTables {
    journal: Table,
    balances: Table,
}

/// A journal entry as stored.
#[derive(Serialize)]
struct Item<'a> {
    #[serde(flatten)]
    entry: &'a JournalEntry,
}

impl LedgerTables {
    /// From `JOURNAL_TABLE` and `BALANCES_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self {
            journal: Table::from_env("JOURNAL_TABLE", "the journal").await?,
            balances: Table::from_env("BALANCES_TABLE", "the balances").await?,
        })
    }

    /// Posts entries that fit one transaction; leaves out those whose event is there already.
    async fn post_together(&self, partition: u32, entries: &[JournalEntry]) -> Result<usize, Unavailable> {
        let mut fresh: Vec<&JournalEntry> = entries.iter().collect();
        for _ in 0..ROUNDS {
            if fresh.is_empty() {
                return Ok(0);
            }
            let actions = self.actions(partition, &fresh)?;
            if actions.len() > ACTIONS {
                let (first, second) = entries.split_at(entries.len() / 2);
                return Ok(Box::pin(self.post_together(partition, first)).await?
                    + Box::pin(self.post_together(partition, second)).await?);
            }
            let transaction = self.journal.client.transact_write_items().set_transact_items(Some(actions));
            let Err(error) = transaction.send().await else { return Ok(fresh.len()) };
            let known = already_there(error.as_service_error(), fresh.len());
            if known.is_empty() {
                return Err(unavailable("the ledger", error));
            }
            let mut place = 0;
            fresh.retain(|_| {
                place += 1;
                !known.contains(&(place - 1))
            });
        }
        Err(Unavailable::new("the ledger", format!("entries kept appearing through {ROUNDS} rounds")))
    }

    fn actions(&self, partition: u32, entries: &[&JournalEntry]) -> Result<Vec<TransactWriteItem>, Unavailable> {
        let built = |error| Unavailable::new("the ledger", error);
        let mut actions = Vec::new();
        for entry in entries {
            let put = Put::builder()
                .table_name(&self.journal.name)
                .set_item(Some(self.journal.write(&Item { entry })?))
                .condition_expression("attribute_not_exists(event_id)")
                .build()
                .map_err(built)?;
            actions.push(TransactWriteItem::builder().put(put).build());
        }
        for (key, delta) in fold(entries.iter().copied()) {
            let (expression, due) = match key.due {
                Some(due) => ("SET currency = :currency, due = :due ADD minor :minor, postings :postings", Some(due)),
                None => ("SET currency = :currency ADD minor :minor, postings :postings", None),
            };
            let mut update = Update::builder()
                .table_name(&self.balances.name)
                .key("account", AttributeValue::S(key.account.to_string()))
                .key("shard", AttributeValue::S(key.shard(partition)))
                .update_expression(expression)
                .expression_attribute_values(":currency", AttributeValue::S(key.currency.to_string()))
                .expression_attribute_values(":minor", AttributeValue::N(delta.minor.to_string()))
                .expression_attribute_values(":postings", AttributeValue::N(delta.postings.to_string()));
            if let Some(due) = due {
                update = update.expression_attribute_values(":due", AttributeValue::S(due.to_owned()));
            }
            let update = update.build().map_err(built)?;
            actions.push(TransactWriteItem::builder().update(update).build());
        }
        Ok(actions)
    }
}

/// The places of the journal puts whose condition did not hold.
fn already_there(error: Option<&TransactWriteItemsError>, puts: usize) -> Vec<usize> {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error else { return Vec::new() };
    let reasons = canceled.cancellation_reasons().iter().take(puts).enumerate();
    reasons.filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed")).map(|(place, _)| place).collect()
}

impl Journal for LedgerTables {
    async fn post(&self, partition: u32, entries: &[JournalEntry]) -> Result<usize, Unavailable> {
        // The same event twice in one batch would be the same item twice in one transaction, which DynamoDB refuses.
        let mut unique: Vec<JournalEntry> = Vec::with_capacity(entries.len());
        for entry in entries {
            if unique.iter().all(|seen| seen.event_id != entry.event_id) {
                unique.push(entry.clone());
            }
        }
        let mut posted = 0;
        for chunk in unique.chunks(ENTRIES) {
            posted += self.post_together(partition, chunk).await?;
        }
        Ok(posted)
    }
}
