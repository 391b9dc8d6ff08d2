//! The ledger's tables: entries put by themselves, each for one write unit; blocks and the balances that follow from them
//! in one transaction.

use crate::config::StartError;
use crate::table::{self, Table, unavailable};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use payments::failure::Unavailable;
use payments::ledger::block::{Block, Place, PlacedEntry};
use payments::ledger::{BalanceKey, Delta};
use payments::ports::{CommitBlock, EntryPut, JournalEntries, LedgerBlocks, Saved};
use std::collections::{BTreeMap, HashMap};

/// Journal, blocks and balances in DynamoDB.
#[derive(Clone, Debug)]
pub struct LedgerTables {
    journal: Table,
    blocks: Table,
    balances: Table,
}

impl LedgerTables {
    /// From `JOURNAL_TABLE`, `LEDGER_BLOCKS_TABLE` and `BALANCES_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self {
            journal: Table::from_env("JOURNAL_TABLE", "the journal").await?,
            blocks: Table::from_env("LEDGER_BLOCKS_TABLE", "the ledger's blocks").await?,
            balances: Table::from_env("BALANCES_TABLE", "the balances").await?,
        })
    }

    async fn put_if(
        &self,
        entry: &PlacedEntry,
        condition: &str,
        values: &[(&str, AttributeValue)],
    ) -> Result<EntryPut, Unavailable> {
        match self.journal.put_if(entry, condition, values).await? {
            table::Put::Done => Ok(EntryPut::Done),
            table::Put::Refused(Some(there)) => Ok(EntryPut::Refused(Box::new(there))),
            table::Put::Refused(None) => {
                Err(Unavailable::new("the journal", "a put was refused without an item there"))
            }
        }
    }

    fn change(&self, chain: u32, key: &BalanceKey<'_>, delta: Delta) -> Result<TransactWriteItem, Unavailable> {
        let set = if key.due.is_some() { "currency = :currency, due = :due" } else { "currency = :currency" };
        let update = Update::builder()
            .table_name(&self.balances.name)
            .key("account", text(key.account))
            .key("shard", text(key.shard(chain)))
            .update_expression(format!("SET {set} ADD minor :minor, postings :postings"))
            .expression_attribute_values(":currency", text(key.currency))
            .expression_attribute_values(":minor", number(delta.minor))
            .expression_attribute_values(":postings", number(delta.postings));
        let update = match key.due {
            Some(due) => update.expression_attribute_values(":due", text(due)),
            None => update,
        };
        let update = update.build().map_err(|error| Unavailable::new("the balances", error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

impl JournalEntries for LedgerTables {
    async fn put_entry(&self, entry: &PlacedEntry) -> Result<EntryPut, Unavailable> {
        self.put_if(entry, "attribute_not_exists(event_id)", &[]).await
    }

    async fn put_entry_over(&self, entry: &PlacedEntry, was: Place) -> Result<EntryPut, Unavailable> {
        let values = [(":chain", number(was.chain)), (":block", number(was.block))];
        self.put_if(entry, "chain = :chain AND block_number = :block", &values).await
    }
}

impl LedgerBlocks for LedgerTables {
    async fn head(&self, chain: u32) -> Result<Option<Block>, Unavailable> {
        let answer = self
            .blocks
            .client
            .query()
            .table_name(&self.blocks.name)
            .key_condition_expression("chain = :chain")
            .expression_attribute_values(":chain", number(chain))
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(1)
            .send()
            .await
            .map_err(|error| unavailable("the ledger's blocks", error))?;
        answer.items.unwrap_or_default().into_iter().next().map(|item| self.blocks.read(item)).transpose()
    }

    async fn block(&self, place: Place) -> Result<Option<Block>, Unavailable> {
        block_at(&self.blocks, place).await
    }
}

impl CommitBlock for LedgerTables {
    async fn commit(&self, block: &Block, changes: &BTreeMap<BalanceKey<'_>, Delta>) -> Result<Saved, Unavailable> {
        let put = Put::builder()
            .table_name(&self.blocks.name)
            .set_item(Some(self.blocks.write(block)?))
            .condition_expression("attribute_not_exists(chain)")
            .build()
            .map_err(|error| Unavailable::new("the ledger's blocks", error))?;
        let mut actions = vec![TransactWriteItem::builder().put(put).build()];
        for (key, delta) in changes {
            actions.push(self.change(block.chain, key, *delta)?);
        }
        let transaction = self.blocks.client.transact_write_items().set_transact_items(Some(actions));
        let Err(error) = transaction.send().await else { return Ok(Saved::Done) };
        let taken = error.as_service_error().is_some_and(place_is_taken);
        if taken { Ok(Saved::Conflict) } else { Err(unavailable("the ledger", error)) }
    }
}

/// The block of that place, if it exists.
pub(crate) async fn block_at(blocks: &Table, place: Place) -> Result<Option<Block>, Unavailable> {
    let key = HashMap::from([("chain".to_owned(), number(place.chain)), ("number".to_owned(), number(place.block))]);
    let get = blocks.client.get_item().table_name(&blocks.name).set_key(Some(key)).consistent_read(true);
    let got = get.send().await.map_err(|error| unavailable("the ledger's blocks", error))?;
    got.item.map(|item| blocks.read(item)).transpose()
}

/// Whether the transaction was canceled because a block is there: the block is its first action.
fn place_is_taken(error: &TransactWriteItemsError) -> bool {
    let TransactWriteItemsError::TransactionCanceledException(canceled) = error else { return false };
    let block = canceled.cancellation_reasons().first();
    block.and_then(|reason| reason.code()) == Some("ConditionalCheckFailed")
}

fn text(text: impl ToString) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
