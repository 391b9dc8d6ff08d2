//! Reconciled days and exceptions: one table, by book. `day#<day>` is a day's record, `exc_...` an exception; our own book
//! has exceptions only.

use crate::config::StartError;
use crate::table::{Put, Table, unavailable};
use aws_sdk_dynamodb::types::AttributeValue;
use payments::failure::Unavailable;
use payments::ports::{Exceptions, Reconciliations, Saved};
use payments::reconcile::{Book, Day, DayRecord, DayState, Exception, ExceptionId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Pages of one book's exceptions.
const MAX_PAGES: usize = 200;
/// How many of the latest days are looked at for one that is reconciled: days after a refused one do not exist.
const LATEST: i32 = 3;

/// Reconciliations in DynamoDB.
#[derive(Clone, Debug)]
pub struct ReconciliationsTable(Table);

/// An item as stored.
#[derive(Serialize, Deserialize)]
struct Item<T> {
    book: String,
    item: String,
    #[serde(flatten)]
    value: T,
}

impl ReconciliationsTable {
    /// From `RECONCILIATIONS_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("RECONCILIATIONS_TABLE", "the reconciliations").await?))
    }

    async fn read<T: DeserializeOwned>(&self, book: &Book, item: &str) -> Result<Option<T>, Unavailable> {
        let got = self
            .0
            .client
            .get_item()
            .table_name(&self.0.name)
            .key("book", AttributeValue::S(book.to_string()))
            .key("item", AttributeValue::S(item.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable("the reconciliations", error))?;
        got.item.map(|item| self.0.read(item)).transpose()
    }
}

fn day_item(day: Day) -> String {
    format!("day#{day}")
}

impl Reconciliations for ReconciliationsTable {
    async fn day(&self, book: &Book, day: Day) -> Result<Option<DayRecord>, Unavailable> {
        self.read(book, &day_item(day)).await
    }

    async fn latest_day(&self, book: &Book) -> Result<Option<Day>, Unavailable> {
        let answer = self
            .0
            .client
            .query()
            .table_name(&self.0.name)
            .key_condition_expression("book = :book AND begins_with(#item, :day)")
            .expression_attribute_names("#item", "item")
            .expression_attribute_values(":book", AttributeValue::S(book.to_string()))
            .expression_attribute_values(":day", AttributeValue::S("day#".to_owned()))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(LATEST)
            .send()
            .await
            .map_err(|error| unavailable("the reconciliations", error))?;
        for item in answer.items.unwrap_or_default() {
            let record: DayRecord = self.0.read(item)?;
            if record.state == DayState::Reconciled {
                return Ok(Some(record.day));
            }
        }
        Ok(None)
    }

    async fn save_day(&self, record: &DayRecord) -> Result<(), Unavailable> {
        self.0.put(&Item { book: record.book.to_string(), item: day_item(record.day), value: record }).await
    }

    async fn exceptions(&self, book: &Book) -> Result<Vec<Exception>, Unavailable> {
        let mut exceptions = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let page = self
                .0
                .client
                .query()
                .table_name(&self.0.name)
                .key_condition_expression("book = :book AND begins_with(#item, :exception)")
                .expression_attribute_names("#item", "item")
                .expression_attribute_values(":book", AttributeValue::S(book.to_string()))
                .expression_attribute_values(":exception", AttributeValue::S("exc_".to_owned()))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable("the reconciliations", error))?;
            for item in page.items() {
                exceptions.push(self.0.read(item.clone())?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(exceptions);
            }
        }
        Err(Unavailable::new("the reconciliations", format!("more than {MAX_PAGES} pages of exceptions")))
    }
}

impl Exceptions for ReconciliationsTable {
    async fn exception(&self, book: &Book, id: &ExceptionId) -> Result<Option<Exception>, Unavailable> {
        self.read(book, id.as_str()).await
    }

    async fn save_exception(&self, exception: &Exception) -> Result<Saved, Unavailable> {
        let item =
            Item { book: exception.book().to_string(), item: exception.id.to_string(), value: exception.clone() };
        let before = AttributeValue::N((exception.revision - 1).to_string());
        let put = if exception.revision == 1 {
            self.0.put_if(&item, "attribute_not_exists(book)", &[]).await?
        } else {
            self.0.put_if(&item, "revision = :before", &[(":before", before)]).await?
        };
        match put {
            Put::Done => Ok(Saved::Done),
            // The SDK tries again by itself: what stands there may be this very revision, whose answer was lost.
            Put::Refused(Some(there)) if there.value == *exception => Ok(Saved::Done),
            Put::Refused(_) => Ok(Saved::Conflict),
        }
    }
}
