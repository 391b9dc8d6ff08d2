//! A DynamoDB table of serde types: get one, put one, put one on a condition. What is in it, the port files know.

use crate::config::{StartError, sdk_config, variable};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use payments::failure::Unavailable;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;

/// A table, by its client and name.
#[derive(Clone, Debug)]
pub struct Table {
    /// The client.
    pub client: Client,
    /// The table's name.
    pub name: String,
    /// Its name in errors.
    pub what: &'static str,
}

/// What came of a conditional put.
pub enum Put<T> {
    /// It is stored.
    Done,
    /// The condition did not hold; the item that is there, if one is.
    Refused(Option<T>),
}

/// Wraps an SDK error with its whole chain, which its own `Display` leaves out.
pub fn unavailable(what: &'static str, error: impl std::error::Error) -> Unavailable {
    Unavailable::new(what, DisplayErrorContext(error).to_string())
}

impl Table {
    /// The table named by an environment variable; `what` is its name in errors.
    pub async fn from_env(name: &'static str, what: &'static str) -> Result<Self, StartError> {
        Ok(Self { client: Client::new(&sdk_config()?), name: variable(name)?, what })
    }

    /// The item of that key, strongly consistent.
    pub async fn get<T: DeserializeOwned>(&self, key: &str, value: &str) -> Result<Option<T>, Unavailable> {
        self.get_by(HashMap::from([(key.to_owned(), AttributeValue::S(value.to_owned()))])).await
    }

    /// The item of that whole key, strongly consistent.
    pub async fn get_by<T: DeserializeOwned>(
        &self,
        key: HashMap<String, AttributeValue>,
    ) -> Result<Option<T>, Unavailable> {
        let get = self.client.get_item().table_name(&self.name).set_key(Some(key)).consistent_read(true);
        let got = get.send().await.map_err(|error| unavailable(self.what, error))?;
        got.item.map(|item| self.read(item)).transpose()
    }

    /// At most `limit` items of a partition, the last first, from before the sort key `before` on.
    pub async fn latest<T: DeserializeOwned>(
        &self,
        partition: (&str, &str),
        (sort, before): (&str, Option<&str>),
        limit: usize,
    ) -> Result<Vec<T>, Unavailable> {
        // Every sort key is printable, and so behind a blank.
        self.latest_from(" ", partition, (sort, before), limit).await
    }

    /// The same of those whose sort key is at or behind `least`.
    pub async fn latest_from<T: DeserializeOwned>(
        &self,
        least: &str,
        (partition, value): (&str, &str),
        (sort, before): (&str, Option<&str>),
        limit: usize,
    ) -> Result<Vec<T>, Unavailable> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let start =
            before.map(|before| HashMap::from([(partition.to_owned(), text(value)), (sort.to_owned(), text(before))]));
        let query = self.client.query().table_name(&self.name).consistent_read(true).scan_index_forward(false);
        let answer = query
            .key_condition_expression("#partition = :value AND #sort >= :least")
            .expression_attribute_names("#partition", partition)
            .expression_attribute_names("#sort", sort)
            .expression_attribute_values(":value", text(value))
            .expression_attribute_values(":least", text(least))
            .set_exclusive_start_key(start)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| unavailable(self.what, error))?;
        answer.items.unwrap_or_default().into_iter().map(|item| self.read(item)).collect()
    }

    /// Stores the item if `condition` holds on what is there.
    pub async fn put_if<T: Serialize + DeserializeOwned>(
        &self,
        item: &T,
        condition: &str,
        values: &[(&str, AttributeValue)],
    ) -> Result<Put<T>, Unavailable> {
        let mut put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(self.write(item)?))
            .condition_expression(condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, value) in values {
            put = put.expression_attribute_values(*name, value.clone());
        }
        let Err(error) = put.send().await else { return Ok(Put::Done) };
        match error.as_service_error().and_then(refused) {
            Some(item) => Ok(Put::Refused(item.map(|item| self.read(item)).transpose()?)),
            None => Err(unavailable(self.what, error)),
        }
    }

    /// Stores the item over whatever is there.
    pub async fn put<T: Serialize>(&self, item: &T) -> Result<(), Unavailable> {
        let put = self.client.put_item().table_name(&self.name).set_item(Some(self.write(item)?));
        put.send().await.map(drop).map_err(|error| unavailable(self.what, error))
    }

    /// An item's attributes.
    pub fn write<T: Serialize>(&self, item: &T) -> Result<HashMap<String, AttributeValue>, Unavailable> {
        serde_dynamo::to_item(item).map_err(|error| Unavailable::new(self.what, error))
    }

    /// An item of those attributes.
    pub fn read<T: DeserializeOwned>(&self, item: HashMap<String, AttributeValue>) -> Result<T, Unavailable> {
        serde_dynamo::from_item(item).map_err(|error| Unavailable::new(self.what, error))
    }
}

type Old = Option<HashMap<String, AttributeValue>>;

fn refused(error: &aws_sdk_dynamodb::operation::put_item::PutItemError) -> Option<Old> {
    use aws_sdk_dynamodb::operation::put_item::PutItemError;
    if let PutItemError::ConditionalCheckFailedException(refused) = error {
        return Some(refused.item.clone().filter(|item| !item.is_empty()));
    }
    None
}
