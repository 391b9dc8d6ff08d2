//! Lists of payments: keys from an index, in the order of their opening, then the payments themselves as they are now.

use crate::payments_table::{PaymentsTable, readable};
use crate::table::{Table, unavailable};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use payments::failure::Unavailable;
use payments::id::{Owner, PaymentId};
use payments::listing::{Cursor, ListFilter};
use payments::payment::Payment;
use payments::ports::{ListPayments, Page};
use payments::timestamp::Timestamp;
use std::collections::HashMap;

/// The index of an owner's payments by time.
const OWNER_INDEX: &str = "by_owner";
/// The index of an owner's payments of one reference by time.
const REFERENCE_INDEX: &str = "by_reference";
/// How many pages of keys one list looks at: a filter that few payments pass gets a short page and a cursor.
const MAX_ROUNDS: usize = 5;
/// How often keys are asked for again that DynamoDB left over.
const MAX_FETCHES: usize = 5;

type Item = HashMap<String, AttributeValue>;

/// An index and the partition of it that holds what is wanted.
struct Partition {
    index: &'static str,
    attribute: &'static str,
    value: String,
}

impl ListPayments for PaymentsTable {
    async fn list(&self, owner: &Owner, filter: &ListFilter, after: Option<&Cursor>) -> Result<Page, Unavailable> {
        let partition = match &filter.reference {
            Some(reference) => Partition {
                index: REFERENCE_INDEX,
                attribute: "reference_key",
                value: payments::payment::reference_key(owner, reference),
            },
            None => Partition { index: OWNER_INDEX, attribute: "owner", value: owner.to_string() },
        };
        let mut page = Page { payments: Vec::new(), next: after.cloned() };
        for _ in 0..MAX_ROUNDS {
            let keys = keys(&self.0, &partition, filter, page.next.as_ref()).await?;
            let mut payments = fetch(&self.0, &keys).await?;
            page.next = keys.last().cloned().filter(|_| keys.len() == filter.limit);
            for key in &keys {
                let Some(payment) = payments.remove(&key.payment_id) else { continue };
                if payment.owner != *owner || !filter.takes(&payment) {
                    continue;
                }
                page.payments.push(payment);
                if page.payments.len() == filter.limit {
                    let more = page.next.is_some() || keys.last() != Some(key);
                    page.next = more.then(|| key.clone());
                    return Ok(page);
                }
            }
            if page.next.is_none() {
                break;
            }
        }
        Ok(page)
    }
}

/// The next keys of the index, the newest first.
async fn keys(
    table: &Table,
    partition: &Partition,
    filter: &ListFilter,
    after: Option<&Cursor>,
) -> Result<Vec<Cursor>, Unavailable> {
    let from = filter.created_from.map_or(0, Timestamp::as_millis);
    let to = filter.created_before.map_or(i64::MAX, |before| before.as_millis().saturating_sub(1));
    // A place outside of the range may not be named: what comes after it is nothing, or the whole range.
    if from > to || after.is_some_and(|cursor| cursor.created_at.as_millis() < from) {
        return Ok(Vec::new());
    }
    let start = after.filter(|cursor| cursor.created_at.as_millis() <= to).map(|cursor| {
        Item::from([
            (partition.attribute.to_owned(), AttributeValue::S(partition.value.clone())),
            ("created_at".to_owned(), number(cursor.created_at.as_millis())),
            ("payment_id".to_owned(), AttributeValue::S(cursor.payment_id.to_string())),
        ])
    });
    let answer = table
        .client
        .query()
        .table_name(&table.name)
        .index_name(partition.index)
        .key_condition_expression("#partition = :partition AND created_at BETWEEN :from AND :to")
        .expression_attribute_names("#partition", partition.attribute)
        .expression_attribute_values(":partition", AttributeValue::S(partition.value.clone()))
        .expression_attribute_values(":from", number(from))
        .expression_attribute_values(":to", number(to))
        .set_exclusive_start_key(start)
        .scan_index_forward(false)
        .limit(i32::try_from(filter.limit).unwrap_or(i32::MAX))
        .send()
        .await
        .map_err(|error| unavailable("the index of payments", error))?;
    Ok(answer.items().iter().filter_map(cursor).collect())
}

fn cursor(item: &Item) -> Option<Cursor> {
    let created_at = Timestamp::from_millis(item.get("created_at")?.as_n().ok()?.parse().ok()?);
    Some(Cursor { created_at, payment_id: item.get("payment_id")?.as_s().ok()?.parse().ok()? })
}

/// The payments of those keys, at most a hundred (DynamoDB quota for one call).
async fn fetch(table: &Table, keys: &[Cursor]) -> Result<HashMap<PaymentId, Payment>, Unavailable> {
    let key =
        |cursor: &Cursor| Item::from([("payment_id".to_owned(), AttributeValue::S(cursor.payment_id.to_string()))]);
    let mut missing: Vec<Item> = keys.iter().map(key).collect();
    let mut found = HashMap::new();
    for _ in 0..MAX_FETCHES {
        if missing.is_empty() {
            return Ok(found);
        }
        let wanted = KeysAndAttributes::builder().set_keys(Some(missing)).consistent_read(true).build();
        let wanted = wanted.map_err(|error| Unavailable::new("the payments table", error))?;
        let call = table.client.batch_get_item().request_items(&table.name, wanted);
        let answer = call.send().await.map_err(|error| unavailable("the payments table", error))?;
        for item in answer.responses().and_then(|tables| tables.get(&table.name)).into_iter().flatten() {
            let payment = readable(table.read(item.clone())?)?;
            found.insert(payment.payment_id.clone(), payment);
        }
        let left = answer.unprocessed_keys.unwrap_or_default().remove(&table.name);
        missing = left.map(|left| left.keys).unwrap_or_default();
    }
    Err(Unavailable::new("the payments table", format!("keys were left over {MAX_FETCHES} times")))
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
