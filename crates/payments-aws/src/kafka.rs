//! Records out to Kafka, and the dead-letter topics.

use crate::config::{StartError, variable};
use krafka::auth::{AuthConfig, AwsMskIamCredentials};
use krafka::error::KrafkaError;
use krafka::producer::{Acks, Producer};
use krafka::{Kafka, Record};
use payments::failure::Unavailable;
use payments::ledger::{Dead, DeadHeaders};
use payments::ports::DeadLetters;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// How long a record may take to be acknowledged, all tries together.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(8);
/// One request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// One connection; the client refuses more than a request may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Records out, through an idempotent producer.
///
/// A producer that can never send again, because the broker takes it for one that another replaced or does not let it in, is put
/// away: the next call makes a new one. A record that was sent through both may be there twice; every consumer knows events by
/// their ids.
pub(crate) struct Topics {
    kafka: Kafka,
    producer: RefCell<Option<Rc<Producer>>>,
}

impl Topics {
    /// Of `KAFKA_BOOTSTRAP_SERVERS`, authenticated as `KAFKA_AUTHENTICATION` says.
    pub(crate) async fn from_env() -> Result<Self, StartError> {
        let failed = |source: KrafkaError| StartError::Connection { what: "Kafka", source: Box::new(source) };
        let mut kafka = Kafka::builder(variable("KAFKA_BOOTSTRAP_SERVERS")?)
            .client_id("florin")
            .connect_timeout(CONNECT_TIMEOUT)
            .request_timeout(REQUEST_TIMEOUT);
        match variable("KAFKA_AUTHENTICATION")?.as_str() {
            "NONE" => {}
            "IAM" => {
                kafka = kafka.security(AuthConfig::aws_msk_iam_provider(async || AwsMskIamCredentials::from_env()));
            }
            _ => {
                let expected = "expected IAM or NONE";
                return Err(StartError::VariableWrong { name: "KAFKA_AUTHENTICATION", expected });
            }
        }
        let topics = Self { kafka: kafka.connect().await.map_err(failed)?, producer: RefCell::default() };
        topics.producer().await.map_err(failed)?;
        Ok(topics)
    }

    async fn producer(&self) -> Result<Rc<Producer>, KrafkaError> {
        let kept = self.producer.borrow().clone();
        if let Some(producer) = kept {
            return Ok(producer);
        }
        let producer = self.kafka.producer().acks(Acks::All).linger(Duration::ZERO).delivery_timeout(DELIVERY_TIMEOUT);
        let producer = Rc::new(producer.build().await?);
        *self.producer.borrow_mut() = Some(producer.clone());
        Ok(producer)
    }

    /// Enqueues all before it waits for any, so that the broker gets batches; a partition keeps their order. An outcome for each.
    pub(crate) async fn send(&self, records: Vec<Record>) -> Vec<Result<(), KrafkaError>> {
        let producer = match self.producer().await {
            Ok(producer) => producer,
            Err(error) => return records.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut handles = Vec::with_capacity(records.len());
        for record in records {
            handles.push(producer.enqueue(record).await);
        }
        let mut outcomes = Vec::with_capacity(handles.len());
        for handle in handles {
            outcomes.push(match handle {
                Ok(handle) => handle.await.map(drop),
                Err(error) => Err(error),
            });
        }
        if outcomes.iter().any(|outcome| outcome.as_ref().is_err_and(KrafkaError::is_fatal)) {
            self.producer.borrow_mut().take();
        }
        outcomes
    }

    /// Sends one.
    pub(crate) async fn send_one(&self, record: Record) -> Result<(), KrafkaError> {
        self.send(vec![record]).await.pop().expect("an outcome for each record")
    }
}

/// Dead-letter topics: `<topic>-dlq`. Key and value of a letter are the record's own; `cargo xtask redrive` puts them back,
/// and knows a letter of ours by its header `source`.
pub struct DeadLetterTopics(Topics);

impl DeadLetterTopics {
    /// From `KAFKA_BOOTSTRAP_SERVERS` and `KAFKA_AUTHENTICATION`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Topics::from_env().await?))
    }
}

impl DeadLetters for DeadLetterTopics {
    async fn bury(&self, dead: &Dead) -> Result<(), Unavailable> {
        let DeadHeaders { reason, source } = dead.headers();
        let mut record = Record::new(format!("{}-dlq", dead.topic), dead.value.clone().unwrap_or_default())
            .header("reason", reason)
            .header("source", source);
        if dead.value.is_none() {
            record = record.without_value();
        }
        if let Some(key) = &dead.key {
            record = record.key(key.clone());
        }
        self.0.send_one(record).await.map_err(|error| Unavailable::new("the dead-letter topic", error))
    }
}
