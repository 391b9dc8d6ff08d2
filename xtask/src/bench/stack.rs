//! `cargo xtask bench ledger --stack`: the same traffic through the broker, the poller and the deployed post-ledger, while
//! processes are killed; then the same audit on the real tables.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bench::audit::{Audit, audit};
use bench::numbers::Numbers;
use bench::topic::{Sent, Topic};
use bench::traffic::Traffic;
use krafka::producer::{Acks, Producer};
use krafka::{Kafka, Record};

use crate::{Stack, crash, ledger, progress, up};

/// The topic.
const TOPIC: &str = "payment-events";
/// Records that are sent before their acknowledgements are waited for.
const WINDOW: usize = 2000;
/// The first tenth of each partition is delivered twice.
const TWICE: usize = 10;
/// How often a function's process is killed, and after how many of them the poller too.
const KILL_INTERVAL: Duration = Duration::from_millis(1500);
const POLLER_DIES_AT: usize = 8;
/// How long the consumers may be behind.
const BEHIND_BOUND: Duration = Duration::from_secs(1800);

/// Answers whether the audit is clean.
pub async fn run(stack: &Stack, events: u64, seed: u64, one_merchant: bool) -> Result<bool> {
    let traffic = Traffic::new(one_merchant, seed);
    let topic = Topic::of(&traffic, events, seed);
    let kafka =
        Kafka::builder(stack.kafka()?).client_id("bench").connect().await.context("connecting to the broker")?;
    let producer = kafka.producer().acks(Acks::All).build().await.context("a producer")?;
    let begun = Instant::now();

    let step = progress::step("a tenth of the events, each batch delivered twice");
    up::poller(&stack.workspace, true).await?;
    let parts = |first: bool| {
        let cut = |records: &Vec<Sent>| {
            let (tenth, rest) = records.split_at(records.len() / TWICE);
            if first { tenth.to_vec() } else { rest.to_vec() }
        };
        topic.partitions.iter().map(cut).collect::<Vec<_>>()
    };
    send(&producer, &traffic, parts(true)).await?;
    stack.wait_for_consumers(BEHIND_BOUND).await?;
    step.done("posted");

    let step = progress::step("the rest, while functions and the poller are killed");
    up::poller(&stack.workspace, false).await?;
    send(&producer, &traffic, parts(false)).await?;
    let killed = kill_until_done(stack, seed).await?;
    stack.wait_for_consumers(BEHIND_BOUND).await?;
    step.done(format!("posted; {} processes of functions and {} pollers were killed", killed.0, killed.1));
    let seconds = begun.elapsed().as_secs().max(1);

    let (journal, stored) = ledger::read(stack).await?;
    let audit = audit(&journal, &stored, &traffic, &topic.sent());
    report(&topic, &audit, seed, seconds);
    Ok(audit.is_clean())
}

/// Sends all, partition beside partition, each in its order.
async fn send(producer: &Producer, traffic: &Traffic, partitions: Vec<Vec<Sent>>) -> Result<()> {
    for (partition, records) in partitions.iter().enumerate() {
        let partition = i32::try_from(partition)?;
        for window in records.chunks(WINDOW) {
            let mut handles = Vec::with_capacity(window.len());
            for (payment, event) in window {
                let record = Record::new(TOPIC, traffic.event(*payment, *event))
                    .key(traffic.payment_id(*payment))
                    .partition(partition);
                handles.push(producer.enqueue(record).await.context("sending an event")?);
            }
            for handle in handles {
                let _place = handle.await.context("sending an event")?;
            }
        }
    }
    Ok(())
}

/// Kills a process of some function again and again, and now and then the poller, until the consumers are done. How many
/// of each.
async fn kill_until_done(stack: &Stack, seed: u64) -> Result<(usize, usize)> {
    let mut numbers = Numbers::new(seed);
    let (mut functions, mut pollers) = (0, 0);
    let deadline = Instant::now() + BEHIND_BOUND;
    while Instant::now() < deadline && stack.wait_for_consumers(KILL_INTERVAL).await.is_err() {
        let running = crash::function_processes(&stack.workspace);
        if running.is_empty() {
            continue;
        }
        running[numbers.below(running.len())].kill();
        functions += 1;
        if functions % POLLER_DIES_AT == 0 {
            crash::restart_poller(&stack.workspace).await?;
            pollers += 1;
        }
    }
    Ok((functions, pollers))
}

fn report(topic: &Topic, audit: &Audit, seed: u64, seconds: u64) {
    let records: usize = topic.partitions.iter().map(Vec::len).sum();
    progress::answer(format!(
        "seed {seed}; {} events, {} of them sent again under another offset",
        topic.events, topic.sent_again
    ));
    progress::answer(format!("{records} records in {seconds} s, {} per second", records as u64 / seconds));
    progress::answer(format!(
        "{} entries; {} blocks and {} balances in the tables",
        audit.posted, audit.blocks, audit.shards
    ));
    progress::answer(format!(
        "lost {}, applied twice {}, out of order {}",
        audit.lost, audit.twice, audit.out_of_order
    ));
    progress::answer(format!(
        "trial balance, chains, and balances against a rebuild: {} findings",
        audit.findings.len()
    ));
    audit.findings.iter().take(20).for_each(|finding| progress::answer(format!("  {finding}")));
}
