//! The invoices table: an owner's invoices by id, which is in the order of the months, and its last number beside them.

use crate::config::StartError;
use crate::table::{Table, unavailable};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use payments::currency::Currency;
use payments::failure::Unavailable;
use payments::id::{InvoiceId, Owner};
use payments::invoice::Invoice;
use payments::month::Month;
use payments::ports::{IssueInvoice, ListInvoices, LoadInvoice, Saved, Volumes};
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// The id of the item that keeps the owner's last number: before every invoice's.
const COUNTER: &str = "counter";
/// How old a volume may be.
const MAX_AGE: Duration = Duration::from_secs(60);
/// How many volumes a process remembers; beyond that it starts anew.
const MAX_REMEMBERED: usize = 1000;

type Volume = Option<BTreeMap<Currency, u64>>;

/// Invoices in DynamoDB.
#[derive(Debug)]
pub struct InvoicesTable {
    table: Table,
    volumes: RefCell<BTreeMap<InvoiceId, (Instant, Volume)>>,
}

/// The owner's last number.
#[derive(Deserialize)]
struct Counter {
    sequence: u32,
}

impl InvoicesTable {
    /// From `INVOICES_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        let table = Table::from_env("INVOICES_TABLE", "the invoices table").await?;
        Ok(Self { table, volumes: RefCell::default() })
    }
}

fn key(owner: &Owner, id: &str) -> HashMap<String, AttributeValue> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    HashMap::from([("owner".to_owned(), text(&owner.to_string())), ("invoice_id".to_owned(), text(id))])
}

impl LoadInvoice for InvoicesTable {
    async fn invoice(&self, owner: &Owner, invoice_id: &InvoiceId) -> Result<Option<Invoice>, Unavailable> {
        self.table.get_by(key(owner, invoice_id.as_str())).await
    }
}

impl ListInvoices for InvoicesTable {
    async fn invoices(
        &self,
        owner: &Owner,
        after: Option<&InvoiceId>,
        limit: usize,
    ) -> Result<Vec<Invoice>, Unavailable> {
        let after = after.map(InvoiceId::as_str);
        self.table.latest_from("inv_", ("owner", &owner.to_string()), ("invoice_id", after), limit).await
    }
}

impl IssueInvoice for InvoicesTable {
    async fn last_sequence(&self, owner: &Owner) -> Result<u32, Unavailable> {
        let counter: Option<Counter> = self.table.get_by(key(owner, COUNTER)).await?;
        Ok(counter.map_or(0, |counter| counter.sequence))
    }

    async fn issue(&self, invoice: &Invoice) -> Result<Saved, Unavailable> {
        let built = |error| Unavailable::new("the invoices table", error);
        let number = |number: u32| AttributeValue::N(number.to_string());
        let put = Put::builder()
            .table_name(&self.table.name)
            .set_item(Some(self.table.write(invoice)?))
            .condition_expression("attribute_not_exists(invoice_id)")
            .build()
            .map_err(built)?;
        // The first number has no item before it.
        let condition = if invoice.sequence == 1 { "attribute_not_exists(#number)" } else { "#number = :before" };
        let mut count = Update::builder()
            .table_name(&self.table.name)
            .set_key(Some(key(&invoice.owner, COUNTER)))
            .update_expression("SET #number = :number")
            .condition_expression(condition)
            .expression_attribute_names("#number", "sequence")
            .expression_attribute_values(":number", number(invoice.sequence));
        if invoice.sequence > 1 {
            count = count.expression_attribute_values(":before", number(invoice.sequence - 1));
        }
        let count = count.build().map_err(built)?;
        let actions =
            vec![TransactWriteItem::builder().put(put).build(), TransactWriteItem::builder().update(count).build()];
        let sent = self.table.client.transact_write_items().set_transact_items(Some(actions)).send().await;
        let Err(error) = sent else { return Ok(Saved::Done) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(_)) => Ok(Saved::Conflict),
            _ => Err(unavailable("the invoices table", error)),
        }
    }
}

impl Volumes for InvoicesTable {
    async fn volume(&self, owner: &Owner, month: Month) -> Result<Volume, Unavailable> {
        let id = InvoiceId::derive(owner, month);
        if let Some((read_at, volume)) = self.volumes.borrow().get(&id)
            && read_at.elapsed() < MAX_AGE
        {
            return Ok(volume.clone());
        }
        let volume = self.invoice(owner, &id).await?.map(|invoice| invoice.volume());
        let mut volumes = self.volumes.borrow_mut();
        if volumes.len() >= MAX_REMEMBERED {
            volumes.clear();
        }
        volumes.insert(id, (Instant::now(), volume.clone()));
        Ok(volume)
    }
}
