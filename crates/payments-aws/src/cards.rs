//! The vault table: sealed cards, by token. Nothing here can open them.

use crate::config::StartError;
use crate::table::{Put, Table};
use payments::failure::Unavailable;
use payments::id::TokenId;
use payments::ports::{LoadCard, StoreCard};
use payments::timestamp::Timestamp;
use payments::token::SealedCard;
use serde::{Deserialize, Serialize};

/// Sealed cards in DynamoDB.
#[derive(Clone, Debug)]
pub struct VaultTable(Table);

#[derive(PartialEq, Serialize, Deserialize)]
struct Item {
    #[serde(flatten)]
    card: SealedCard,
    /// DynamoDB's time to live, in seconds since the epoch.
    delete_at: i64,
}

impl VaultTable {
    /// From `VAULT_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("VAULT_TABLE", "the vault").await?))
    }
}

impl StoreCard for VaultTable {
    async fn store(&self, card: &SealedCard, delete_at: Timestamp) -> Result<(), Unavailable> {
        let item = Item { card: card.clone(), delete_at: delete_at.as_seconds() };
        match self.0.put_if(&item, "attribute_not_exists(token_id)", &[]).await? {
            Put::Done => Ok(()),
            Put::Refused(Some(there)) if there == item => Ok(()),
            Put::Refused(_) => Err(Unavailable::new("the vault", "the token's name is taken")),
        }
    }
}

impl LoadCard for VaultTable {
    async fn load(&self, token_id: &TokenId) -> Result<Option<SealedCard>, Unavailable> {
        Ok(self.0.get::<Item>("token_id", token_id.as_str()).await?.map(|item| item.card))
    }
}
