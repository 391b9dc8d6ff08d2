//! How far consumer groups are behind, asked of the broker itself, not of the poller.
//!
//! By reading what comes after the commits: the local broker answers wrongly when it is asked where a topic ends.

use std::time::Duration;

use anyhow::{Context, Result};
use krafka::Kafka;
use krafka::admin::{DescribeTopicsOptions, ListConsumerGroupOffsetsOptions};
use krafka::consumer::{AutoOffsetReset, TopicPartition};

use super::report::Report;

/// One question to the broker.
const ANSWER_BOUND: Duration = Duration::from_secs(5);
/// A local broker has records at once, or has none.
const READ_BOUND: Duration = Duration::from_millis(300);

/// The sum over all mappings of a report.
pub async fn total(bootstrap: &str, report: &Report) -> Result<i64> {
    let kafka = Kafka::builder(bootstrap)
        .client_id("xtask-lag")
        .connect_timeout(ANSWER_BOUND)
        .request_timeout(ANSWER_BOUND)
        .connect();
    let kafka = kafka.await.context("connecting to the broker")?;
    let mut total = 0;
    for mapping in report.mappings.values() {
        for topic in &mapping.topics {
            total += of_group(&kafka, &mapping.group, topic).await?;
        }
    }
    Ok(total)
}

/// One group's lag in one topic. A partition without a commit counts whole.
pub async fn of_group(kafka: &Kafka, group: &str, topic: &str) -> Result<i64> {
    let partitions = partitions(kafka, topic).await?;
    let options = ListConsumerGroupOffsetsOptions::default().timeout(ANSWER_BOUND);
    let committed = kafka.admin().list_consumer_group_offsets(group, options).await;
    let committed = committed.context("reading the group's commits")?;
    let reader = kafka.consumer_without_group().auto_offset_reset(AutoOffsetReset::Earliest).build();
    let reader = reader.await.context("a reader")?;
    reader.assign(topic, partitions.clone()).await.context("assigning")?;
    for number in partitions {
        let partition = TopicPartition::new(topic, number);
        let done = committed.get(&partition).and_then(|offset| offset.as_ref().ok()?.offset);
        reader.seek(topic, number, done.unwrap_or(0)).await.context("seeking")?;
    }
    let mut lag = 0;
    loop {
        let records = reader.poll(READ_BOUND).await.context("reading")?;
        if records.is_empty() {
            break;
        }
        lag += i64::try_from(records.len()).unwrap_or(i64::MAX);
    }
    reader.close().await.context("closing the reader")?;
    Ok(lag)
}

async fn partitions(kafka: &Kafka, topic: &str) -> Result<Vec<i32>> {
    let options = DescribeTopicsOptions::default().timeout(ANSWER_BOUND);
    let mut described = kafka.admin().describe_topics([topic], options).await?;
    let description = described.remove(topic).with_context(|| format!("no topic {topic}"))?;
    let description = description.with_context(|| format!("describing {topic}"))?;
    Ok(description.partitions.iter().map(|partition| partition.partition).collect())
}
