//! Posts payment events to the double-entry ledger: each event once, one write per balance and block.

mod chain;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use payments::event::Event;
use payments::failure::Unavailable;
use payments::ledger::block::MAX_BALANCES;
use payments::ledger::{Dead, JournalEntry, Position};
use payments::ports::{CommitBlock, DeadLetters, JournalEntries, LedgerBlocks};
use payments::posting::journal_entry;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::convert::Infallible;

/// Lambda's Kafka event: records by `topic-partition`.
#[derive(Deserialize)]
pub struct Request {
    /// Each partition's records, in order.
    pub records: BTreeMap<String, Vec<Record>>,
}

/// A Kafka record.
#[derive(Deserialize)]
pub struct Record {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: i64,
    /// The key, base64.
    #[serde(default)]
    pub key: Option<String>,
    /// The value, base64.
    #[serde(default)]
    pub value: Option<String>,
}

/// Where Lambda has to begin again, per partition.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// At most one entry per partition.
    pub batch_item_failures: Vec<Failure>,
}

/// A partition that was not posted.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// From where on.
    pub item_identifier: Identifier,
}

/// A place in the event: the partition is the key of `records`, the one form that Lambda knows.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Identifier {
    /// Such as `payment-events-0`.
    pub partition: String,
    /// The first offset to deliver again.
    pub offset: i64,
}

/// Posts partition by partition. One that fails is reported from its first record on; the others stand.
pub async fn handle(
    ledger: &(impl JournalEntries + LedgerBlocks + CommitBlock),
    dead_letters: &impl DeadLetters,
    request: Request,
) -> Result<Response, Infallible> {
    let mut failures = Vec::new();
    for (name, records) in &request.records {
        let Some(first) = records.first() else { continue };
        if let Err(failure) = post(ledger, dead_letters, first.partition, records).await {
            tracing::error!(target: "florin", partition = name, "{}", task::chain(&failure));
            let item_identifier = Identifier { partition: name.clone(), offset: first.offset };
            failures.push(Failure { item_identifier });
        }
    }
    Ok(Response { batch_item_failures: failures })
}

/// All of one partition's records, or none that matters: what was done before a failure is found done when it comes again.
async fn post(
    ledger: &(impl JournalEntries + LedgerBlocks + CommitBlock),
    dead_letters: &impl DeadLetters,
    partition: u32,
    records: &[Record],
) -> Result<(), Unavailable> {
    let mut entries = Vec::new();
    for record in records {
        let value = decode(record.value.as_deref());
        match entry(&value, Position { partition, offset: record.offset }) {
            Ok(entry) => entries.extend(entry),
            Err(reason) => {
                let position = Position { partition, offset: record.offset };
                let key = decode(record.key.as_deref());
                dead_letters.bury(&Dead { topic: record.topic.clone(), position, key, value, reason }).await?;
            }
        }
    }
    chain::post(ledger, partition, entries).await
}

fn entry(value: &[u8], position: Position) -> Result<Option<JournalEntry>, String> {
    let event = Event::read(value).map_err(|error| error.to_string())?;
    let entry = journal_entry(&event, position).map_err(|error| error.to_string())?;
    match entry {
        Some(entry) if entry.postings.len() > MAX_BALANCES => {
            Err(format!("{} postings: expected at most {MAX_BALANCES}, which fit one block", entry.postings.len()))
        }
        entry => Ok(entry),
    }
}

/// Lambda always sends base64; what is not decodes to nothing, and is buried as not JSON.
fn decode(text: Option<&str>) -> Vec<u8> {
    BASE64.decode(text.unwrap_or_default()).unwrap_or_default()
}
