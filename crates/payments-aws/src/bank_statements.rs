//! Bank statements, read by day: the movements table, one item per line of a statement, by mode and booking day.

use crate::config::StartError;
use crate::table::{Table, unavailable};
use aws_sdk_dynamodb::types::AttributeValue;
use payments::amount::Amount;
use payments::failure::Unavailable;
use payments::gateway::GatewayName;
use payments::id::Mode;
use payments::ports::{BankDay, Credited};
use payments::reconcile::{BankCredit, Day, Side};
use serde::Deserialize;

/// Pages of one day's movements.
const MAX_PAGES: usize = 1000;

/// Bank movements in DynamoDB.
#[derive(Clone, Debug)]
pub struct BankStatements(Table);

/// A line of a statement as stored under `booked`, `<mode>#<day>`.
#[derive(Deserialize)]
struct Line {
    id: String,
    direction: String,
    #[serde(flatten)]
    amount: Amount,
    reference: String,
    #[serde(default)]
    gateway: Option<GatewayName>,
    #[serde(default)]
    remittance: Option<String>,
}

impl BankStatements {
    /// From `BANK_MOVEMENTS_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("BANK_MOVEMENTS_TABLE", "the bank statements").await?))
    }
}

impl BankDay for BankStatements {
    async fn credits(&self, mode: Mode, day: Day) -> Result<Vec<Credited>, Unavailable> {
        let mut found = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let page = self
                .0
                .client
                .query()
                .table_name(&self.0.name)
                .key_condition_expression("booked = :booked")
                .expression_attribute_values(":booked", AttributeValue::S(format!("{mode}#{day}")))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable("the bank statements", error))?;
            for item in page.items() {
                let line: Line = self.0.read(item.clone())?;
                found.extend((line.direction == "credit").then(|| credited(line)));
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
        Err(Unavailable::new("the bank statements", format!("more than {MAX_PAGES} pages of {day}")))
    }
}

/// What the payer wrote is its reference; without that, the bank's own.
fn credited(line: Line) -> Credited {
    let minor = i64::try_from(line.amount.minor()).unwrap_or(i64::MAX);
    let side = Side { amount: minor, cost: 0, currency: line.amount.currency() };
    let reference = line.remittance.unwrap_or(line.reference);
    Credited { gateway: line.gateway, credit: BankCredit { id: line.id, reference, side } }
}
