//! Endpoints and deliveries as others see them: the HTTP API's answers, and the event about a switched-off endpoint.
//! There is no secret in any of them.

use crate::id::{DeliveryId, EndpointId, MerchantId, Mode, Owner};
use crate::timestamp::Timestamp;
use crate::webhook::{Endpoint, EventFilter};
use crate::webhook_delivery::{AttemptError, Delivery, DeliveryState, GivenUp};
use crate::webhook_url::WebhookUrl;
use serde::Serialize;

/// An endpoint as its merchant sees it: without any secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EndpointView {
    /// Its id.
    pub id: EndpointId,
    /// Where to.
    pub url: WebhookUrl,
    /// Which events.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::webhook::MAX_FILTERS)))]
    pub events: Vec<EventFilter>,
    /// The merchant's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = crate::webhook_request::MAX_DESCRIPTION)))]
    pub description: Option<String>,
    /// Whether it gets events.
    pub enabled: bool,
    /// When it was switched off (RFC 3339, UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Moment"))]
    pub disabled_at: Option<String>,
    /// Since when every attempt failed (RFC 3339, UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Moment"))]
    pub failing_since: Option<String>,
    /// Until when the old secret signs along (RFC 3339, UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Moment"))]
    pub old_secret_until: Option<String>,
    /// When it was made (RFC 3339, UTC).
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Moment"))]
    pub created_at: String,
}

impl EndpointView {
    /// The endpoint as of now.
    pub fn of(endpoint: &Endpoint, now: Timestamp) -> Self {
        let previous = endpoint.previous.as_ref().filter(|previous| now < previous.until);
        Self {
            id: endpoint.endpoint_id.clone(),
            url: endpoint.url.clone(),
            events: endpoint.events.clone(),
            description: endpoint.description.clone(),
            enabled: endpoint.switched_off.is_none(),
            disabled_at: endpoint.switched_off.map(|off| off.at.to_rfc3339()),
            failing_since: endpoint.failing_since.map(Timestamp::to_rfc3339),
            old_secret_until: previous.map(|previous| previous.until.to_rfc3339()),
            created_at: endpoint.created_at.to_rfc3339(),
        }
    }
}

/// What the bus is told when an endpoint was switched off: the envelope of every other event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EndpointEvent {
    /// The endpoint's id and the moment: the same whenever it is sent again.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^wep_[0-9a-f]{32}:[0-9]+$")))]
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schemars(extend("const" = "webhook_endpoint.disabled")))]
    pub kind: String,
    /// The version of the envelope and of what is in it.
    #[cfg_attr(feature = "schema", schemars(extend("const" = crate::event::ENVELOPE)))]
    pub version: u32,
    /// When (RFC 3339, UTC).
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Moment"))]
    pub occurred_at: String,
    /// Whose.
    pub merchant_id: MerchantId,
    /// In which world.
    pub mode: Mode,
    /// The endpoint.
    pub data: EndpointView,
}

impl EndpointEvent {
    /// That the endpoint was switched off, if it was.
    pub fn disabled(owner: &Owner, endpoint: &Endpoint) -> Option<Self> {
        let at = endpoint.switched_off?.at;
        Some(Self {
            id: format!("{}:{}", endpoint.endpoint_id, at.as_millis()),
            kind: "webhook_endpoint.disabled".to_owned(),
            version: crate::event::ENVELOPE,
            occurred_at: at.to_rfc3339(),
            merchant_id: owner.merchant_id.clone(),
            mode: owner.mode,
            data: EndpointView::of(endpoint, at),
        })
    }
}

/// A delivery as its merchant sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveryView {
    /// Its id.
    pub id: DeliveryId,
    /// The event's id.
    pub event_id: String,
    /// What happened.
    pub event_type: String,
    /// Where it is.
    pub state: DeliveryState,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<GivenUp>,
    /// Its attempts, oldest first.
    pub attempts: Vec<AttemptView>,
    /// When the next one is made at the earliest (RFC 3339, UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<String>,
    /// When it was opened (RFC 3339, UTC).
    pub created_at: String,
}

/// An attempt as its merchant sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttemptView {
    /// When it began (RFC 3339, UTC).
    pub at: String,
    /// The answer's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<AttemptError>,
}

impl DeliveryView {
    /// The delivery as it is now.
    pub fn of(delivery: &Delivery) -> Self {
        let attempts = delivery.attempts.iter().map(|attempt| AttemptView {
            at: attempt.at.to_rfc3339(),
            status: attempt.status,
            error: attempt.error,
        });
        let pending = delivery.state == DeliveryState::Pending;
        Self {
            id: delivery.delivery_id.clone(),
            event_id: delivery.event_id.clone(),
            event_type: delivery.event_type.clone(),
            state: delivery.state,
            reason: delivery.given_up,
            attempts: attempts.collect(),
            next_attempt_at: pending.then(|| delivery.next_at.to_rfc3339()),
            created_at: delivery.created_at.to_rfc3339(),
        }
    }
}
