//! Bank statements, read by day: the movements table, one item per line of a statement that is no payout's.

use crate::config::StartError;
use crate::table::{Table, unavailable};
use aws_sdk_dynamodb::types::AttributeValue;
use payments::bank::{BookedMovement, Direction};
use payments::failure::Unavailable;
use payments::id::Mode;
use payments::ports::{BankDay, Credited};
use payments::reconcile::{BankCredit, Day, Side};

/// Pages of all movements: gateways pay once a day and currency, so there are few.
const MAX_PAGES: usize = 1000;

/// Bank movements in DynamoDB.
#[derive(Clone, Debug)]
pub struct BankStatements(Table);

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
                .scan()
                .table_name(&self.0.name)
                .filter_expression("#mode = :mode AND movement.booked_on = :day")
                .expression_attribute_names("#mode", "mode")
                .expression_attribute_values(":mode", AttributeValue::S(mode.to_string()))
                .expression_attribute_values(":day", AttributeValue::S(day.to_string()))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable("the bank statements", error))?;
            for item in page.items() {
                found.extend(credited(&self.0.read(item.clone())?));
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
        Err(Unavailable::new("the bank statements", format!("more than {MAX_PAGES} pages of movements")))
    }
}

/// The movement as a witness' statement, if money came in.
fn credited(BookedMovement { movement, .. }: &BookedMovement) -> Option<Credited> {
    let amount = i64::try_from(movement.amount.minor()).unwrap_or(i64::MAX);
    let side = Side { amount, cost: 0, currency: movement.amount.currency() };
    let reference = movement.payer_reference().to_owned();
    let credit = BankCredit { id: movement.id.to_string(), reference, side };
    (movement.direction == Direction::Credit).then(|| Credited { gateway: movement.gateway.clone(), credit })
}
