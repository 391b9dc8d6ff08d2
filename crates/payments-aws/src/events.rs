//! Events out: to the EventBridge bus and to the Kafka topic, both from one list, in order per payment.

use crate::config::{StartError, sdk_config, variable};
use crate::kafka::Topics;
use crate::table::unavailable;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use krafka::Record;
use payments::event::Event;
use payments::failure::Unavailable;
use payments::ports::Events;

/// Entries of one PutEvents call (EventBridge quota).
const ENTRIES: usize = 10;
/// The `source` of every event on the bus.
const SOURCE: &str = "florin.payments";

/// The bus and the topic.
pub struct EventsOut {
    bus: Client,
    bus_name: String,
    topics: Topics,
    topic: String,
}

impl EventsOut {
    /// From `EVENT_BUS`, `PAYMENT_EVENTS_TOPIC`, `KAFKA_BOOTSTRAP_SERVERS` and `KAFKA_AUTHENTICATION`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self {
            bus: Client::new(&sdk_config()?),
            bus_name: variable("EVENT_BUS")?,
            topics: Topics::from_env().await?,
            topic: variable("PAYMENT_EVENTS_TOPIC")?,
        })
    }

    async fn to_topic(&self, events: &[(Event, String)]) -> Vec<Result<(), Unavailable>> {
        let records = events.iter().map(|(event, text)| {
            Record::new(self.topic.as_str(), text.clone())
                .key(event.subject().to_owned())
                .header("type", event.kind.to_string())
        });
        let outcomes = self.topics.send(records.collect()).await.into_iter();
        outcomes.map(|it| it.map_err(|error| Unavailable::new("the payment-events topic", error))).collect()
    }

    async fn to_bus(&self, events: &[(Event, String)]) -> Vec<Result<(), Unavailable>> {
        let entries = events.iter().map(|(event, text)| {
            PutEventsRequestEntry::builder()
                .event_bus_name(&self.bus_name)
                .source(SOURCE)
                .detail_type(event.kind.to_string())
                .detail(text)
                .build()
        });
        let answer = self.bus.put_events().set_entries(Some(entries.collect())).send().await;
        match answer {
            Err(error) => {
                let reason = unavailable("the event bus", error).source.to_string();
                events.iter().map(|_| Err(Unavailable::new("the event bus", reason.clone()))).collect()
            }
            Ok(answer) => {
                let refused = |code: &str| Err(Unavailable::new("the event bus", code.to_owned()));
                answer.entries().iter().map(|entry| entry.error_code().map_or(Ok(()), refused)).collect()
            }
        }
    }
}

impl Events for EventsOut {
    async fn send(&self, events: &[Event]) -> Vec<Result<(), Unavailable>> {
        let texts: Vec<(Event, String)> = events
            .iter()
            .map(|event| (event.clone(), serde_json::to_string(event).expect("an event is plain data")))
            .collect();
        let mut outcomes = self.to_topic(&texts).await;
        for (chunk, outcomes) in texts.chunks(ENTRIES).zip(outcomes.chunks_mut(ENTRIES)) {
            for (outcome, bus) in outcomes.iter_mut().zip(self.to_bus(chunk).await) {
                if outcome.is_ok() {
                    *outcome = bus;
                }
            }
        }
        outcomes
    }
}
