//! `demo`: a day of three shops against the local stack, and an audit of what it left in the tables.
//!
//! It goes in by the front door, as merchants do, with keys that it makes as an operator does. The rules of payments
//! are the app's: the audit only sums what is stored and compares.

pub(crate) mod books;
pub(crate) mod client;
mod input;
pub(crate) mod layout;
mod ledger;
pub(crate) mod merchants;
mod pass;
mod report;
pub(crate) mod sending;
mod tokens;
mod verify;
#[cfg(test)]
mod verify_tests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::sync::Mutex;

use self::books::{Books, Movement};
use self::client::{Client, Outcome};
use self::input::Line;
use self::pass::{Pass, Shop};
use self::report::answered;
use self::tokens::Tokens;
use self::verify::Told;
use crate::progress::{answer, note, step};
use crate::stack::Stack;
use crate::state::{Server, State};
use crate::tables::Tables;
use crate::workspace::Workspace;
use crate::{down, up};

/// How long the consumers of events may take to finish after the last payment.
const CATCH_UP_BOUND: Duration = Duration::from_secs(180);
/// How often the tables are looked at meanwhile.
const CATCH_UP_INTERVAL: Duration = Duration::from_millis(500);

/// What the user may choose.
#[derive(Clone, Debug)]
pub struct Options {
    /// Leave a stack up that was down.
    pub keep: bool,
    /// The payments; the repository's own file if absent.
    pub file: Option<PathBuf>,
    /// Send the whole file a second time: every answer must be the first one, told again.
    pub replay: bool,
    /// Payments at a time.
    pub concurrency: usize,
}

/// Runs the demo; answers whether everything agrees.
pub async fn demo(workspace: &Workspace, options: &Options) -> Result<bool> {
    let state = State::load(workspace).unwrap_or_default();
    let was_down = !state.is_up(Server::Ministack);
    let takes_down = was_down && !options.keep;
    let agrees = match start(workspace, &state).await {
        Ok(stack) => run(&stack, options, takes_down).await,
        Err(error) => Err(error),
    };
    if takes_down {
        // The demo's own error says more than one of taking down what it left.
        let stopped = down::down(workspace).await;
        return agrees.and_then(|agrees| stopped.map(|()| agrees));
    }
    agrees
}

/// The stack that runs, or one that is started.
pub(crate) async fn start(workspace: &Workspace, state: &State) -> Result<Stack> {
    let runs = Server::ALL.into_iter().all(|server| state.is_up(server));
    if runs && state.stack_name.is_some() {
        return Stack::open(workspace).await;
    }
    let options = up::Options { workflow_type: "EXPRESS".to_owned(), skip_build: false, deliver_twice: false };
    up::up(workspace, &options).await
}

async fn run(stack: &Stack, options: &Options, takes_down: bool) -> Result<bool> {
    let events = stack.workspace.root().join("events");
    let file = options.file.clone();
    let file = file.unwrap_or_else(|| events.join("payments").join("demo.jsonl"));
    let shop = Arc::new(open_shop(stack, &events.join("merchants.json"), &file, options.concurrency).await?);

    let mut disagreements = Vec::new();
    let mut passes = vec![make_payments(&shop, options.concurrency).await?];
    if options.replay {
        note("the same again, with the same keys");
        passes.push(make_payments(&shop, options.concurrency).await?);
    }
    let mut told = Vec::new();
    if let [first, later @ ..] = passes.as_slice() {
        told = tell(&shop.lines, first, &mut disagreements);
        for pass in later {
            compare_passes(&shop.lines, first, pass, &mut disagreements);
        }
    }

    let tables = Tables::new(stack);
    let books = catch_up(&tables).await?;
    disagreements.extend(verify::verify(&told, &books));
    report::print(&passes, &books);
    conclude(&disagreements, told.len(), &books);
    say_next(stack, told.first(), takes_down)?;
    Ok(disagreements.is_empty())
}

async fn open_shop(stack: &Stack, merchants: &Path, file: &Path, concurrency: usize) -> Result<Shop> {
    let lines = input::read(file)?;
    let making = step("making the merchants and their keys");
    let keys = merchants::make(stack, merchants).await?;
    making.done(format!("{} merchants", keys.len()));
    if let Some(line) = lines.iter().find(|line| !keys.contains_key(&line.merchant)) {
        bail!("{}: there is no such merchant in merchants.json", line.name());
    }
    Ok(Shop { lines, client: Client::new(stack.api_url()?, keys, concurrency)?, tokens: Mutex::new(Tokens::of(stack)) })
}

async fn make_payments(shop: &Arc<Shop>, concurrency: usize) -> Result<Pass> {
    let paying = step(format!("making {} payments", shop.lines.len()));
    let pass = pass::run(shop, concurrency).await?;
    let made = pass.outcomes.iter().filter_map(answered).count();
    paying.done(format!("{made} payments made"));
    Ok(pass)
}

/// What merchants were told; a line without a payment is a disagreement.
fn tell(lines: &[Line], pass: &Pass, disagreements: &mut Vec<String>) -> Vec<Told> {
    let mut told = Vec::new();
    for (line, outcome) in lines.iter().zip(&pass.outcomes) {
        match outcome {
            Outcome::Answered(answered) => {
                let stopped = answered.stopped.iter();
                disagreements.extend(stopped.map(|stopped| format!("{}: {stopped}", line.name())));
                told.push(Told {
                    line: line.name(),
                    payment_id: answered.id.clone(),
                    status: answered.last_status().to_owned(),
                    captured: answered.last_captured(),
                    refunded: answered.refunded(),
                    merchant: line.merchant.clone(),
                    amount: line.amount,
                    currency: line.currency.clone(),
                });
            }
            outcome @ (Outcome::Refused(_) | Outcome::Unanswered(_)) => {
                disagreements.push(format!("{}: {outcome}", line.name()));
            }
        }
    }
    told
}

/// A repeated request must be answered with the first answer, byte by byte, and say so.
fn compare_passes(lines: &[Line], first: &Pass, again: &Pass, disagreements: &mut Vec<String>) {
    let outcomes = first.outcomes.iter().zip(&again.outcomes);
    for (line, (first, again)) in lines.iter().zip(outcomes) {
        let name = line.name();
        let (Some(before), Some(now)) = (answered(first), answered(again)) else {
            disagreements.push(format!("{name}: made {first}, sent again {again}"));
            continue;
        };
        if before.text != now.text {
            disagreements.push(format!("{name}: made {}, sent again {}", before.text, now.text));
        }
        if !now.replayed {
            disagreements.push(format!("{name}: sent again, not Idempotent-Replayed"));
        }
        if before.then.len() != now.then.len() {
            let (before, now) = (before.then.len(), now.then.len());
            disagreements.push(format!("{name}: {before} operations, {now} when sent again"));
        }
        for (before, now) in before.then.iter().zip(&now.then) {
            let kind = before.kind;
            if before.text != now.text {
                disagreements.push(format!("{name}: {kind} made {}, sent again {}", before.text, now.text));
            }
            if !now.replayed {
                disagreements.push(format!("{name}: {kind} sent again, not Idempotent-Replayed"));
            }
        }
    }
}

/// Waits until each movement of money is in the journal, the balances and the fee lines, or the bound is over: what is
/// missing then, the audit will name.
async fn catch_up(tables: &Tables<'_>) -> Result<Books> {
    let waiting = step("waiting for the ledger and the fees to catch up");
    let deadline = Instant::now() + CATCH_UP_BOUND;
    loop {
        let books = Books::read(tables).await?;
        let missing = missing(&books);
        if missing == 0 {
            waiting.done("they have");
            return Ok(books);
        }
        if Instant::now() >= deadline {
            note(format!("{missing} records are still missing"));
            return Ok(books);
        }
        tokio::time::sleep(CATCH_UP_INTERVAL).await;
    }
}

fn missing(books: &Books) -> usize {
    let entries = books.entries.iter().map(|entry| entry.event_id.as_str());
    let entries: BTreeSet<&str> = entries.collect();
    let lines = books.fee_lines.iter().map(|line| line.line_id.as_str());
    let lines: BTreeSet<&str> = lines.collect();
    let not_in = |movement: &Movement<'_>| {
        let (event, is_billed) = (movement.event.as_str(), ledger::is_billed(movement));
        usize::from(!entries.contains(event)) + usize::from(is_billed && !lines.contains(event))
    };
    let absent: usize = books.movements().map(|movement| not_in(&movement)).sum();
    absent + usize::from(ledger::postings_behind(books) != 0)
}

fn conclude(disagreements: &[String], told: usize, books: &Books) {
    let payments = books.payments.len();
    if disagreements.is_empty() {
        answer(format!(
            "audit: {told} payments of the file, {payments} in the table, {} entries and {} holds: all agree",
            books.entries.len(),
            books.holds.len(),
        ));
        return;
    }
    answer(format!("audit: {} disagreements", disagreements.len()));
    for disagreement in disagreements {
        answer(format!("  {disagreement}"));
    }
}

/// Where to look next, if the stack stays.
fn say_next(stack: &Stack, told: Option<&Told>, takes_down: bool) -> Result<()> {
    answer("");
    if takes_down {
        answer("next: cargo xtask demo --keep leaves the stack up to be looked at");
        return Ok(());
    }
    answer("next:");
    answer("  cargo xtask status");
    answer("  cargo xtask logs authorize");
    answer("  cargo xtask demo --replay");
    if let Some(told) = told {
        let url = stack.api_url()?.trim_end_matches('/');
        let key = format!("$(jq -r .{} .florin/keys.json)", told.merchant);
        let path = format!("{url}/v1/payments/{}", told.payment_id);
        answer(format!("  curl -H \"Authorization: Bearer {key}\" {path}"));
    }
    Ok(())
}
