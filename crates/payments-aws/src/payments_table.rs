//! The payments table: one item a payment, every write on condition of its version.

use crate::config::StartError;
use crate::table::{Put, Table, unavailable};
use aws_sdk_dynamodb::types::AttributeValue;
use payments::failure::Unavailable;
use payments::id::PaymentId;
use payments::payment::{DUE_SHARDS, Payment, SCHEMA};
use payments::ports::{DuePayments, LoadPayment, OpenPayment, Opened, SavePayment, Saved};
use payments::timestamp::Timestamp;

/// The index of payments that are not terminal, by when they are due.
const DUE_INDEX: &str = "due";

/// Payments in DynamoDB.
#[derive(Clone, Debug)]
pub struct PaymentsTable(pub(crate) Table);

impl PaymentsTable {
    /// From `PAYMENTS_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("PAYMENTS_TABLE", "the payments table").await?))
    }
}

pub(crate) fn readable(payment: Payment) -> Result<Payment, Unavailable> {
    if payment.schema > SCHEMA {
        let reason = format!("payment {} has schema {}, this code reads {SCHEMA}", payment.payment_id, payment.schema);
        return Err(Unavailable::new("the payments table", reason));
    }
    Ok(payment)
}

impl OpenPayment for PaymentsTable {
    async fn open(&self, payment: &Payment) -> Result<Opened, Unavailable> {
        match self.0.put_if(payment, "attribute_not_exists(payment_id)", &[]).await? {
            Put::Done => Ok(Opened::New),
            Put::Refused(Some(existing)) => Ok(Opened::Existing(Box::new(readable(existing)?))),
            Put::Refused(None) => match self.load(&payment.payment_id).await? {
                Some(existing) => Ok(Opened::Existing(Box::new(existing))),
                None => Err(Unavailable::new("the payments table", "refused a payment that is not there")),
            },
        }
    }
}

impl LoadPayment for PaymentsTable {
    async fn load(&self, payment_id: &PaymentId) -> Result<Option<Payment>, Unavailable> {
        self.0.get("payment_id", payment_id.as_str()).await?.map(readable).transpose()
    }
}

impl SavePayment for PaymentsTable {
    async fn save(&self, payment: &Payment) -> Result<Saved, Unavailable> {
        let before = AttributeValue::N((payment.version - 1).to_string());
        match self.0.put_if(payment, "version = :before", &[(":before", before)]).await? {
            Put::Done => Ok(Saved::Done),
            // The SDK tries again by itself: what stands there may be this very version, whose answer was lost.
            Put::Refused(Some(there)) if there == *payment => Ok(Saved::There),
            Put::Refused(_) => Ok(Saved::Conflict),
        }
    }
}

impl DuePayments for PaymentsTable {
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<PaymentId>, Unavailable> {
        let mut found = Vec::new();
        for shard in 0..DUE_SHARDS {
            let page = i32::try_from(limit.div_ceil(usize::from(DUE_SHARDS))).unwrap_or(i32::MAX);
            let answer = self
                .0
                .client
                .query()
                .table_name(&self.0.name)
                .index_name(DUE_INDEX)
                .key_condition_expression("due_shard = :shard AND due_at <= :now")
                .expression_attribute_values(":shard", AttributeValue::N(shard.to_string()))
                .expression_attribute_values(":now", AttributeValue::N(now.as_millis().to_string()))
                .limit(page)
                .send()
                .await
                .map_err(|error| unavailable("the index of due payments", error))?;
            let ids = answer.items().iter().filter_map(|item| item.get("payment_id")?.as_s().ok()?.parse().ok());
            found.extend(ids);
        }
        Ok(found)
    }
}
