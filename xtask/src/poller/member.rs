//! A mapping's membership in its consumer group: what it is given, what is taken, and where reading begins.
//!
//! One `Kafka` handle per member. It refuses to know what happens to the records.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use krafka::Kafka;
use krafka::admin::DescribeClusterOptions;
use krafka::consumer::{
    AutoOffsetReset, Consumer, ConsumerRebalanceListener, OffsetAndMetadata, PartitionAssignmentStrategy,
    TopicPartition,
};

use super::Context;
use super::delivery::log;
use super::event::Partition;
use super::mapping::{Mapping, Start};

/// A member that is not heard of for this long loses its partitions: how long a kill -9 stalls them.
const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
/// A third of the session, so that two lost heartbeats are borne.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How often the broker is asked whether it is still the same.
const IDENTITY_INTERVAL: Duration = Duration::from_secs(1);
/// One question to the broker.
const ANSWER_BOUND: Duration = Duration::from_secs(5);

/// How often each partition was taken from us: records read before that belong to an earlier term.
#[derive(Clone, Default)]
pub struct Terms(Arc<Mutex<BTreeMap<Partition, u64>>>);

impl Terms {
    /// The terms now.
    pub fn snapshot(&self) -> BTreeMap<Partition, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn end(&self, partitions: &[TopicPartition]) {
        let mut terms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for partition in partitions {
            let partition = Partition { topic: partition.topic().to_owned(), number: partition.partition() };
            *terms.entry(partition).or_default() += 1;
        }
    }
}

/// Follows what the group gives and takes.
///
/// Commits where reading begins as soon as a partition is ours, before its first record is handed out.
/// Otherwise a poller killed before its first commit would begin at another "latest".
struct Membership {
    consumer: Arc<OnceLock<Arc<Consumer>>>,
    terms: Terms,
    mapping: Mapping,
}

impl ConsumerRebalanceListener for Membership {
    async fn on_partitions_assigned(&self, partitions: &[TopicPartition]) {
        let Some(consumer) = self.consumer.get() else {
            return;
        };
        if let Err(error) = pin(consumer, partitions).await {
            log(&self.mapping, &format!("where to begin could not be committed: {error:#}"));
        }
    }

    async fn on_partitions_revoked(&self, partitions: &[TopicPartition]) {
        self.terms.end(partitions);
    }

    async fn on_partitions_lost(&self, partitions: &[TopicPartition]) {
        self.terms.end(partitions);
    }
}

async fn pin(consumer: &Consumer, partitions: &[TopicPartition]) -> Result<()> {
    let wanted = partitions.iter();
    let wanted: Vec<(&str, i32)> = wanted.map(|partition| (partition.topic(), partition.partition())).collect();
    let committed = consumer.committed(&wanted).await?;
    let mut missing = BTreeMap::new();
    for (topic, number) in wanted {
        let key = (topic.to_owned(), number);
        if !committed.contains_key(&key) {
            let position = consumer.position(topic, number).await;
            missing.insert(key, position.context("no position yet")?);
        }
    }
    commit(consumer, &missing).await
}

/// Commits offsets; none is fine.
pub async fn commit(consumer: &Consumer, offsets: &BTreeMap<(String, i32), i64>) -> Result<()> {
    if offsets.is_empty() {
        return Ok(());
    }
    let offsets = offsets.iter().map(|((topic, number), offset)| {
        (TopicPartition::new(topic.clone(), *number), OffsetAndMetadata::new(*offset))
    });
    consumer.commit_offsets(offsets).await.context("committing")
}

/// What a broker that has forgotten everything does not keep.
async fn identity(kafka: &Kafka) -> Result<String> {
    let options = DescribeClusterOptions::default().timeout(ANSWER_BOUND);
    let description = kafka.admin().describe_cluster(options).await;
    Ok(description.context("asking the broker who it is")?.cluster_id)
}

/// A member of the mapping's group.
pub struct Member {
    /// Its connections.
    pub kafka: Kafka,
    /// Itself.
    pub consumer: Arc<Consumer>,
    /// The terms of its partitions.
    pub terms: Terms,
    broker: String,
}

impl Member {
    /// Connects and subscribes. `was_assigned`: whether this poller ever had partitions of the mapping.
    pub async fn join(context: &Context, mapping: &Mapping, was_assigned: bool) -> Result<Self> {
        let kafka = Kafka::builder(&context.kafka).client_id(format!("poller-{}", mapping.id)).connect().await;
        let kafka = kafka.context("connecting to the broker")?;
        let broker = identity(&kafka).await?;
        let reset = match mapping.start {
            // Without our commits the broker has forgotten everything: all that it has now is new.
            Start::Latest if !was_assigned => AutoOffsetReset::Latest,
            Start::Latest | Start::Earliest => AutoOffsetReset::Earliest,
        };
        let terms = Terms::default();
        let handle = Arc::new(OnceLock::new());
        let listener = Membership { consumer: Arc::clone(&handle), terms: terms.clone(), mapping: mapping.clone() };
        let consumer = kafka
            .consumer(&mapping.group)
            .auto_offset_reset(reset)
            .enable_auto_commit(false)
            .partition_assignment_strategy(PartitionAssignmentStrategy::Range)
            .session_timeout(SESSION_TIMEOUT)
            .heartbeat_interval(HEARTBEAT)
            .rebalance_listener(listener)
            .build();
        let consumer = Arc::new(consumer.await.context("making a consumer")?);
        // The handle was made above and given away once: it is empty.
        let _ = handle.set(Arc::clone(&consumer));
        consumer.subscribe(&mapping.topics).await.context("subscribing")?;
        Ok(Self { kafka, consumer, terms, broker })
    }

    /// Returns only when another broker answers at the same address. A broker that keeps its log in memory says
    /// nothing when it is asked for offsets that it never had, so that nobody else would notice.
    pub async fn broker_forgets(kafka: Kafka, broker: String) -> anyhow::Error {
        loop {
            tokio::time::sleep(IDENTITY_INTERVAL).await;
            // Being away for a moment is not forgetting.
            if identity(&kafka).await.is_ok_and(|now| now != broker) {
                return anyhow::anyhow!("the broker has begun anew");
            }
        }
    }

    /// The arguments of [`Member::broker_forgets`], which runs beside the member.
    pub fn broker(&self) -> (Kafka, String) {
        (self.kafka.clone(), self.broker.clone())
    }
}
