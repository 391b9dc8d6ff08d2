//! Lambda's Kafka events, and its partial answer: from where on a partition has to come again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use payments::ledger::{Dead, Position};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A batch: records by `topic-partition`.
#[derive(Debug, Deserialize)]
pub struct KafkaRequest {
    /// Each partition's records, in order.
    pub records: BTreeMap<String, Vec<KafkaRecord>>,
}

/// A record.
#[derive(Debug, Deserialize)]
pub struct KafkaRecord {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: i64,
    /// The key, base64.
    #[serde(default)]
    pub key: Option<String>,
    /// The value, base64.
    #[serde(default)]
    pub value: Option<String>,
}

/// Where Lambda has to begin again, per partition.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KafkaAnswer {
    /// At most one entry per partition.
    pub batch_item_failures: Vec<KafkaFailure>,
}

/// A partition that was not finished.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KafkaFailure {
    /// From where on.
    pub item_identifier: KafkaPlace,
}

/// A place in the event: the partition is the key of `records`, the one form that Lambda knows.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct KafkaPlace {
    /// Such as `payment-requests-0`.
    pub partition: String,
    /// The first offset to deliver again.
    pub offset: i64,
}

impl KafkaRecord {
    /// Its value. Lambda always sends base64; what is not decodes to nothing, as a tombstone does.
    pub fn value(&self) -> Vec<u8> {
        decode(self.value.as_deref()).unwrap_or_default()
    }

    /// The record as a dead letter: what is missing in it stays missing, so that it can be put back as it was.
    pub fn dead(&self, reason: String) -> Dead {
        let position = Position { partition: self.partition, offset: self.offset };
        let (key, value) = (decode(self.key.as_deref()), decode(self.value.as_deref()));
        Dead { topic: self.topic.clone(), position, key, value, reason }
    }
}

impl KafkaAnswer {
    /// Each of these partitions, from that offset on.
    pub fn again_from(places: impl IntoIterator<Item = (String, i64)>) -> Self {
        let failure = |(partition, offset)| KafkaFailure { item_identifier: KafkaPlace { partition, offset } };
        Self { batch_item_failures: places.into_iter().map(failure).collect() }
    }
}

fn decode(text: Option<&str>) -> Option<Vec<u8>> {
    text.map(|text| BASE64.decode(text).unwrap_or_default())
}
