//! `chaos`: clients pay while calls between the functions and AWS break and processes die; then everything is held against
//! everything else. Black box: it knows the HTTP API, the acquirer's own account and the topic, and none of the app's rules.
//!
//! The seed says what is bought, which calls break and who is killed when. What runs at the same time as what is up to the machine.

pub mod client;
pub mod evidence;
pub mod killer;
pub mod order;
mod reconciler;
#[cfg(test)]
mod reconciler_tests;
mod storm;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::stream::{self, StreamExt};

use self::client::{Client, Told};
use self::evidence::Evidence;
use self::killer::{Broker, Casualties};
use self::order::Order;
use crate::aws_proxy::plan::Fault;
use crate::aws_proxy::tally::Tally;
use crate::demo::layout::columns;
use crate::demo::{self, sending};
use crate::progress::{answer, note, step};
use crate::stack::Stack;
use crate::state::{Server, State};
use crate::workspace::Workspace;
use crate::{aws_proxy, broker, down, operator};

/// A payment that is under way when the faults stop is swept after 90 s, and perhaps twice.
const REST_BOUND: Duration = Duration::from_secs(300);
/// How long the consumers of events may take to finish after that.
const CATCH_UP_BOUND: Duration = Duration::from_secs(240);
/// Between two looks at either.
const LOOK: Duration = Duration::from_secs(1);
/// Without progress on a terminal, a line is written after so many payments.
const PLAIN_STEP: usize = 100;
/// Of so many payments, one is sent again at the end.
const SENT_AGAIN: usize = 5;
/// At least so many faults hit a hundred payments; fewer are no storm.
const LEAST_FAULTS: u64 = 15;

/// What the user may choose.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where all chance comes from.
    pub seed: u64,
    /// How many payments.
    pub payments: usize,
    /// Payments at a time.
    pub concurrency: usize,
    /// What happens to the broker.
    pub broker: Broker,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// What did not agree; nothing, if all is well.
    pub differences: Vec<String>,
    /// The calls, and those that were broken.
    pub tally: Tally,
    /// Who was killed.
    pub casualties: Casualties,
    /// How long clients paid.
    pub paying: Duration,
    /// From there until all rested and had been told.
    pub settling: Duration,
    /// What was held against one another.
    pub evidence: Evidence,
}

impl Outcome {
    /// Faults that hit.
    pub fn faults(&self) -> u64 {
        self.tally.broken() + self.casualties.all() as u64
    }
}

/// A seed that nobody chose.
pub fn any_seed() -> u64 {
    u64::try_from(crate::poller::clock::now_milliseconds()).unwrap_or_default() % 1_000_000
}

/// Runs it on the stack that is up, or on one that is started for it; answers whether nothing differs.
pub async fn chaos(workspace: &Workspace, options: &Options) -> Result<bool> {
    let state = State::load(workspace).unwrap_or_default();
    let was_down = !state.is_up(Server::Ministack);
    let outcome = match demo::start(workspace, &state).await {
        Ok(stack) => run(&stack, options).await,
        Err(error) => Err(error),
    };
    if was_down {
        down::down(workspace).await?;
    }
    let outcome = outcome?;
    report(options, &outcome);
    Ok(outcome.differences.is_empty())
}

/// Runs it on this stack.
pub async fn run(stack: &Stack, options: &Options) -> Result<Outcome> {
    let workspace = &stack.workspace;
    if options.broker == Broker::Dies {
        let giving = step("giving the broker a disk");
        stack.wait_for_consumers(CATCH_UP_BOUND).await?;
        broker::give_disk(workspace).await?;
        giving.done("it can be killed now");
    }
    // The broker and the poller may be others now.
    let stack = &Stack::open(workspace).await?;
    let key = open_shop(stack).await?;
    let through_proxy = stack.api_url()?.replace(&stack.endpoint, &stack.state.functions_endpoint()?);
    let client = Client::new(&through_proxy, &key)?;
    let paying = step(format!("{} payments in a storm, seed {}", options.payments, options.seed));
    let started = Instant::now();
    let (told, tally, casualties) = weather(stack, options, &client).await?;
    let elapsed = started.elapsed();
    paying.done(format!("{} calls broken, {} processes killed", tally.broken(), casualties.all()));
    if tally.all() == 0 {
        bail!(
            "no function calls AWS through the proxy: the stack was started by an older version; `cargo xtask down` first"
        );
    }
    let settling = step("waiting until all rest and are told");
    let started = Instant::now();
    let calm = Client::new(stack.api_url()?, &key)?;
    rest(&calm).await?;
    stack.wait_for_consumers(CATCH_UP_BOUND).await?;
    posted(&calm).await?;
    let evidence = evidence::read(stack, &calm, told).await?;
    let versions: usize = evidence.history.values().map(Vec::len).sum();
    settling.done(format!("{} records of {versions} versions on the topic", evidence.records.len()));
    let mut differences = reconciler::differences(&evidence);
    differences.extend(repeat(&calm, &evidence.told).await);
    let settling = started.elapsed();
    let mut outcome = Outcome { differences, tally, casualties, paying: elapsed, settling, evidence };
    if outcome.faults() * 100 < LEAST_FAULTS * options.payments as u64 {
        let faults = outcome.faults();
        outcome.differences.push(format!("{faults} faults under {} payments are no storm", options.payments));
    }
    Ok(outcome)
}

/// A merchant of the run's own; its key.
async fn open_shop(stack: &Stack) -> Result<String> {
    let merchant = format!("mer_storm_{}", &crate::poller::clock::random_id().replace('-', "")[..12]);
    let path = operator::path(&merchant, "test");
    operator::call(stack, "PUT", &path, Some(&order::settings())).await?.good().context("the shop")?;
    let made = operator::call(stack, "POST", &format!("{path}/keys"), None).await?.good().context("the shop's key")?;
    made["key"].as_str().map(str::to_owned).context("an answer without the key's text")
}

/// The storm: clients pay, calls break, processes die. It is over when the last client has its answers.
async fn weather(stack: &Stack, options: &Options, client: &Client) -> Result<(Vec<Told>, Tally, Casualties)> {
    let orders = order::orders(options.seed, options.payments);
    let paying = Arc::new(AtomicBool::new(true));
    aws_proxy::set(&stack.state, &storm::of(options.seed)).await?;
    let killing = killer::kill(stack.workspace.clone(), options.seed, options.broker, Arc::clone(&paying));
    let killing = tokio::spawn(killing);
    let told = pay(client, &orders, options.concurrency).await;
    paying.store(false, Ordering::Relaxed);
    let casualties = killing.await.context("the killer ended early")?;
    let tally = aws_proxy::set(&stack.state, &storm::over()).await?;
    Ok((told, tally, casualties?))
}

async fn pay(client: &Client, orders: &[Order], concurrency: usize) -> Vec<Told> {
    let done = AtomicUsize::new(0);
    let told = stream::iter(orders).map(async |order| {
        let told = client.carry_out(order).await;
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(PLAIN_STEP) {
            note(format!("{done}/{} payments", orders.len()));
        }
        told
    });
    told.buffer_unordered(concurrency).collect().await
}

/// Waits until every payment rests, or the bound is over: what does not rest then, the reconciler will name.
async fn rest(client: &Client) -> Result<()> {
    let deadline = Instant::now() + REST_BOUND;
    loop {
        let shown = evidence::payments(client).await?;
        if shown.iter().all(evidence::Shown::is_at_rest) || Instant::now() >= deadline {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until the balances are what the payments make them, or the bound is over.
async fn posted(client: &Client) -> Result<()> {
    let deadline = Instant::now() + CATCH_UP_BOUND;
    let due = reconciler::due(&evidence::payments(client).await?);
    while reconciler::without_zeros(evidence::balances(client).await?) != due && Instant::now() < deadline {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Some payments once more, with the same key and body: each is answered with the first bytes, if the first answer was final.
async fn repeat(client: &Client, told: &[Told]) -> Vec<String> {
    // An operation since then changes nothing in the answer to the payment's own request.
    let again = told.iter().step_by(SENT_AGAIN).filter_map(|told| Some((told, told.first.as_ref()?)));
    let again = stream::iter(again).map(async |(told, (body, first))| {
        match sending::send_until_answered(&client.payment(&told.key, body), &mut Vec::new()).await {
            Ok(answer) if answer.text == *first => None,
            Ok(answer) => Some(format!("{}: answered {first}, and when sent again {}", told.id, answer.text)),
            Err(outcome) => Some(format!("{}: sent again: {outcome}", told.id)),
        }
    });
    again.buffer_unordered(8).filter_map(async |difference| difference).collect().await
}

/// What a person reads at the end.
pub fn report(options: &Options, outcome: &Outcome) {
    let Outcome { tally, casualties, evidence, .. } = outcome;
    let mut rows: Vec<Vec<String>> = Fault::ALL
        .into_iter()
        .map(|fault| {
            let most = tally.hits.get(&fault).into_iter().flatten();
            let most = most.map(|(call, count)| format!("{call} {count}")).collect::<Vec<_>>().join(", ");
            vec![fault.name().to_owned(), tally.of(fault).to_string(), most]
        })
        .collect();
    let broker = if options.broker == Broker::Dies { "broker killed" } else { "broker stopped for a while" };
    let killed = [
        ("function killed", casualties.functions),
        ("poller killed", casualties.pollers),
        (broker, casualties.brokers),
    ];
    rows.extend(killed.map(|(name, count)| vec![name.to_owned(), count.to_string(), String::new()]));
    answer(format!("faults that hit, of {} calls:", tally.all()));
    columns(&rows, 3).iter().for_each(answer);
    let mut statuses = std::collections::BTreeMap::<&str, usize>::new();
    for payment in &evidence.shown {
        *statuses.entry(&payment.status).or_default() += 1;
    }
    let statuses: Vec<String> = statuses.into_iter().map(|(status, count)| format!("{count} {status}")).collect();
    answer(format!("payments: {}", statuses.join(", ")));
    answer(format!(
        "chaos: seed {}, {} payments, {} faults, {} s, then {} s until all was told: {} differences",
        options.seed,
        evidence.told.len(),
        outcome.faults(),
        outcome.paying.as_secs(),
        outcome.settling.as_secs(),
        outcome.differences.len(),
    ));
    for difference in &outcome.differences {
        answer(format!("  {difference}"));
    }
}
