//! The Kafka topics: made explicitly, as on MSK, although the local broker would make them by itself.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use krafka::Kafka;
use krafka::admin::{CreateTopicsOptions, NewTopic};
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
