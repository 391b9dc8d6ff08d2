//! Webhook endpoints: where a merchant wants to be told about which events. All endpoints of an owner are one record, so
//! that their number has a limit that cannot be raced and one owner's record never holds another's endpoint.

use crate::failure::Unavailable;
use crate::id::{EndpointId, InvalidId, Owner};
use crate::ports::{LoadEndpoints, SaveEndpoints, Saved};
use crate::timestamp::Timestamp;
use crate::webhook_url::WebhookUrl;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Endpoints of one owner.
pub const MAX_ENDPOINTS: usize = 16;
/// Filters of one endpoint.
pub const MAX_FILTERS: usize = 20;
/// How long the old secret signs along after a rotation: a day.
pub const OVERLAP_SECONDS: i64 = 24 * 60 * 60;
/// An endpoint that failed for so long without any success is switched off: five days.
pub const FAILING_SECONDS: i64 = 5 * 24 * 60 * 60;
/// An endpoint that gave no answer at all is left alone for so long: a dead one must not take the others' time.
pub const REST_SECONDS: i64 = 60;
/// How often a change starts again because someone else was faster.
const MAX_ROUNDS: u32 = 8;
/// What events are about.
const SUBJECTS: [&str; 4] = ["payment", "payout", "refund", "webhook_endpoint"];
/// The longest filter, in characters.
const MAX_FILTER: usize = 64;
/// What a filter looks like, to others.
#[cfg(feature = "schema")]
const FILTER: &str = r"^(\*|(payment|payout|refund|webhook_endpoint)\.(\*|[a-z_]+(\.[a-z_]+)*))$";

/// Which events an endpoint wants: `*`, `payment.*`, or one by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventFilter(
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_FILTER), regex(pattern = FILTER)))] String,
);

impl EventFilter {
    /// Every event.
    pub fn all() -> Self {
        Self("*".to_owned())
    }

    /// Whether an event of that type passes.
    pub fn matches(&self, event_type: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(start) => event_type.starts_with(start),
            None => event_type == self.0,
        }
    }
}

impl FromStr for EventFilter {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let known = match text.split_once('.') {
            None => text == "*",
            Some((subject, rest)) => SUBJECTS.contains(&subject) && (rest == "*" || rest.split('.').all(word)),
        };
        if known && text.len() <= MAX_FILTER {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidId(
            "*, payment.*, payout.*, refund.*, webhook_endpoint.*, or an event's name such as payment.succeeded",
        ))
    }
}

impl fmt::Display for EventFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

crate::id::string_serde!(EventFilter);

/// An endpoint's signing secret under the webhooks' key, base64. It opens for its own merchant and endpoint only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedSecret(pub String);

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedSecret")
    }
}

/// A secret that was replaced, and signs along for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The secret.
    pub secret: SealedSecret,
    /// From this moment on it signs no more.
    pub until: Timestamp,
}

/// That an endpoint was switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchedOff {
    /// When.
    pub at: Timestamp,
    /// Whether the bus was told.
    pub announced: bool,
}

/// Where and how one owner is told about events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id.
    pub endpoint_id: EndpointId,
    /// Where to.
    pub url: WebhookUrl,
    /// Which events: those that pass any of the filters.
    pub events: Vec<EventFilter>,
    /// The merchant's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What signs.
    pub secret: SealedSecret,
    /// What signs along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousSecret>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The first failure after which there was no success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// Until when it is left alone, because it gave no answer at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resting_until: Option<Timestamp>,
    /// That it gets nothing any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched_off: Option<SwitchedOff>,
}

/// What an attempt said about an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It took the event.
    Good,
    /// It answered, and did not take it.
    Refused,
    /// It did not answer.
    Silent,
}

impl Endpoint {
    /// A new endpoint, switched on.
    pub fn new(
        endpoint_id: EndpointId,
        url: WebhookUrl,
        events: Vec<EventFilter>,
        description: Option<String>,
        secret: SealedSecret,
        now: Timestamp,
    ) -> Self {
        Self {
            endpoint_id,
            url,
            events,
            description,
            secret,
            previous: None,
            created_at: now,
            failing_since: None,
            resting_until: None,
            switched_off: None,
        }
    }

    /// Whether it is switched on and wants events of that type.
    pub fn wants(&self, event_type: &str) -> bool {
        self.switched_off.is_none() && self.events.iter().any(|filter| filter.matches(event_type))
    }

    /// The secrets that sign at that moment, the newest first.
    pub fn secrets(&self, now: Timestamp) -> Vec<&SealedSecret> {
        let previous = self.previous.iter().filter(|previous| now < previous.until).map(|previous| &previous.secret);
        std::iter::once(&self.secret).chain(previous).collect()
    }

    /// Signs with `secret` from now on; what signed until now signs along for [`OVERLAP_SECONDS`].
    pub fn rotate(&mut self, secret: SealedSecret, now: Timestamp) {
        let old = std::mem::replace(&mut self.secret, secret);
        self.previous = Some(PreviousSecret { secret: old, until: now.plus_seconds(OVERLAP_SECONDS) });
    }

    /// Switches it on, as if it had never failed.
    pub fn enable(&mut self) {
        self.failing_since = None;
        self.resting_until = None;
        self.switched_off = None;
    }

    /// Remembers how an attempt went, and switches the endpoint off if it has failed for [`FAILING_SECONDS`].
    pub fn remember(&mut self, health: Health, now: Timestamp) {
        if health == Health::Good {
            self.failing_since = None;
            self.resting_until = None;
            return;
        }
        let since = *self.failing_since.get_or_insert(now);
        // A rest that has hardly begun is long enough: of a hundred attempts at once, one has to write it down.
        let long_enough = |until: Timestamp| now.plus_seconds(REST_SECONDS / 2) <= until;
        if health == Health::Silent && !self.resting_until.is_some_and(long_enough) {
            self.resting_until = Some(now.plus_seconds(REST_SECONDS));
        }
        if since.plus_seconds(FAILING_SECONDS) <= now && self.switched_off.is_none() {
            self.switched_off = Some(SwitchedOff { at: now, announced: false });
        }
    }
}

/// Every endpoint of one owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// `<merchant>#<mode>`: the record's key.
    pub owner: String,
    /// 0 if nothing is stored; one more with each change, and every save is on condition of the one before.
    pub version: u64,
    /// The endpoints, oldest first.
    pub list: Vec<Endpoint>,
}

/// There are [`MAX_ENDPOINTS`] already.
#[derive(Debug, thiserror::Error)]
#[error("there are {MAX_ENDPOINTS} endpoints already, which is the limit: delete one first")]
pub struct TooManyEndpoints;

impl Endpoints {
    /// The key of an owner's record.
    pub fn key(owner: &Owner) -> String {
        format!("{}#{}", owner.merchant_id, owner.mode)
    }

    /// An owner without endpoints.
    pub fn none(owner: &Owner) -> Self {
        Self { owner: Self::key(owner), version: 0, list: Vec::new() }
    }

    /// The endpoint of that id.
    pub fn find(&self, endpoint_id: &EndpointId) -> Option<&Endpoint> {
        self.list.iter().find(|endpoint| endpoint.endpoint_id == *endpoint_id)
    }

    /// With one more endpoint.
    pub fn add(&mut self, endpoint: Endpoint) -> Result<(), TooManyEndpoints> {
        if self.list.len() >= MAX_ENDPOINTS {
            return Err(TooManyEndpoints);
        }
        self.list.push(endpoint);
        Ok(())
    }
}

/// The one way in which an owner's endpoints are changed: load, decide, save on condition of the version, again if
/// someone else was faster. Nothing is written if `decide` changes nothing or refuses.
pub async fn change<R, E: From<Unavailable>>(
    store: &(impl LoadEndpoints + SaveEndpoints),
    owner: &Owner,
    decide: impl Fn(&mut Endpoints) -> Result<R, E>,
) -> Result<R, E> {
    for _ in 0..MAX_ROUNDS {
        let seen = store.endpoints(owner).await?;
        let mut next = seen.clone();
        let answer = decide(&mut next)?;
        if next == seen {
            return Ok(answer);
        }
        next.version += 1;
        if store.save_endpoints(&next).await? == Saved::Done {
            return Ok(answer);
        }
    }
    Err(Unavailable::new("the endpoints' turn", format!("someone else was faster {MAX_ROUNDS} times")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_star_a_subject_or_an_event() {
        for (text, event, passes) in [
            ("*", "payment.succeeded", true),
            ("payment.*", "payment.succeeded", true),
            ("payment.*", "refund.succeeded", false),
            ("payment.*", "payments.succeeded", false),
            ("payment.succeeded", "payment.succeeded", true),
            ("payment.succeeded", "payment.succeeded_twice", false),
            ("webhook_endpoint.*", "webhook_endpoint.disabled", true),
        ] {
            let filter: EventFilter = text.parse().expect(text);
            assert_eq!(filter.matches(event), passes, "{text} {event}");
        }
        for text in
            ["", "**", "*.*", "payment", "payment.", "payment.Succeeded", "payment.s*", "card.*", ".*", "fraud.alert"]
        {
            assert!(text.parse::<EventFilter>().is_err(), "{text:?}");
        }
    }

    fn endpoint() -> Endpoint {
        let url = WebhookUrl::parse("https://example.com/", None).expect("a URL");
        let id = EndpointId::from_random([1; 16]);
        Endpoint::new(id, url, vec![EventFilter::all()], None, SealedSecret("a".to_owned()), Timestamp::from_millis(0))
    }

    #[test]
    fn the_old_secret_signs_along_for_a_day_and_only_the_last_one() {
        let mut endpoint = endpoint();
        let at = |seconds| Timestamp::from_millis(0).plus_seconds(seconds);
        endpoint.rotate(SealedSecret("b".to_owned()), at(0));
        endpoint.rotate(SealedSecret("c".to_owned()), at(10));
        let names = |seconds| endpoint.secrets(at(seconds)).iter().map(|secret| secret.0.as_str()).collect::<String>();
        assert_eq!(names(OVERLAP_SECONDS + 9), "cb");
        assert_eq!(names(OVERLAP_SECONDS + 10), "c");
    }

    #[test]
    fn an_endpoint_is_switched_off_after_five_days_without_any_success() {
        let check = |steps: &[(i64, Health)], off: bool| {
            let mut endpoint = endpoint();
            for (hours, health) in steps {
                endpoint.remember(*health, Timestamp::from_millis(0).plus_seconds(hours * 3600));
            }
            assert_eq!(endpoint.switched_off.is_some(), off, "{steps:?}");
        };
        check(&[(0, Health::Refused), (119, Health::Silent)], false);
        check(&[(0, Health::Refused), (120, Health::Silent)], true);
        check(&[(0, Health::Silent), (60, Health::Good), (120, Health::Refused)], false);
        check(&[(0, Health::Silent), (60, Health::Good), (61, Health::Refused), (181, Health::Refused)], true);
    }
}
