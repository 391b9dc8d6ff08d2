//! One pass over the file: several payments at a time, a progress bar on stderr, plain lines if that is no terminal.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::client::{Client, Outcome};
use super::input::Line;
use super::tokens::Tokens;
use crate::progress::note;

/// Lines in hand for each payment that is made at a time: meanwhile, others are tokenised, captured or refunded.
const LINES_PER_PAYMENT: usize = 2;
/// Without a terminal, a line is written after so many payments.
const PLAIN_STEP: usize = 40;

/// What a pass needs; shared by its workers.
pub struct Shop {
    /// The payments to make.
    pub lines: Vec<Line>,
    /// Who makes them.
    pub client: Client,
    /// The tokens that they are made with.
    pub tokens: Mutex<Tokens>,
}

/// How a pass went.
pub struct Pass {
    /// One per line, in the file's order.
    pub outcomes: Vec<Outcome>,
    /// One per answered POST of a payment.
    pub latencies: Vec<Duration>,
    /// From the first request to the last answer.
    pub elapsed: Duration,
}

/// Makes every payment of the file.
pub async fn run(shop: &Arc<Shop>, concurrency: usize) -> Result<Pass> {
    let started = Instant::now();
    let total = shop.lines.len();
    let progress = Arc::new(Progress::new(total)?);
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..(concurrency * LINES_PER_PAYMENT).clamp(1, total.max(1)) {
        let (shop, progress, next) = (Arc::clone(shop), Arc::clone(&progress), Arc::clone(&next));
        workers.spawn(async move { work(&shop, &progress, &next).await });
    }
    let mut outcomes = Vec::with_capacity(total);
    let mut latencies = Vec::with_capacity(total);
    while let Some(worker) = workers.join_next().await {
        let (made, durations) = worker.context("a worker of the demo ended early")?;
        outcomes.extend(made);
        latencies.extend(durations);
    }
    progress.bar.finish_and_clear();
    outcomes.sort_by_key(|(place, _)| *place);
    Ok(Pass {
        outcomes: outcomes.into_iter().map(|(_, outcome)| outcome).collect(),
        latencies,
        elapsed: started.elapsed(),
    })
}

async fn work(shop: &Shop, progress: &Progress, next: &AtomicUsize) -> (Vec<(usize, Outcome)>, Vec<Duration>) {
    let mut outcomes = Vec::new();
    let mut latencies = Vec::new();
    loop {
        let place = next.fetch_add(1, Ordering::Relaxed);
        let Some(line) = shop.lines.get(place) else {
            return (outcomes, latencies);
        };
        let outcome = match token(shop, line).await {
            Ok(token) => shop.client.pay(line, &token, &mut latencies).await,
            Err(outcome) => outcome,
        };
        progress.advance();
        outcomes.push((place, outcome));
    }
}

async fn token(shop: &Shop, line: &Line) -> Result<String, Outcome> {
    let known = shop.tokens.lock().await.get(&line.name());
    if let Some(token) = known {
        return Ok(token);
    }
    let token = shop.client.tokenise(line).await?;
    let mut tokens = shop.tokens.lock().await;
    let kept = tokens.keep(line.name(), token.clone());
    kept.map_err(|error| Outcome::Unanswered(format!("{error:#}")))?;
    Ok(token)
}

struct Progress {
    bar: ProgressBar,
    done: AtomicUsize,
    total: usize,
}

impl Progress {
    fn new(total: usize) -> Result<Self> {
        let bar = ProgressBar::new(total as u64);
        let style = "  {bar:40} {pos}/{len} payments, {elapsed}, {eta} to go";
        bar.set_style(ProgressStyle::with_template(style).context("a template for the bar")?);
        Ok(Self { bar, done: AtomicUsize::new(0), total })
    }

    fn advance(&self) {
        self.bar.inc(1);
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if !std::io::stderr().is_terminal() && (done.is_multiple_of(PLAIN_STEP) || done == self.total) {
            note(format!("{done}/{} payments", self.total));
        }
    }
}
