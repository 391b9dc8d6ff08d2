//! Posts payment events to the double-entry ledger: each event once, one write per balance and block.

mod chain;

use payments::event::Event;
use payments::failure::Unavailable;
use payments::ledger::block::MAX_BALANCES;
use payments::ledger::{JournalEntry, Position};
use payments::ports::{CommitBlock, DeadLetters, JournalEntries, LedgerBlocks};
use payments::posting::journal_entry;
use std::convert::Infallible;
use task::kafka::{KafkaAnswer, KafkaRecord, KafkaRequest};

/// Posts partition by partition. One that fails is reported from its first record on; the others stand.
pub async fn handle(
    ledger: &(impl JournalEntries + LedgerBlocks + CommitBlock),
    dead_letters: &impl DeadLetters,
    request: KafkaRequest,
) -> Result<KafkaAnswer, Infallible> {
    let mut failures = Vec::new();
    for (name, records) in &request.records {
        let Some(first) = records.first() else { continue };
        if let Err(failure) = post(ledger, dead_letters, first.partition, records).await {
            tracing::error!(target: "florin", partition = name, "{}", task::chain(&failure));
            failures.push((name.clone(), first.offset));
        }
    }
    Ok(KafkaAnswer::again_from(failures))
}

/// All of one partition's records, or none that matters: what was done before a failure is found done when it comes again.
async fn post(
    ledger: &(impl JournalEntries + LedgerBlocks + CommitBlock),
    dead_letters: &impl DeadLetters,
    partition: u32,
    records: &[KafkaRecord],
) -> Result<(), Unavailable> {
    let mut entries = Vec::new();
    for record in records {
        match entry(&record.value(), Position { partition, offset: record.offset }) {
            Ok(entry) => entries.extend(entry),
            Err(reason) => dead_letters.bury(&record.dead(reason)).await?,
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
