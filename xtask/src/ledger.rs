//! `cargo xtask ledger`: the deployed ledger, read back. What is right is decided in `payments::ledger::audit`; this reads
//! the tables, prints, and mends balances on request.
//!
//! Every command reads the whole journal: for months of it, export the tables to S3 and run the same code there.

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use payments::ledger::Account;
use payments::ledger::audit::{Finding, Journal, Shards, Total, compare, trial_balance};
use payments::ledger::block::{Block, PlacedEntry};
use payments::timestamp::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::progress;
use crate::stack::Stack;
use crate::tables::Tables;

/// How often the tables are read again because a block was committed meanwhile.
const READS: usize = 5;

/// What to look at.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Walk every chain: hashes, numbers, entries, and the balances that follow; exit code 1 unless all is right
    Verify,
    /// Every account's balance; exit code 1 unless they sum to zero in each currency
    TrialBalance,
    /// An account's lines, each with the balance after it
    Statement {
        /// Such as test:merchant:mer_a:payable or live:own:bank
        account: String,
        /// Only what happened from this moment on (RFC 3339)
        #[arg(long)]
        from: Option<String>,
        /// Only what happened before this moment (RFC 3339)
        #[arg(long)]
        until: Option<String>,
    },
    /// An account's balance as it was
    Balance {
        /// Such as test:merchant:mer_a:payable or live:own:bank
        account: String,
        /// At this moment (RFC 3339)
        #[arg(long)]
        at: String,
    },
    /// Work out all balances from the journal and compare them; exit code 1 if one is wrong and stays so
    Rebuild {
        /// Mend the ones that are wrong
        #[arg(long)]
        write: bool,
    },
}

/// One shard of a balance, as it is stored.
#[derive(Deserialize)]
struct StoredBalance {
    account: String,
    shard: String,
    minor: i64,
    postings: u64,
}

/// Answers whether the exit code is zero.
pub async fn ledger(stack: &Stack, command: &LedgerCommand) -> Result<bool> {
    match command {
        LedgerCommand::Verify => {
            let (journal, stored) = read(stack).await?;
            let mut found = journal.verify();
            found.extend(trial_balance(&stored).1);
            found.extend(compare(&stored, &journal.rebuild()));
            let entries = journal.committed().count();
            Ok(conclude(&found, &format!("{} blocks, {entries} entries, {} balances", journal.blocks(), stored.len())))
        }
        LedgerCommand::TrialBalance => {
            let (_, stored) = read(stack).await?;
            let (accounts, found) = trial_balance(&stored);
            for ((currency, account), minor) in &accounts {
                progress::answer(&format!("{currency} {minor:>16} {account}"));
            }
            Ok(conclude(&found, &format!("{} accounts and currencies", accounts.len())))
        }
        LedgerCommand::Statement { account, from, until } => {
            let account: Account = account.parse()?;
            let (from, until) = (moment(from.as_deref())?, moment(until.as_deref())?);
            let (journal, _) = read(stack).await?;
            for line in journal.statement(&account, from, until) {
                progress::answer(&serde_json::to_string(&line)?);
            }
            Ok(true)
        }
        LedgerCommand::Balance { account, at } => {
            let account: Account = account.parse()?;
            let at = moment(Some(at))?.context("a moment is needed")?;
            let (journal, _) = read(stack).await?;
            for (currency, minor) in journal.balance_at(&account, at) {
                progress::answer(&json!({ "currency": currency, "minor": minor }).to_string());
            }
            Ok(true)
        }
        LedgerCommand::Rebuild { write } => rebuild(stack, *write).await,
    }
}

fn moment(text: Option<&str>) -> Result<Option<Timestamp>> {
    let parse =
        |text| Timestamp::parse_rfc3339(text).with_context(|| format!("{text}: expected such as 2026-11-23T12:00:00Z"));
    text.map(parse).transpose()
}

/// Journal and balances as of one block.
pub async fn read(stack: &Stack) -> Result<(Journal, Shards)> {
    let tables = Tables::new(stack);
    for _ in 0..READS {
        let blocks: Vec<Block> = tables.scan("ledger-blocks", "hash").await?;
        let stored: Vec<StoredBalance> = tables.scan("balances", "postings").await?;
        let entries: Vec<PlacedEntry> = tables.scan("journal", "postings").await?;
        let after: Vec<Block> = tables.scan("ledger-blocks", "hash").await?;
        if blocks.len() == after.len() {
            let stored = stored.into_iter().map(|balance| {
                let total = Total { minor: balance.minor.into(), postings: balance.postings };
                ((balance.account, balance.shard), total)
            });
            return Ok((Journal::new(blocks, entries), stored.collect()));
        }
    }
    bail!("the ledger was written to during each of {READS} readings: wait until it rests, and ask again")
}

fn conclude(found: &[Finding], read: &str) -> bool {
    found.iter().for_each(|finding| progress::answer(&finding.to_string()));
    progress::note(&format!("{read}: {} findings", found.len()));
    found.is_empty()
}

async fn rebuild(stack: &Stack, write: bool) -> Result<bool> {
    let (journal, stored) = read(stack).await?;
    let broken = journal.verify();
    if !broken.is_empty() {
        conclude(&broken, "the journal itself is not sound, so nothing follows from it");
        return Ok(false);
    }
    let rebuilt = journal.rebuild();
    let wrong = compare(&stored, &rebuilt);
    let sound = conclude(&wrong, &format!("{} balances rebuilt", rebuilt.len()));
    if sound || !write {
        return Ok(sound);
    }
    let tables = Tables::new(stack);
    for finding in &wrong {
        let Finding::WrongBalance { account, shard, is, should } = finding else { continue };
        let there = stored.contains_key(&(account.clone(), shard.clone()));
        mend(&tables, (account, shard), there.then_some(*is), *should).await?;
    }
    progress::note(&format!("{} balances mended", wrong.len()));
    Ok(true)
}

/// Writes the balance on condition that it is still as it was read: post-ledger may be at work.
async fn mend(tables: &Tables<'_>, (account, shard): (&str, &str), is: Option<Total>, should: Total) -> Result<()> {
    let parts: Vec<&str> = shard.split('#').collect();
    let mut item = Map::from_iter([
        ("account".to_owned(), Value::from(account)),
        ("shard".to_owned(), Value::from(shard)),
        ("currency".to_owned(), Value::from(parts[0])),
        ("minor".to_owned(), Value::from(i64::try_from(should.minor)?)),
        ("postings".to_owned(), Value::from(should.postings)),
    ]);
    if let [_, due, _] = parts[..] {
        item.insert("due".to_owned(), Value::from(due));
    }
    let (condition, values) = match is {
        None => ("attribute_not_exists(account)", Map::new()),
        Some(is) => {
            let minor = Value::from(i64::try_from(is.minor)?);
            let values = [(":minor".to_owned(), minor), (":postings".to_owned(), Value::from(is.postings))];
            ("minor = :minor AND postings = :postings", Map::from_iter(values))
        }
    };
    let written = tables.put_if("balances", &item, condition, &values).await;
    written.with_context(|| format!("{account} {shard} has changed meanwhile, or cannot be written"))
}
