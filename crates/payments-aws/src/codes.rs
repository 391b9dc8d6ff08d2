//! Sealed verification codes in Valkey: in memory, for minutes, never on disk (PCI DSS 3.3.1).

use crate::config::StartError;
use crate::valkey;
use payments::failure::Unavailable;
use payments::id::TokenId;
use payments::ports::{VERIFICATION_SECONDS, VerificationCodes};
use redis::AsyncCommands;
use redis::aio::ConnectionManager;

/// Verification codes in Valkey.
#[derive(Clone)]
pub struct CodesInValkey(ConnectionManager);

impl CodesInValkey {
    /// From `VALKEY_ENDPOINT` and `VALKEY_TLS`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(valkey::connect().await?))
    }
}

fn name(token_id: &TokenId) -> String {
    format!("verification:{token_id}")
}

fn unavailable(error: redis::RedisError) -> Unavailable {
    Unavailable::new("the store of verification codes", error)
}

impl VerificationCodes for CodesInValkey {
    async fn keep(&self, token_id: &TokenId, sealed: &str) -> Result<(), Unavailable> {
        self.0.clone().set_ex(name(token_id), sealed, VERIFICATION_SECONDS).await.map_err(unavailable)
    }

    async fn find(&self, token_id: &TokenId) -> Result<Option<String>, Unavailable> {
        self.0.clone().get(name(token_id)).await.map_err(unavailable)
    }

    async fn forget(&self, token_id: &TokenId) -> Result<(), Unavailable> {
        self.0.clone().del(name(token_id)).await.map_err(unavailable)
    }
}
