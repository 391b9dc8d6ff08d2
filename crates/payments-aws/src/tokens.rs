//! The tokens table: the public halves of tokenised cards.

use crate::config::StartError;
use crate::table::{Put, Table};
use payments::failure::Unavailable;
use payments::id::TokenId;
use payments::ports::{StoreToken, Tokens};
use payments::token::Token;

/// Tokens in DynamoDB.
#[derive(Clone, Debug)]
pub struct TokensTable(Table);

impl TokensTable {
    /// From `TOKENS_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("TOKENS_TABLE", "the tokens table").await?))
    }
}

impl Tokens for TokensTable {
    async fn token(&self, token_id: &TokenId) -> Result<Option<Token>, Unavailable> {
        self.0.get("token_id", token_id.as_str()).await
    }
}

impl StoreToken for TokensTable {
    async fn store(&self, token: &Token) -> Result<(), Unavailable> {
        match self.0.put_if(token, "attribute_not_exists(token_id)", &[]).await? {
            Put::Done => Ok(()),
            Put::Refused(Some(there)) if there == *token => Ok(()),
            Put::Refused(_) => Err(Unavailable::new("the tokens table", "the token's name is taken")),
        }
    }
}
