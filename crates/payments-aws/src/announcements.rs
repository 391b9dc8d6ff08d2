//! Events about webhook endpoints, to the EventBridge bus.

use crate::config::{StartError, sdk_config, variable};
use crate::table::unavailable;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use payments::failure::Unavailable;
use payments::ports::Announce;
use payments::webhook_view::EndpointEvent;

/// The `source` of every event about webhook endpoints.
const SOURCE: &str = "florin.webhooks";

/// The bus.
#[derive(Clone, Debug)]
pub struct AnnouncementsOut {
    bus: Client,
    bus_name: String,
}

impl AnnouncementsOut {
    /// From `EVENT_BUS`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self { bus: Client::new(&sdk_config()?), bus_name: variable("EVENT_BUS")? })
    }
}

impl Announce for AnnouncementsOut {
    async fn announce(&self, event: &EndpointEvent) -> Result<(), Unavailable> {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus_name)
            .source(SOURCE)
            .detail_type(&event.kind)
            .detail(serde_json::to_string(event).expect("an event is plain data"))
            .build();
        let answer = self.bus.put_events().entries(entry).send().await;
        let answer = answer.map_err(|error| unavailable("the event bus", error))?;
        let refused = answer.entries().iter().find_map(|entry| entry.error_code());
        refused.map_or(Ok(()), |code| Err(Unavailable::new("the event bus", code.to_owned())))
    }
}
