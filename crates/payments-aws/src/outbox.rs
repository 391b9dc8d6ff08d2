//! What the outboxes lost, found again: their tables page by page, and the queue of stretches of time.

use crate::config::{StartError, sdk_config, variable};
use crate::table::{Table, unavailable};
use crate::{payments_table, payouts_table};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::Client;
use payments::failure::Unavailable;
use payments::outbox::{Key, Outbox, OutboxNames, Stretch, Subject};
use payments::ports::{OutboxPage, ScanOutbox, Stretches};
use std::collections::HashMap;

/// The tables whose streams are outboxes, in DynamoDB.
#[derive(Clone, Debug)]
pub struct OutboxTables {
    payments: Table,
    payouts: Table,
    bank_movements: Table,
}

impl OutboxTables {
    /// From `PAYMENTS_TABLE`, `PAYOUTS_TABLE` and `BANK_MOVEMENTS_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self {
            payments: Table::from_env("PAYMENTS_TABLE", "the payments table").await?,
            payouts: Table::from_env("PAYOUTS_TABLE", "the payouts table").await?,
            bank_movements: Table::from_env("BANK_MOVEMENTS_TABLE", "the bank movements table").await?,
        })
    }

    /// What they are called.
    pub fn names(&self) -> OutboxNames {
        let name = |table: &Table| table.name.clone();
        OutboxNames {
            payments: name(&self.payments),
            payouts: name(&self.payouts),
            bank_movements: name(&self.bank_movements),
        }
    }

    fn table(&self, outbox: Outbox) -> &Table {
        match outbox {
            Outbox::Payments => &self.payments,
            Outbox::Payouts => &self.payouts,
            Outbox::BankMovements => &self.bank_movements,
        }
    }

    fn subject(&self, outbox: Outbox, item: HashMap<String, AttributeValue>) -> Result<Subject, Unavailable> {
        let table = self.table(outbox);
        Ok(match outbox {
            Outbox::Payments => Subject::Payment(Box::new(payments_table::readable(table.read(item)?)?)),
            Outbox::Payouts => Subject::Payout(Box::new(payouts_table::readable(table.read(item)?)?)),
            Outbox::BankMovements => Subject::Movement(Box::new(table.read(item)?)),
        })
    }
}

impl ScanOutbox for OutboxTables {
    async fn scan(&self, outbox: Outbox, after: Option<&Key>, limit: usize) -> Result<OutboxPage, Unavailable> {
        let table = self.table(outbox);
        let start = after.map(|after| table.write(after)).transpose()?;
        let scan = table.client.scan().table_name(&table.name).set_exclusive_start_key(start).consistent_read(true);
        let answer = scan.limit(i32::try_from(limit).unwrap_or(i32::MAX)).send().await;
        let answer = answer.map_err(|error| unavailable(table.what, error))?;
        let last = answer.last_evaluated_key.map(|key| table.read(key)).transpose()?;
        let items = answer.items.unwrap_or_default().into_iter();
        let subjects = items.map(|item| self.subject(outbox, item)).collect::<Result<Vec<_>, _>>()?;
        Ok(OutboxPage { subjects, last })
    }
}

/// Stretches in SQS.
#[derive(Clone, Debug)]
pub struct StretchQueue {
    client: Client,
    url: String,
}

impl StretchQueue {
    /// From `REPUBLISH_QUEUE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self { client: Client::new(&sdk_config()?), url: variable("REPUBLISH_QUEUE")? })
    }
}

impl Stretches for StretchQueue {
    async fn enqueue(&self, stretch: &Stretch) -> Result<(), Unavailable> {
        let body = serde_json::to_string(stretch).expect("a stretch is plain data");
        let send = self.client.send_message().queue_url(&self.url).message_body(body);
        send.send().await.map(drop).map_err(|error| unavailable("the queue of stretches", error))
    }
}
