//! The balances table, read: an account's balance is the sum of its shards, whenever they are due.

use crate::config::StartError;
use crate::table::{Table, unavailable};
use aws_sdk_dynamodb::types::AttributeValue;
use payments::currency::Currency;
use payments::failure::Unavailable;
use payments::ledger::Account;
use payments::ports::{Balances, DueBalances};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Pages of shards that one account may have.
const MAX_PAGES: usize = 20;

/// Balances in DynamoDB.
#[derive(Clone, Debug)]
pub struct BalancesTable(Table);

/// A shard: one currency, due on one day or on none, in one Kafka partition.
#[derive(Deserialize)]
struct Shard {
    currency: Currency,
    minor: i64,
    #[serde(default)]
    due: Option<String>,
}

impl BalancesTable {
    /// From `BALANCES_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("BALANCES_TABLE", "the balances").await?))
    }
}

impl BalancesTable {
    /// All shards of the account of which `condition` is true, summed by `by`.
    async fn sums<Key: Ord>(
        &self,
        condition: &str,
        values: &[(&str, String)],
        by: impl Fn(&Shard) -> Option<Key>,
    ) -> Result<BTreeMap<Key, i64>, Unavailable> {
        let mut sums = BTreeMap::<Key, i64>::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let mut query = self.0.client.query().table_name(&self.0.name).key_condition_expression(condition);
            for (name, value) in values {
                query = query.expression_attribute_values(*name, AttributeValue::S(value.clone()));
            }
            // A reserved word, which may be named only so.
            if condition.contains("#shard") {
                query = query.expression_attribute_names("#shard", "shard");
            }
            let page = query
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable("the balances", error))?;
            for item in page.items() {
                let shard: Shard = self.0.read(item.clone())?;
                let Some(key) = by(&shard) else { continue };
                let sum = sums.entry(key).or_default();
                let overflow = || Unavailable::new("the balances", "a sum beyond 64 bits");
                *sum = sum.checked_add(shard.minor).ok_or_else(overflow)?;
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(sums);
            }
        }
        Err(Unavailable::new("the balances", format!("more than {MAX_PAGES} pages of shards")))
    }
}

impl Balances for BalancesTable {
    async fn balances(&self, account: &Account) -> Result<BTreeMap<Currency, i64>, Unavailable> {
        let values = [(":account", account.to_string())];
        self.sums("account = :account", &values, |shard| Some(shard.currency)).await
    }
}

impl DueBalances for BalancesTable {
    async fn due_until(
        &self,
        account: &str,
        currency: Currency,
        day: &str,
    ) -> Result<BTreeMap<String, i64>, Unavailable> {
        // `~` sorts behind every partition's number. Shards without a due date lie between as well, and are left out.
        let values = [
            (":account", account.to_owned()),
            (":from", format!("{currency}#")),
            (":to", format!("{currency}#{day}#~")),
        ];
        self.sums("account = :account AND #shard BETWEEN :from AND :to", &values, |shard| shard.due.clone()).await
    }
}
