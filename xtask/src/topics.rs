//! The Kafka topics: made explicitly, as on MSK, although the local broker would make them by itself; and read whole.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use krafka::Kafka;
use krafka::admin::{CreateTopicsOptions, NewTopic};
use krafka::consumer::AutoOffsetReset;
use krafka::error::{ErrorCode, KrafkaError};

use crate::process::POLL_INTERVAL;

/// Each topic and its partitions. Dead letters are few, and easier to read from one partition.
pub const TOPICS: [(&str, i32); 7] = [
    ("fraud-alerts", 1),
    ("fraud-alerts-dlq", 1),
    ("payment-answers", 4),
    ("payment-events", 4),
    ("payment-events-dlq", 1),
    ("payment-requests", 4),
    ("payment-requests-dlq", 1),
];

/// The broker listens before it answers, so the first attempts may fail.
const READY_BOUND: Duration = Duration::from_secs(20);
/// One attempt.
const ATTEMPT_BOUND: Duration = Duration::from_secs(5);

/// A topic that says nothing for so long is at its end.
const SILENCE: Duration = Duration::from_secs(2);

/// A record as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it lies.
    pub partition: i32,
    /// Whose it is.
    pub key: String,
    /// What it says.
    pub value: String,
}

/// Every record of the topic; those of a partition in order.
pub async fn read(bootstrap: &str, topic: &str) -> Result<Vec<Record>> {
    let known = TOPICS.iter().find(|(name, _)| *name == topic);
    let (_, partitions) = known.with_context(|| format!("no topic {topic}"))?;
    let kafka = Kafka::builder(bootstrap).client_id("xtask").connect().await.context("connecting to the broker")?;
    let reader = kafka.consumer_without_group().auto_offset_reset(AutoOffsetReset::Earliest).build();
    let reader = reader.await.context("a reader")?;
    reader.assign(topic, (0..*partitions).collect()).await.context("assigning")?;
    let mut seen = Vec::new();
    loop {
        let records = reader.poll(SILENCE).await.with_context(|| format!("reading {topic}"))?;
        if records.is_empty() {
            reader.close().await.context("closing the reader")?;
            return Ok(seen);
        }
        seen.extend(records.iter().map(|record| Record {
            partition: record.partition,
            key: record.key_str().unwrap_or_default().to_owned(),
            value: record.value.as_deref().map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default(),
        }));
    }
}

/// Makes the topics that are not there yet, as soon as the broker answers.
pub async fn make(bootstrap: &str) -> Result<()> {
    let deadline = Instant::now() + READY_BOUND;
    loop {
        let attempt = tokio::time::timeout(ATTEMPT_BOUND, try_make(bootstrap)).await;
        match attempt {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) if Instant::now() >= deadline => {
                return Err(error.context("making the Kafka topics"));
            }
            Err(_) if Instant::now() >= deadline => {
                bail!("the broker at {bootstrap} does not answer")
            }
            Ok(Err(_)) | Err(_) => tokio::time::sleep(POLL_INTERVAL).await,
        }
    }
}

async fn try_make(bootstrap: &str) -> Result<()> {
    let kafka = Kafka::builder(bootstrap).client_id("xtask").connect().await.context("connecting to the broker")?;
    let topics = TOPICS.iter().map(|(name, partitions)| NewTopic::new(*name, *partitions, 1));
    let topics: Vec<NewTopic> = topics.collect::<Result<_, _>>().context("describing the topics")?;
    for (topic, outcome) in kafka.admin().create_topics(topics, CreateTopicsOptions::default()).await? {
        match outcome {
            Ok(()) | Err(KrafkaError::Broker { code: ErrorCode::TopicAlreadyExists, .. }) => {}
            Err(error) => return Err(error).with_context(|| format!("making the topic {topic}")),
        }
    }
    Ok(())
}
