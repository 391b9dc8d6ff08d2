//! Carries out deliveries: invokes the function, or sends what was given up to its destination.
//!
//! It refuses to decide anything: what to deliver and what follows from the outcome is `batch`'s.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use aws_sdk_lambda::primitives::Blob;
use krafka::producer::Producer;
use krafka::{Kafka, Record as KafkaRecord};
use serde_json::{Value, json};

use super::answer::{Outcome, Range, Verdict, judge};
use super::batch::{Delivery, Part};
use super::clock;
use super::event::{self, Condition, Failure, Source};
use super::mapping::{Destination, Mapping};
use super::report::Reporter;
use crate::aws;

/// What every delivery of a mapping needs.
pub struct Courier {
    /// The mapping.
    pub mapping: Mapping,
    /// Where its events come from.
    pub source: Source,
    /// The AWS endpoint.
    pub endpoint: String,
    /// The client that invokes.
    pub lambda: aws_sdk_lambda::Client,
    /// Writes to a destination that is a topic.
    pub producer: Option<Producer>,
    /// Where deliveries are counted.
    pub reporter: Reporter,
    /// Whether every batch is delivered twice, to test that functions bear it.
    pub twice: bool,
}

impl Courier {
    /// Prepares a mapping's deliveries; the destination shares the group member's connection.
    pub async fn new(kafka: &Kafka, mapping: Mapping, context: &super::Context) -> Result<Self> {
        let producer = match &mapping.destination {
            Some(Destination::Topic(_)) => Some(kafka.producer().build().await.context("a producer")?),
            Some(Destination::Queue(_)) | None => None,
        };
        let source = Source { cluster_arn: mapping.cluster_arn.clone(), bootstrap_servers: context.kafka.clone() };
        Ok(Self {
            mapping,
            source,
            endpoint: context.endpoint.clone(),
            lambda: context.lambda.clone(),
            producer,
            reporter: context.reporter.clone(),
            twice: context.twice,
        })
    }

    /// Carries one out, logs it in one line, and says what became of each part.
    pub async fn carry_out(&self, delivery: Delivery) -> Vec<(Part, Verdict)> {
        match delivery {
            Delivery::Invoke(parts) => self.invoke(parts).await,
            Delivery::GiveUp { part, condition, attempts } => {
                let sent = self.give_up(&part, condition, attempts).await;
                let verdict = match &sent {
                    Ok(()) => Verdict::Done,
                    Err(_) => Verdict::Undelivered,
                };
                self.log_given_up(&part, condition, attempts, sent);
                vec![(part, verdict)]
            }
        }
    }

    async fn invoke(&self, parts: Vec<Part>) -> Vec<(Part, Verdict)> {
        let ranges: Vec<Range> = parts.iter().map(range).collect();
        let event = event::event(&self.source, parts.iter().map(|part| (&part.partition, part.records.as_slice())));
        let payload = event.to_string();
        let started = std::time::Instant::now();
        let mut outcome = self.invoke_once(&payload).await;
        if self.twice && matches!(outcome, Outcome::Answered(_)) {
            outcome = self.invoke_once(&payload).await;
        }
        let (verdicts, word) = judge(&outcome, &ranges, self.mapping.policy.reports_failures);
        self.log_invocation(&parts, &ranges, word, started.elapsed());
        parts.into_iter().zip(verdicts).collect()
    }

    async fn invoke_once(&self, payload: &str) -> Outcome {
        let request = self.lambda.invoke().function_name(&self.mapping.function).payload(Blob::new(payload));
        match request.send().await {
            Err(error) => Outcome::Undelivered(aws_sdk_lambda::error::DisplayErrorContext(error).to_string()),
            Ok(answer) => {
                let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
                match answer.function_error {
                    None => Outcome::Answered(payload),
                    Some(kind) => Outcome::Failed(describe_failure(&kind, &payload)),
                }
            }
        }
    }

    async fn give_up(&self, part: &Part, condition: Condition, attempts: u32) -> Result<()> {
        let failure = Failure {
            condition,
            function_arn: &self.mapping.function_arn,
            invocations: attempts,
            request_id: &clock::random_id(),
            timestamp: &clock::rfc3339(clock::now_milliseconds()),
        };
        match (&self.mapping.destination, &self.producer) {
            (Some(Destination::Topic(topic)), Some(producer)) => {
                for record in &part.records {
                    let document = failure.for_kafka(&self.source, &part.partition, record).to_string();
                    let mut letter = KafkaRecord::new(topic.clone(), document);
                    if let Some(key) = &record.key {
                        letter = letter.key(key.clone());
                    }
                    let written = producer.send(letter).await;
                    written.map(drop).with_context(|| format!("writing to {topic}"))?;
                }
                Ok(())
            }
            (Some(Destination::Queue(queue)), _) => {
                let document = failure.for_queue(&self.source, &part.partition, &part.records);
                send_to_queue(&self.endpoint, queue, &document).await
            }
            (Some(Destination::Topic(_)) | None, _) => Ok(()),
        }
    }

    fn log_invocation(&self, parts: &[Part], ranges: &[Range], word: Option<String>, took: std::time::Duration) {
        let records = parts.iter().map(|part| part.records.len()).sum::<usize>();
        let outcome = word.as_deref().unwrap_or("done");
        let milliseconds = took.as_millis();
        log(&self.mapping, &format!("{}: {records} records, {milliseconds} ms, {outcome}", describe_ranges(ranges)));
        self.reporter.count(&self.mapping.id, |counters| {
            counters.batches += 1;
            counters.records += u64::try_from(records).unwrap_or_default();
            counters.failures += u64::from(word.is_some());
            if word.is_some() {
                counters.last_error = word;
            }
        });
    }

    fn log_given_up(&self, part: &Part, condition: Condition, attempts: u32, sent: Result<()>) {
        let place = describe_ranges(&[range(part)]);
        let count = part.records.len();
        match sent {
            Err(error) => {
                let error = format!("{place}: the destination did not take {count} records: {error:#}");
                log(&self.mapping, &error);
                self.reporter.count(&self.mapping.id, |counters| counters.last_error = Some(error));
            }
            Ok(()) => {
                let target = match &self.mapping.destination {
                    None => "dropped, there is no destination".to_owned(),
                    Some(destination) => format!("sent to {destination:?}"),
                };
                log(&self.mapping, &format!("{place}: {condition:?} after {attempts} tries, {count} records {target}"));
                let count = u64::try_from(count).unwrap_or_default();
                self.reporter.count(&self.mapping.id, |counters| counters.given_up += count);
            }
        }
    }
}

fn range(part: &Part) -> Range {
    let offset = |record: Option<&event::Record>| record.map_or(0, |record| record.offset);
    (part.partition.key(), offset(part.records.first()), offset(part.records.last()))
}

fn describe_ranges(ranges: &[Range]) -> String {
    let mut text = String::new();
    for (index, (key, first, last)) in ranges.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{key} {first}..={last}");
    }
    text
}

/// The error's name and message; the payload of a failed invocation holds them.
fn describe_failure(kind: &str, payload: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(payload).unwrap_or_default();
    let name = answer["errorType"].as_str().unwrap_or(kind);
    format!("{name}: {}", answer["errorMessage"].as_str().unwrap_or("no message"))
}

/// A line of the poller's log.
pub fn log(mapping: &Mapping, line: &str) {
    super::say(&format!("{} <- {}: {line}", mapping.function, mapping.group));
}

async fn send_to_queue(endpoint: &str, queue: &str, document: &Value) -> Result<()> {
    let call = |target: &'static str, body: Value| aws::Call {
        service: "sqs",
        method: "POST",
        path: "/",
        target: Some(target),
        body: body.to_string().into_bytes(),
    };
    let url = call("AmazonSQS.GetQueueUrl", json!({ "QueueName": queue })).send(endpoint).await?;
    let body = json!({ "QueueUrl": url["QueueUrl"], "MessageBody": document.to_string() });
    call("AmazonSQS.SendMessage", body).send(endpoint).await?;
    Ok(())
}
