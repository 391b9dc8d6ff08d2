//! What is known afterwards, from outside: what the API shows, what the acquirer's own account says, what is on the topic. It
//! reads no table of the payments, the ledger or the bills.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;

use super::client::{Client, Told};
use crate::demo::books::Hold;
use crate::stack::Stack;
use crate::tables::Tables;
use crate::topics::{self, Record};

/// Questions to the API at a time.
const AT_ONCE: usize = 8;
/// The topic on which every version is told.
const TOPIC: &str = "payment-events";

/// All that is held against one another.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What clients were told.
    pub told: Vec<Told>,
    /// What the API shows of the shop's payments.
    pub shown: Vec<Shown>,
    /// The events that the API shows, by payment.
    pub history: BTreeMap<String, Vec<String>>,
    /// What the acquirer did for these payments.
    pub holds: Vec<Hold>,
    /// The records of the topic that are about these payments, in the order of their partitions.
    pub records: Vec<Record>,
    /// The balances that the API shows, by currency.
    pub balances: BTreeMap<String, i128>,
}

/// A payment as the API shows it.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the answer's of its name")]
pub struct Shown {
    pub id: String,
    pub status: String,
    pub amount: u64,
    pub currency: String,
    pub amount_captured: u64,
    pub amount_capturable: u64,
    pub amount_refunded: u64,
    #[serde(default)]
    pub captures: Vec<Operation>,
    #[serde(default)]
    pub refunds: Vec<Operation>,
}

/// A capture or a refund as the API shows it.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the answer's of its name")]
pub struct Operation {
    pub id: String,
    pub status: String,
    #[serde(default)]
    pub amount: u64,
    #[serde(default)]
    pub settlement: Option<Settlement>,
    #[serde(default)]
    pub deduction: Option<Deduction>,
}

/// What the merchant is owed for a capture.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the answer's of its name")]
pub struct Settlement {
    pub net: u64,
}

/// What a refund takes away besides its amount.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the answer's of its name")]
pub struct Deduction {
    pub fee: u64,
}

impl Shown {
    /// Whether nothing of it is under way.
    pub fn is_at_rest(&self) -> bool {
        let operations = self.captures.iter().chain(&self.refunds);
        self.status != "processing" && operations.into_iter().all(|operation| operation.status != "processing")
    }
}

/// The shop's payments, as the API lists them.
pub async fn payments(client: &Client) -> Result<Vec<Shown>> {
    let (mut shown, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/v1/payments?limit=100{cursor}")).await?;
        let data: Vec<Shown> = serde_json::from_value(page["data"].clone()).context("a page of payments")?;
        shown.extend(data);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(shown),
        }
    }
}

/// The shop's balances, by currency.
pub async fn balances(client: &Client) -> Result<BTreeMap<String, i128>> {
    let answer = client.get("/v1/balances").await?;
    let lines = answer["data"].as_array().context("balances")?.iter();
    let lines = lines.map(|line| {
        let currency = line["currency"].as_str().context("a balance without a currency")?;
        Ok((currency.to_owned(), i128::from(line["amount"].as_i64().context("a balance without an amount")?)))
    });
    lines.collect()
}

/// Reads everything.
pub async fn read(stack: &Stack, client: &Client, told: Vec<Told>) -> Result<Evidence> {
    let shown = payments(client).await?;
    let history = stream::iter(shown.iter().map(|payment| payment.id.clone()));
    let history = history.map(|id| async move {
        let answer = client.get(&format!("/v1/payments/{id}/events")).await?;
        let events = answer["data"].as_array().context("a payment's events")?.iter();
        let ids: Vec<String> = events.filter_map(|event| event["id"].as_str().map(str::to_owned)).collect();
        Ok::<_, anyhow::Error>((id, ids))
    });
    let history: BTreeMap<String, Vec<String>> = history.buffer_unordered(AT_ONCE).try_collect().await?;
    let is_ours = |id: &str| history.contains_key(id) || told.iter().any(|told| told.id == id);
    let mut holds: Vec<Hold> = Tables::new(stack).scan("acquirer", "hold_key").await?;
    holds.retain(|hold| is_ours(hold.payment_id()));
    let mut records = topics::read(&stack.kafka()?, TOPIC).await?;
    records.retain(|record| is_ours(&record.key));
    Ok(Evidence { balances: balances(client).await?, told, shown, holds, records, history })
}
