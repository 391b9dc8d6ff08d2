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

/// What the records of a topic have against its schema, of those whose key begins with one of these.
async fn against_schema(stack: &Stack, topic: &str, keys: &[&str]) -> (usize, Vec<String>) {
    let path = format!("{}/../schemas/topics/{topic}.v1.json", env!("CARGO_MANIFEST_DIR"));
    let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let records = read_all(stack, topic).await;
    let ours = records.iter().filter(|record| keys.iter().any(|start| record.key.starts_with(start)));
    let (mut count, mut findings) = (0, Vec::new());
    for record in ours {
        count += 1;
        let value = serde_json::from_str(&record.value).unwrap();
        findings.extend(validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())));
    }
    (count, findings)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_topics_records_are_as_their_schemas_say() {
    let _healthy = crate::shop::healthy().await;
    let shop = crate::shop::Shop::open().await;
    let id = shop.sell(900).await;
    crate::shop::until("the payment's events on the topic", 60, || async {
        let records = read_all(&shop.stack, "payment-events").await;
        (records.iter().filter(|record| record.key == id).count() >= 6).then_some(())
    })
    .await;
    // Other tests put records there that are no events, under keys that are no ids.
    let (count, findings) = against_schema(&shop.stack, "payment-events", &["pay_", "po_", "bnk_"]).await;
    assert!(count >= 6 && findings.is_empty(), "{count} records: {findings:?}");
    let (_, findings) = against_schema(&shop.stack, "payment-answers", &[""]).await;
    assert!(findings.is_empty(), "{findings:?}");
}
