//! Kafka's topics, read whole and written to.

use krafka::admin::AlterConsumerGroupOffsetsOptions;
use krafka::consumer::{AutoOffsetReset, TopicPartition};
use krafka::producer::Acks;
use krafka::{Kafka, Record};
use std::collections::HashMap;
use std::time::Duration;
use xtask::Stack;

/// A local broker has records at once, or has none.
const READ_BOUND: Duration = Duration::from_millis(500);

/// A record as text.
pub struct Seen {
    pub partition: i32,
    pub offset: i64,
    pub key: String,
    pub value: String,
    pub reason: Option<String>,
}

async fn connect(stack: &Stack) -> Kafka {
    Kafka::builder(stack.kafka().unwrap()).client_id("tests").connect().await.unwrap()
}

/// The topic's partitions.
fn partitions(topic: &str) -> Vec<i32> {
    let (_, count) = xtask::topics::TOPICS.iter().find(|(name, _)| *name == topic).unwrap();
    (0..*count).collect()
}

/// Every record of the topic.
pub async fn read_all(stack: &Stack, topic: &str) -> Vec<Seen> {
    let kafka = connect(stack).await;
    let reader = kafka.consumer_without_group().auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap();
    reader.assign(topic, partitions(topic)).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let records = reader.poll(READ_BOUND).await.unwrap();
        if records.is_empty() {
            reader.close().await.unwrap();
            return seen;
        }
        seen.extend(records.iter().map(|record| Seen {
            partition: record.partition,
            offset: record.offset,
            key: record.key_str().unwrap_or_default().to_owned(),
            value: record.value.as_deref().map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default(),
            reason: record.header_str("reason").map(str::to_owned),
        }));
    }
}

/// Lets a group have done with all that is in the topic.
pub async fn commit_all(stack: &Stack, group: &str, topic: &str) {
    let mut ends = HashMap::new();
    for record in read_all(stack, topic).await {
        ends.insert(TopicPartition::new(topic, record.partition), record.offset + 1);
    }
    let options = AlterConsumerGroupOffsetsOptions::default();
    let done = connect(stack).await.admin().alter_consumer_group_offsets(group, ends, options).await.unwrap();
    assert!(done.values().all(Result::is_ok), "{done:?}");
}

/// Writes a record as it is.
pub async fn write(stack: &Stack, record: Record) {
    let producer = connect(stack).await.producer().acks(Acks::All).linger(Duration::ZERO).build().await.unwrap();
    let _place = producer.send(record).await.unwrap();
    producer.close().await.unwrap();
}

/// Writes the values, in this order, to each partition of the topic.
pub async fn write_to_each_partition(stack: &Stack, topic: &str, key: &str, values: &[String]) {
    for partition in partitions(topic) {
        write_to(stack, topic, partition, key, values).await;
    }
}

/// Writes the values, in this order, to a partition of the topic.
pub async fn write_to(stack: &Stack, topic: &str, partition: i32, key: &str, values: &[String]) {
    let producer = connect(stack).await.producer().acks(Acks::All).linger(Duration::ZERO).build().await.unwrap();
    for value in values {
        let record = Record::new(topic, value.clone()).key(key.to_owned()).partition(partition);
        let _place = producer.send(record).await.unwrap();
    }
    producer.close().await.unwrap();
}
