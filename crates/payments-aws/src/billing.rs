//! The fee lines table.

use crate::config::StartError;
use crate::table::{Put, Table};
use payments::failure::Unavailable;
use payments::ports::FeeLines;
use payments::posting::FeeLine;

/// Fee lines in DynamoDB.
#[derive(Clone, Debug)]
pub struct FeeLinesTable(Table);

impl FeeLinesTable {
    /// From `FEE_LINES_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("FEE_LINES_TABLE", "the fee lines table").await?))
    }
}

impl FeeLines for FeeLinesTable {
    async fn add(&self, line: &FeeLine) -> Result<(), Unavailable> {
        match self.0.put_if(line, "attribute_not_exists(line_id)", &[]).await? {
            Put::Done => Ok(()),
            // The event came before: its line stands.
            Put::Refused(_) => Ok(()),
        }
    }
}
