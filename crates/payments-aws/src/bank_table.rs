//! What was read of the bank: messages and the names in them in one table, movements that are no payout's in another.

use crate::config::StartError;
use crate::table::{Put, Table};
use payments::bank::BookedMovement;
use payments::failure::Unavailable;
use payments::id::BankMovementId;
use payments::payout::message::ReadMessage;
use payments::ports::{BankMovements, ReadMessages};
use serde::{Deserialize, Serialize};

/// Messages and movements in DynamoDB.
#[derive(Clone, Debug)]
pub struct BankTable {
    messages: Table,
    movements: Table,
}

/// A name that a message has, such as a statement's.
#[derive(Serialize, Deserialize)]
struct Claim {
    message_id: String,
    claimed_by: String,
}

impl BankTable {
    /// From `BANK_MESSAGES_TABLE` and `BANK_MOVEMENTS_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self {
            messages: Table::from_env("BANK_MESSAGES_TABLE", "the bank messages table").await?,
            movements: Table::from_env("BANK_MOVEMENTS_TABLE", "the bank movements table").await?,
        })
    }
}

impl ReadMessages for BankTable {
    async fn read_message(&self, message_id: &str) -> Result<Option<ReadMessage>, Unavailable> {
        self.messages.get("message_id", message_id).await
    }

    async fn close_message(&self, message: &ReadMessage) -> Result<ReadMessage, Unavailable> {
        match self.messages.put_if(message, "attribute_not_exists(message_id)", &[]).await? {
            // Another run read it at the same time, and came to the same, a moment earlier.
            Put::Refused(Some(there)) => Ok(there),
            Put::Done | Put::Refused(None) => Ok(message.clone()),
        }
    }

    async fn claim_name(&self, name: &str, message_id: &str) -> Result<bool, Unavailable> {
        let claim = Claim { message_id: format!("name#{name}"), claimed_by: message_id.to_owned() };
        match self.messages.put_if(&claim, "attribute_not_exists(message_id)", &[]).await? {
            Put::Done => Ok(true),
            Put::Refused(there) => Ok(there.is_some_and(|there: Claim| there.claimed_by == message_id)),
        }
    }
}

impl BankMovements for BankTable {
    async fn has_movement(&self, movement_id: &BankMovementId) -> Result<bool, Unavailable> {
        let found: Option<BookedMovement> = self.movements.get("movement_id", movement_id.as_str()).await?;
        Ok(found.is_some())
    }

    async fn add_movement(&self, movement: &BookedMovement) -> Result<(), Unavailable> {
        match self.movements.put_if(movement, "attribute_not_exists(movement_id)", &[]).await? {
            // A movement never changes: the one that is there says the same.
            Put::Done | Put::Refused(_) => Ok(()),
        }
    }
}
