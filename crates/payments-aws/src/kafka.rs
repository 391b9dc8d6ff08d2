//! The Kafka producer, and the dead-letter topics.

use crate::config::{StartError, variable};
use krafka::auth::{AuthConfig, AwsMskIamCredentials};
use krafka::producer::{Acks, Producer};
use krafka::{Kafka, Record};
use payments::failure::Unavailable;
use payments::ledger::{Dead, DeadHeaders};
use payments::ports::DeadLetters;
use std::time::Duration;

/// How long a record may take to be acknowledged, all tries together.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(8);
/// One request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// One connection; the client refuses more than a request may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The idempotent producer of `KAFKA_BOOTSTRAP_SERVERS`, authenticated as `KAFKA_AUTHENTICATION` says.
pub(crate) async fn producer() -> Result<Producer, StartError> {
    let failed =
        |source: krafka::error::KrafkaError| StartError::Connection { what: "Kafka", source: Box::new(source) };
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
    let kafka = kafka.connect().await.map_err(failed)?;
    kafka
        .producer()
        .acks(Acks::All)
        .linger(Duration::ZERO)
        .delivery_timeout(DELIVERY_TIMEOUT)
        .build()
        .await
        .map_err(failed)
}

/// Dead-letter topics: `<topic>-dlq`. Key and value of a letter are the record's own; `cargo xtask redrive` puts them back,
/// and knows a letter of ours by its header `source`.
pub struct DeadLetterTopics(Producer);

impl DeadLetterTopics {
    /// From `KAFKA_BOOTSTRAP_SERVERS` and `KAFKA_AUTHENTICATION`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(producer().await?))
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
        self.0.send(record).await.map(|_| ()).map_err(|error| Unavailable::new("the dead-letter topic", error))
    }
}
