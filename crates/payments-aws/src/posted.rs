//! The journal, asked whether an event is posted.

use crate::config::StartError;
use crate::table::Table;
use payments::failure::Unavailable;
use payments::ledger::JournalEntry;
use payments::ports::PostedEvents;

/// The journal in DynamoDB.
#[derive(Clone, Debug)]
pub struct PostedInJournal(Table);

impl PostedInJournal {
    /// From `JOURNAL_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("JOURNAL_TABLE", "the journal").await?))
    }
}

impl PostedEvents for PostedInJournal {
    async fn is_posted(&self, event_id: &str) -> Result<bool, Unavailable> {
        let entry: Option<JournalEntry> = self.0.get("event_id", event_id).await?;
        Ok(entry.is_some())
    }
}
