//! The tables of lines that an event leaves: fee lines by bill, settlement lines by owner and day.

use crate::config::StartError;
use crate::table::{Put, Table, unavailable};
use aws_sdk_dynamodb::types::AttributeValue;
use payments::billing::{FeeLine, SettlementLine, bill_of};
use payments::failure::Unavailable;
use payments::id::Owner;
use payments::month::Month;
use payments::ports::{Bills, FeeLines, ListSettlements, SettlementLines};

/// Pages of one bill: a megabyte each, some three thousand lines.
const MAX_PAGES: usize = 1000;

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

impl Bills for FeeLinesTable {
    async fn bill(&self, owner: &Owner, month: Month) -> Result<Vec<FeeLine>, Unavailable> {
        let (mut lines, mut start) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let query = self.0.client.query().table_name(&self.0.name).consistent_read(true);
            let page = query
                .key_condition_expression("bill = :bill")
                .expression_attribute_values(":bill", AttributeValue::S(bill_of(owner, month)))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable("the fee lines table", error))?;
            for item in page.items.unwrap_or_default() {
                lines.push(self.0.read(item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(lines);
            }
        }
        Err(Unavailable::new("the fee lines table", format!("more than {MAX_PAGES} pages in one bill")))
    }
}

/// Settlement lines in DynamoDB.
#[derive(Clone, Debug)]
pub struct SettlementsTable(Table);

impl SettlementsTable {
    /// From `SETTLEMENTS_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("SETTLEMENTS_TABLE", "the settlements table").await?))
    }
}

impl SettlementLines for SettlementsTable {
    async fn add(&self, line: &SettlementLine) -> Result<(), Unavailable> {
        match self.0.put_if(line, "attribute_not_exists(settlement_id)", &[]).await? {
            Put::Done => Ok(()),
            // The event came before: its line stands.
            Put::Refused(_) => Ok(()),
        }
    }
}

impl ListSettlements for SettlementsTable {
    async fn settlements(
        &self,
        owner: &Owner,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<SettlementLine>, Unavailable> {
        self.0.latest(("owner", &owner.to_string()), ("settlement_id", after), limit).await
    }
}
