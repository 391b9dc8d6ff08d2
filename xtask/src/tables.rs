//! The stack's tables, read and written with root credentials as an operator would.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::attribute::{to_item, to_json};
use crate::stack::Stack;

/// Access to the tables of one stack.
pub struct Tables<'a> {
    stack: &'a Stack,
    client: Client,
}

impl<'a> Tables<'a> {
    /// The tables of this stack.
    pub fn new(stack: &'a Stack) -> Self {
        let client = Client::new(&stack.sdk_config());
        Self { stack, client }
    }

    /// The deployed name of a table: as the stack says, or by the convention.
    fn name(&self, table: &str) -> String {
        let known = self.stack.outputs.get(&output_name(table));
        known.cloned().unwrap_or_else(|| format!("florin-{table}"))
    }

    /// Writes an item over whatever is there.
    pub async fn put(&self, table: &str, item: &Map<String, Value>) -> Result<()> {
        let name = self.name(table);
        self.client
            .put_item()
            .table_name(&name)
            .set_item(Some(to_item(item)))
            .send()
            .await
            .with_context(|| format!("writing to {name}"))?;
        Ok(())
    }

    /// Writes an item on a condition.
    pub async fn put_if(
        &self,
        table: &str,
        item: &Map<String, Value>,
        condition: &str,
        values: &Map<String, Value>,
    ) -> Result<()> {
        let name = self.name(table);
        let values = (!values.is_empty()).then(|| to_item(values));
        self.client
            .put_item()
            .table_name(&name)
            .set_item(Some(to_item(item)))
            .condition_expression(condition)
            .set_expression_attribute_values(values)
            .send()
            .await
            .with_context(|| format!("writing to {name}"))?;
        Ok(())
    }

    /// Every item that has the attribute `having`: tables may hold other things beside.
    pub async fn scan<T: DeserializeOwned>(&self, table: &str, having: &str) -> Result<Vec<T>> {
        let name = self.name(table);
        let scan = self.client.scan().table_name(&name).consistent_read(true);
        let mut items = scan.into_paginator().items().send();
        let mut records = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.with_context(|| format!("reading {name}"))?;
            if !item.contains_key(having) {
                continue;
            }
            let value = to_json(&item).with_context(|| format!("an item of {name}"))?;
            let record = serde_json::from_value(value)
                .with_context(|| format!("an item of {name} by its attribute {having}"))?;
            records.push(record);
        }
        Ok(records)
    }
}

/// `fee-lines` is the output `FeeLinesTableName`.
fn output_name(table: &str) -> String {
    let words = table.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    words.collect::<String>() + "TableName"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_named_after_their_tables() {
        assert_eq!(output_name("payments"), "PaymentsTableName");
        assert_eq!(output_name("fee-lines"), "FeeLinesTableName");
    }
}
