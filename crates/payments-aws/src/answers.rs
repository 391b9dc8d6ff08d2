//! Answers to requests that came over Kafka, to the topic `payment-answers`; the key is the payment's id.

use crate::config::{StartError, variable};
use crate::kafka::Topics;
use krafka::Record;
use payments::failure::Unavailable;
use payments::payment_request::PaymentAnswer;
use payments::ports::Answers;

/// The topic.
pub struct AnswersOut {
    topics: Topics,
    topic: String,
}

impl AnswersOut {
    /// From `PAYMENT_ANSWERS_TOPIC`, `KAFKA_BOOTSTRAP_SERVERS` and `KAFKA_AUTHENTICATION`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self { topics: Topics::from_env().await?, topic: variable("PAYMENT_ANSWERS_TOPIC")? })
    }
}

impl Answers for AnswersOut {
    async fn answer(&self, answer: &PaymentAnswer) -> Result<(), Unavailable> {
        let text = serde_json::to_string(answer).expect("an answer is plain data");
        let record = Record::new(self.topic.as_str(), text).key(answer.payment_id.as_str().to_owned());
        let failed = |error| Unavailable::new("the payment-answers topic", error);
        self.topics.send_one(record).await.map_err(failed)
    }
}
