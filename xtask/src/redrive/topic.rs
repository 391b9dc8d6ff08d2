//! The letters of a dead-letter topic: read from where the last run ended, and sent back one by one. Where it ended is what
//! the group has committed: after each letter, when the broker has acknowledged it on its own topic. A crash between the
//! two sends one letter twice.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use krafka::admin::{AlterConsumerGroupOffsetsOptions, DescribeTopicsOptions, ListConsumerGroupOffsetsOptions};
use krafka::auth::{AuthConfig, AwsMskIamCredentials};
use krafka::consumer::{AutoOffsetReset, ConsumerRecord, TopicPartition};
use krafka::producer::Acks;
use krafka::{Kafka, Record};

use super::Outcome;
use super::letter::{Buried, Original};
use super::place::DeadTopic;
use super::tally::Tally;

/// Whose commits say which letters were put back.
pub const GROUP: &str = "redrive";
/// One question to the broker.
const ANSWER_BOUND: Duration = Duration::from_secs(5);
/// One letter's way onto its topic, all tries together.
const DELIVERY_BOUND: Duration = Duration::from_secs(15);
/// A topic that says nothing for so long is at its end.
const READ_BOUND: Duration = Duration::from_secs(2);
/// No more letters are counted.
const MOST_COUNTED: u64 = 1_000_000;

/// A letter and where it lies.
struct Letter {
    partition: i32,
    offset: i64,
    original: Original,
}

/// The letters of a topic that were read.
pub struct Held<'a> {
    place: &'a DeadTopic,
    letters: Vec<Letter>,
}

/// Connects to the brokers of a stack as its functions do.
pub async fn connect(bootstrap: &str, authentication: &str) -> Result<Kafka> {
    let mut kafka =
        Kafka::builder(bootstrap).client_id(GROUP).connect_timeout(ANSWER_BOUND).request_timeout(ANSWER_BOUND);
    match authentication {
        "NONE" => {}
        "IAM" => {
            kafka = kafka.security(AuthConfig::aws_msk_iam_provider(async || AwsMskIamCredentials::from_env()));
        }
        other => bail!("the parameter KafkaAuthentication is {other}: expected IAM or NONE"),
    }
    kafka.connect().await.with_context(|| format!("connecting to the brokers {bootstrap}"))
}

/// Reads the letters behind the commits. All are counted, so many are kept: of each partition the first.
pub async fn read<'a>(kafka: &Kafka, place: &'a DeadTopic, limit: usize) -> Result<(Held<'a>, Tally)> {
    let (mut held, mut tally) = (Held { place, letters: Vec::new() }, Tally::default());
    let partitions = partitions(kafka, &place.name).await?;
    let options = ListConsumerGroupOffsetsOptions::default().timeout(ANSWER_BOUND);
    let committed = kafka.admin().list_consumer_group_offsets(GROUP, options).await;
    let committed = committed.context("reading how far the last run came")?;
    let reader = kafka.consumer_without_group().auto_offset_reset(AutoOffsetReset::Earliest).build();
    let reader = reader.await.context("a reader")?;
    reader.assign(&place.name, partitions.clone()).await.context("assigning")?;
    for number in partitions {
        let done = match committed.get(&TopicPartition::new(place.name.as_str(), number)) {
            None => None,
            Some(Ok(done)) => done.offset,
            Some(Err(error)) => bail!("how far the last run came in {}-{number}: {error}", place.name),
        };
        reader.seek(&place.name, number, done.unwrap_or(0)).await.context("seeking")?;
    }
    while tally.letters < MOST_COUNTED {
        let records = reader.poll(READ_BOUND).await.with_context(|| format!("reading {}", place.name))?;
        if records.is_empty() {
            break;
        }
        for record in records {
            let (partition, offset, written) = (record.partition, record.offset, record.timestamp);
            let original = buried(record).original();
            tally.add(written, &original.reason);
            if held.letters.len() < limit {
                held.letters.push(Letter { partition, offset, original });
            }
        }
    }
    reader.close().await.context("closing the reader")?;
    Ok((held, tally))
}

async fn partitions(kafka: &Kafka, topic: &str) -> Result<Vec<i32>> {
    let options = DescribeTopicsOptions::default().timeout(ANSWER_BOUND);
    let mut described = kafka.admin().describe_topics([topic], options).await?;
    let description = described.remove(topic).with_context(|| format!("no topic {topic}"))?;
    let description = description.with_context(|| format!("describing {topic}"))?;
    Ok(description.partitions.iter().map(|partition| partition.partition).collect())
}

fn buried(record: ConsumerRecord) -> Buried {
    let header = |name: &str| record.header_str(name).map(str::to_owned);
    let (source, reason) = (header("source"), header("reason"));
    let bytes = |field: Option<&[u8]>| field.map(<[u8]>::to_vec);
    Buried { key: bytes(record.key.as_deref()), value: bytes(record.value.as_deref()), source, reason }
}

impl Held<'_> {
    /// Sends each back by its key, in the order in which they lie there, and commits it then. What fails ends the run for
    /// this place: nothing is passed over.
    pub async fn put_back(self, kafka: &Kafka) -> Outcome {
        let mut outcome = Outcome::default();
        if let Err(error) = self.put_back_each(kafka, &mut outcome.put_back).await {
            outcome.failure = Some(format!("{error:#}"));
        }
        outcome
    }

    async fn put_back_each(self, kafka: &Kafka, put_back: &mut u64) -> Result<()> {
        let DeadTopic { name, topic } = self.place;
        let producer = kafka.producer().acks(Acks::All).linger(Duration::ZERO).delivery_timeout(DELIVERY_BOUND).build();
        let producer = producer.await.context("a producer")?;
        for Letter { partition, offset, original } in self.letters {
            let mut record = Record::new(topic.as_str(), original.value.clone().unwrap_or_default());
            if original.value.is_none() {
                record = record.without_value();
            }
            if let Some(key) = original.key {
                record = record.key(key);
            }
            let _place = producer
                .send(record)
                .await
                .with_context(|| format!("sending {name}-{partition}:{offset} to {topic}"))?;
            commit(kafka, name, partition, offset + 1).await?;
            *put_back += 1;
        }
        producer.close().await.context("closing the producer")
    }
}

async fn commit(kafka: &Kafka, topic: &str, partition: i32, offset: i64) -> Result<()> {
    let place = TopicPartition::new(topic, partition);
    let options = AlterConsumerGroupOffsetsOptions::default().timeout(ANSWER_BOUND);
    let done: HashMap<_, _> = kafka.admin().alter_consumer_group_offsets(GROUP, [(place, offset)], options).await?;
    for outcome in done.into_values() {
        outcome.with_context(|| format!("committing {topic}-{partition}:{offset} as {GROUP}"))?;
    }
    Ok(())
}
