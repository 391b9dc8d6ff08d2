//! Lambda's `aws:kafka` event, made of Kafka records, and the documents Lambda sends about records it gave up on.
//!
//! Pure: no clock, no network. Field names are those of the AWS pages "Using Lambda with Kafka" and
//! "Capturing discarded batches".

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What a record costs in JSON besides key, value, topic and headers.
const RECORD_OVERHEAD_BYTES: usize = 200;
/// A header byte is a signed number and a comma.
const HEADER_BYTE_BYTES: usize = 5;

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// Its topic.
    pub topic: String,
    /// Its number.
    pub number: i32,
}

impl Partition {
    /// As the keys of an event's `records` and an `itemIdentifier` name it.
    pub fn key(&self) -> String {
        format!("{}-{}", self.topic, self.number)
    }
}

/// A record as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Its offset.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp_milliseconds: i64,
    /// Whether the broker set the timestamp.
    pub log_append_time: bool,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Record {
    /// At least the bytes it takes in an event, for the payload limit.
    pub fn payload_bytes(&self) -> usize {
        let base64 = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(4, |bytes| bytes.len().div_ceil(3) * 4);
        let headers = self.headers.iter().map(|(name, value)| name.len() + 8 + value.len() * HEADER_BYTE_BYTES);
        RECORD_OVERHEAD_BYTES + base64(&self.key) + base64(&self.value) + headers.sum::<usize>()
    }

    fn encode(&self, partition: &Partition) -> Value {
        let base64 = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| STANDARD.encode(bytes));
        // Java's bytes are signed, and Lambda shows them so.
        let signed = |value: &[u8]| value.iter().map(|byte| byte.cast_signed()).collect::<Vec<i8>>();
        let headers = self.headers.iter().map(|(name, value)| json!({ name: signed(value) }));
        json!({
            "topic": partition.topic,
            "partition": partition.number,
            "offset": self.offset,
            "timestamp": self.timestamp_milliseconds,
            "timestampType": if self.log_append_time { "LOG_APPEND_TIME" } else { "CREATE_TIME" },
            "key": base64(&self.key),
            "value": base64(&self.value),
            "headers": headers.collect::<Vec<Value>>(),
        })
    }
}

/// Where events come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The MSK cluster.
    pub cluster_arn: String,
    /// Its brokers.
    pub bootstrap_servers: String,
}

/// The event for these records.
pub fn event<'a>(source: &Source, parts: impl IntoIterator<Item = (&'a Partition, &'a [Record])>) -> Value {
    let mut records: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (partition, part) in parts {
        records.insert(partition.key(), part.iter().map(|record| record.encode(partition)).collect());
    }
    json!({
        "eventSource": "aws:kafka",
        "eventSourceArn": source.cluster_arn,
        "bootstrapServers": source.bootstrap_servers,
        "records": records,
    })
}

/// Why records are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// They failed as often as the mapping allows.
    RetriesExhausted,
    /// They are older than the mapping allows.
    RecordAgeExceeded,
}

/// What a failure document says besides the records.
#[derive(Clone, Debug)]
pub struct Failure<'a> {
    /// Why.
    pub condition: Condition,
    /// Of the function.
    pub function_arn: &'a str,
    /// How often the function saw the records.
    pub invocations: u32,
    /// An id of this document.
    pub request_id: &'a str,
    /// Now, as RFC 3339.
    pub timestamp: &'a str,
}

impl Failure<'_> {
    /// What a Kafka destination gets for one record: the metadata and the record itself.
    pub fn for_kafka(&self, source: &Source, partition: &Partition, record: &Record) -> Value {
        let payload = event(source, [(partition, std::slice::from_ref(record))]);
        let mut document = self.document(source, 1, payload.to_string().len(), "RetriesExhausted");
        document["KafkaBatchInfo"]["recordInfo"] = json!({
            "offset": record.offset.to_string(),
            "timestamp": crate::poller::clock::rfc3339(record.timestamp_milliseconds),
        });
        document["payload"] = payload;
        document
    }

    /// What a queue gets for a batch: the metadata, and where to find the records.
    pub fn for_queue(&self, source: &Source, partition: &Partition, records: &[Record]) -> Value {
        let payload = event(source, [(partition, records)]);
        let mut document = self.document(source, records.len(), payload.to_string().len(), "RetryAttemptsExhausted");
        let at =
            |record: Option<&Record>| record.map(|record| crate::poller::clock::rfc3339(record.timestamp_milliseconds));
        let offset = |record: Option<&Record>| record.map(|record| record.offset.to_string());
        document["KafkaBatchInfo"]["recordsInfo"] = json!({
            partition.key(): {
                "firstRecordOffset": offset(records.first()),
                "lastRecordOffset": offset(records.last()),
                "firstRecordTimestamp": at(records.first()),
                "lastRecordTimestamp": at(records.last()),
            }
        });
        document
    }

    /// The AWS pages name the same condition differently for a topic and for a queue.
    fn document(&self, source: &Source, count: usize, payload_bytes: usize, exhausted: &str) -> Value {
        let condition = match self.condition {
            Condition::RetriesExhausted => exhausted,
            Condition::RecordAgeExceeded => "RecordAgeExceeded",
        };
        json!({
            "requestContext": {
                "requestId": self.request_id,
                "functionArn": format!("{}:$LATEST", self.function_arn),
                "condition": condition,
                "approximateInvokeCount": self.invocations,
            },
            "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
            "version": "1.0",
            "timestamp": self.timestamp,
            "KafkaBatchInfo": {
                "batchSize": count,
                "eventSourceArn": source.cluster_arn,
                "bootstrapServers": source.bootstrap_servers,
                "payloadSize": payload_bytes,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source { cluster_arn: "arn:cluster".to_owned(), bootstrap_servers: "b:1".to_owned() }
    }

    fn record() -> (Partition, Record) {
        let record = Record {
            offset: 7,
            timestamp_milliseconds: 1_000,
            key: Some(b"k".to_vec()),
            value: Some(b"value".to_vec()),
            headers: vec![("h".to_owned(), vec![1, 255])],
            ..Record::default()
        };
        (Partition { topic: "payment-events".to_owned(), number: 2 }, record)
    }

    #[test]
    fn an_event_is_as_lambda_sends_it() {
        let (partition, record) = record();
        let event = event(&source(), [(&partition, std::slice::from_ref(&record))]);
        assert_eq!(
            event,
            json!({
                "eventSource": "aws:kafka", "eventSourceArn": "arn:cluster", "bootstrapServers": "b:1",
                "records": { "payment-events-2": [{
                    "topic": "payment-events", "partition": 2, "offset": 7, "timestamp": 1000,
                    "timestampType": "CREATE_TIME", "key": "aw==", "value": "dmFsdWU=", "headers": [{ "h": [1, -1] }],
                }] }
            })
        );
        assert!(record.payload_bytes() >= event["records"]["payment-events-2"][0].to_string().len());
    }

    #[test]
    fn a_failure_document_carries_the_record_to_a_topic_and_only_its_place_to_a_queue() {
        let (partition, record) = record();
        let failure = Failure {
            condition: Condition::RetriesExhausted,
            function_arn: "arn:function",
            invocations: 3,
            request_id: "id",
            timestamp: "now",
        };
        let topic = failure.for_kafka(&source(), &partition, &record);
        assert_eq!(topic["requestContext"]["condition"], "RetriesExhausted");
        assert_eq!(topic["KafkaBatchInfo"]["recordInfo"]["offset"], "7");
        assert_eq!(topic["payload"]["records"]["payment-events-2"][0]["value"], "dmFsdWU=");
        let queue = failure.for_queue(&source(), &partition, &[record]);
        assert_eq!(queue["requestContext"]["condition"], "RetryAttemptsExhausted");
        let place = &queue["KafkaBatchInfo"]["recordsInfo"]["payment-events-2"];
        assert_eq!(place["firstRecordTimestamp"], "1970-01-01T00:00:01.000Z");
        assert!(queue.get("payload").is_none());
    }
}
