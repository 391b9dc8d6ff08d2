//! The payouts table: an owner's payouts of one currency are numbered, every write is on condition of number or version.

use crate::config::StartError;
use crate::table::{Put, Table, unavailable};
use aws_sdk_dynamodb::types::AttributeValue;
use payments::currency::Currency;
use payments::failure::Unavailable;
use payments::id::{Mode, Owner};
use payments::payout::item::{SCHEMA, sending_key};
use payments::payout::listing::{PayoutCursor, PayoutFilter};
use payments::payout::{Payout, PayoutKey};
use payments::ports::{FindPayout, ListPayouts, LoadPayout, OpenPayout, PayoutPage, PayoutsToSend, SavePayout, Saved};
use std::collections::HashMap;

/// The index of payouts that are in no file yet.
const TO_SEND_INDEX: &str = "to_send";
/// The index of payouts by what the bank calls them.
const REFERENCE_INDEX: &str = "by_reference";
/// The index of an owner's payouts by time.
const OWNER_INDEX: &str = "by_owner";
/// Pages of the index that one list looks at: a filter that few payouts pass gets a short page and a cursor.
const MAX_ROUNDS: usize = 5;

type Item = HashMap<String, AttributeValue>;

/// Payouts in DynamoDB.
#[derive(Clone, Debug)]
pub struct PayoutsTable(Table);

impl PayoutsTable {
    /// From `PAYOUTS_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("PAYOUTS_TABLE", "the payouts table").await?))
    }

    fn payout_of(&self, item: Item) -> Result<Payout, Unavailable> {
        readable(self.0.read(item)?)
    }

    fn key_of(&self, item: Item) -> Result<PayoutKey, Unavailable> {
        self.0.read(item)
    }
}

pub(crate) fn readable(payout: Payout) -> Result<Payout, Unavailable> {
    if payout.schema > SCHEMA {
        let reason = format!("{} has schema {}, this code reads {SCHEMA}", payout.payout_id, payout.schema);
        return Err(Unavailable::new("the payouts table", reason));
    }
    Ok(payout)
}

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn key_attributes(key: &PayoutKey) -> Item {
    let number = AttributeValue::N(key.number.to_string());
    Item::from([("owner_currency".to_owned(), text(&key.owner_currency)), ("number".to_owned(), number)])
}

impl OpenPayout for PayoutsTable {
    async fn latest_payout(&self, owner: &Owner, currency: Currency) -> Result<Option<Payout>, Unavailable> {
        let answer = self
            .0
            .client
            .query()
            .table_name(&self.0.name)
            .key_condition_expression("owner_currency = :owner_currency")
            .expression_attribute_values(":owner_currency", text(PayoutKey::partition(owner, currency)))
            .scan_index_forward(false)
            .limit(1)
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable("the payouts table", error))?;
        answer.items.unwrap_or_default().into_iter().next().map(|item| self.payout_of(item)).transpose()
    }

    async fn open_payout(&self, payout: &Payout) -> Result<Saved, Unavailable> {
        match self.0.put_if(payout, "attribute_not_exists(owner_currency)", &[]).await? {
            Put::Done => Ok(Saved::Done),
            // The SDK tries again by itself: what stands there may be this very payout, whose answer was lost.
            Put::Refused(Some(there)) if there == *payout => Ok(Saved::Done),
            Put::Refused(_) => Ok(Saved::Conflict),
        }
    }
}

impl LoadPayout for PayoutsTable {
    async fn payout(&self, key: &PayoutKey) -> Result<Option<Payout>, Unavailable> {
        let got = self
            .0
            .client
            .get_item()
            .table_name(&self.0.name)
            .set_key(Some(key_attributes(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable("the payouts table", error))?;
        got.item.map(|item| self.payout_of(item)).transpose()
    }
}

impl SavePayout for PayoutsTable {
    async fn save_payout(&self, payout: &Payout) -> Result<Saved, Unavailable> {
        let before = AttributeValue::N((payout.version - 1).to_string());
        match self.0.put_if(payout, "version = :before", &[(":before", before)]).await? {
            Put::Done => Ok(Saved::Done),
            Put::Refused(Some(there)) if there == *payout => Ok(Saved::Done),
            Put::Refused(_) => Ok(Saved::Conflict),
        }
    }
}

impl PayoutsToSend for PayoutsTable {
    async fn payouts_to_send(
        &self,
        mode: Mode,
        currency: Currency,
        limit: usize,
    ) -> Result<Vec<PayoutKey>, Unavailable> {
        let answer = self
            .0
            .client
            .query()
            .table_name(&self.0.name)
            .index_name(TO_SEND_INDEX)
            .key_condition_expression("to_send = :to_send")
            .expression_attribute_values(":to_send", text(sending_key(mode, currency)))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| unavailable("the index of payouts to send", error))?;
        answer.items.unwrap_or_default().into_iter().map(|item| self.key_of(item)).collect()
    }
}

impl FindPayout for PayoutsTable {
    async fn find_payout(&self, reference: &str) -> Result<Option<PayoutKey>, Unavailable> {
        let answer = self
            .0
            .client
            .query()
            .table_name(&self.0.name)
            .index_name(REFERENCE_INDEX)
            .key_condition_expression("#reference = :reference")
            .expression_attribute_names("#reference", "reference")
            .expression_attribute_values(":reference", text(reference))
            .limit(1)
            .send()
            .await
            .map_err(|error| unavailable("the index of payouts by reference", error))?;
        answer.items.unwrap_or_default().into_iter().next().map(|item| self.key_of(item)).transpose()
    }
}

impl ListPayouts for PayoutsTable {
    async fn payouts(
        &self,
        owner: &Owner,
        filter: &PayoutFilter,
        after: Option<&PayoutCursor>,
    ) -> Result<PayoutPage, Unavailable> {
        let mut page = PayoutPage { payouts: Vec::new(), next: None };
        let mut start = after.map(|cursor| {
            let mut start = key_attributes(&cursor.key(owner));
            start.insert("owner".to_owned(), text(owner.to_string()));
            start.insert("created_at".to_owned(), AttributeValue::N(cursor.created_at.as_millis().to_string()));
            start
        });
        for _ in 0..MAX_ROUNDS {
            let answer = self
                .0
                .client
                .query()
                .table_name(&self.0.name)
                .index_name(OWNER_INDEX)
                .key_condition_expression("#owner = :owner")
                .expression_attribute_names("#owner", "owner")
                .expression_attribute_values(":owner", text(owner.to_string()))
                .scan_index_forward(false)
                .limit(i32::try_from(filter.limit).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable("the index of an owner's payouts", error))?;
            start = answer.last_evaluated_key;
            let items = answer.items.unwrap_or_default();
            let count = items.len();
            for (index, item) in items.into_iter().enumerate() {
                let payout = self.payout_of(item)?;
                page.next = (start.is_some() || index + 1 < count).then(|| PayoutCursor::behind(&payout));
                if payout.owner == *owner && filter.takes(&payout) {
                    page.payouts.push(payout);
                }
                if page.payouts.len() == filter.limit {
                    return Ok(page);
                }
            }
            if start.is_none() {
                page.next = None;
                return Ok(page);
            }
        }
        Ok(page)
    }
}
