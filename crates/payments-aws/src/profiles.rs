//! Merchants' settings for operators: in the merchants table under `merchant#<id>#<mode>`, and in its index of all of them.

use crate::config::StartError;
use crate::merchants::id_of;
use crate::table::{Table, unavailable};
use aws_sdk_dynamodb::types::AttributeValue;
use payments::failure::Unavailable;
use payments::id::Owner;
use payments::merchant::Merchant;
use payments::ports::Profiles;
use serde::Serialize;

/// The index of settings by their ids: the table holds keys too.
const LISTED_INDEX: &str = "listed";
/// What every item of the index has in `listed`.
const LISTED: &str = "merchant";

/// Merchants' settings in DynamoDB, never remembered.
#[derive(Clone, Debug)]
pub struct ProfilesTable(Table);

impl ProfilesTable {
    /// From `MERCHANTS_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("MERCHANTS_TABLE", "the merchants table").await?))
    }
}

/// Settings as stored.
#[derive(Serialize)]
struct Item<'a> {
    id: String,
    listed: &'static str,
    #[serde(flatten)]
    merchant: &'a Merchant,
}

impl Profiles for ProfilesTable {
    async fn profile(&self, owner: &Owner) -> Result<Option<Merchant>, Unavailable> {
        self.0.get("id", &id_of(owner)).await
    }

    async fn save_profile(&self, merchant: &Merchant) -> Result<(), Unavailable> {
        self.0.put(&Item { id: id_of(&merchant.owner()), listed: LISTED, merchant }).await
    }

    async fn profiles(&self, after: Option<&Owner>, limit: usize) -> Result<Vec<Merchant>, Unavailable> {
        let after = after.map_or_else(|| "merchant#".to_owned(), id_of);
        let answer = self
            .0
            .client
            .query()
            .table_name(&self.0.name)
            .index_name(LISTED_INDEX)
            .key_condition_expression("listed = :listed AND id > :after")
            .expression_attribute_values(":listed", AttributeValue::S(LISTED.to_owned()))
            .expression_attribute_values(":after", AttributeValue::S(after))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| unavailable("the index of merchants", error))?;
        answer.items.unwrap_or_default().into_iter().map(|item| self.0.read(item)).collect()
    }
}
