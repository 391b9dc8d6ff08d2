//! Webhooks in memory and in virtual time: the tables, the queue, the schedule, the key, merchants' servers and the bus,
//! with planned failures before and after each call.

use crate::world::Fault;
use payments::failure::Unavailable;
use payments::id::{DeliveryId, EndpointId, Mode, Owner};
use payments::ports::*;
use payments::secret::Secret;
use payments::timestamp::Timestamp;
use payments::webhook::{Endpoints, SealedSecret};
use payments::webhook_delivery::{Delivery, DeliveryReference, DeliveryState, Outcome};
use payments::webhook_url::WebhookUrl;
use payments::webhook_view::EndpointEvent;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use task::http::{ProxyAnswer, ProxyRequest};
use task::queue::ItemsAnswer;

/// When the test begins.
pub const START: i64 = 1_795_000_000_000;
/// A message that failed comes again after so long, and after so many times it is put aside, as the template says.
const VISIBILITY_MILLIS: i64 = 180_000;
const MAX_RECEIVES: u32 = 10;
/// The schedule.
const MINUTE_MILLIS: i64 = 60_000;

/// A message in a queue.
#[derive(Clone, Debug)]
struct Queued {
    at: i64,
    receives: u32,
    body: String,
}

/// A request that a merchant's server took.
#[derive(Clone, Debug)]
pub struct Posted {
    pub at: i64,
    pub url: String,
    pub headers: BTreeMap<&'static str, String>,
    pub body: String,
}

#[derive(Default)]
pub struct Webhooks {
    pub now: Cell<i64>,
    pub calls: Cell<u32>,
    /// From which call on, how many, and how.
    pub fault: Cell<Option<(u32, u32, Fault)>>,
    pub books: RefCell<BTreeMap<String, Endpoints>>,
    pub deliveries: RefCell<BTreeMap<DeliveryReference, Delivery>>,
    pub posted: RefCell<Vec<Posted>>,
    pub told: RefCell<Vec<EndpointEvent>>,
    /// What the server of that URL answers; 200 if nothing is said.
    pub answers: RefCell<BTreeMap<String, Outcome>>,
    /// Whether what came of an attempt cannot be saved, while everything else can.
    pub refuse_outcomes: Cell<bool>,
    queue: RefCell<Vec<Queued>>,
    bits: Cell<u128>,
}

pub fn owner_of(merchant: &str, mode: Mode) -> Owner {
    Owner { merchant_id: merchant.parse().unwrap(), mode }
}

/// An event of any kind, as the bus carries it.
pub fn event(owner: &Owner, id: &str, kind: &str) -> Value {
    json!({
        "id": id, "type": kind, "version": 1, "occurred_at": Timestamp::from_millis(START).to_rfc3339(),
        "merchant_id": owner.merchant_id, "mode": owner.mode, "data": { "about": id },
    })
}

impl Webhooks {
    pub fn new() -> Self {
        let world = Self::default();
        world.now.set(START);
        world
    }

    fn call<T>(&self, effect: impl FnOnce() -> T) -> Result<T, Unavailable> {
        let call = self.calls.get();
        self.calls.set(call + 1);
        let planned = self.fault.get().filter(|(from, count, _)| (*from..from.saturating_add(*count)).contains(&call));
        let planned = planned.map(|(.., fault)| fault);
        if planned == Some(Fault::Before) {
            return Err(Unavailable::new("the world", "planned, before"));
        }
        let answer = effect();
        if planned == Some(Fault::After) {
            return Err(Unavailable::new("the world", "planned, after"));
        }
        Ok(answer)
    }

    /// A request to `subscribe`; `target` is the path with its query.
    pub async fn ask(&self, owner: &Owner, method: &str, target: &str, body: Option<Value>) -> (u16, Value) {
        let answer = self.ask_whole(owner, method, target, body).await;
        (answer.status_code, serde_json::from_str(&answer.body).unwrap_or(Value::Null))
    }

    pub async fn ask_whole(&self, owner: &Owner, method: &str, target: &str, body: Option<Value>) -> ProxyAnswer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut parameters = serde_json::Map::new();
        let parts: Vec<&str> = path.split('/').collect();
        let resource = parts.iter().enumerate().map(|(place, part)| match place {
            3 => {
                parameters.insert("endpoint_id".to_owned(), json!(part));
                "{endpoint_id}"
            }
            5 => {
                parameters.insert("delivery_id".to_owned(), json!(part));
                "{delivery_id}"
            }
            _ => part,
        });
        let resource = resource.collect::<Vec<_>>().join("/");
        let query: BTreeMap<_, _> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let request: ProxyRequest = serde_json::from_value(json!({
            "httpMethod": method, "resource": resource, "pathParameters": parameters, "queryStringParameters": query,
            "headers": { "content-type": "application/json" }, "body": body.map(|body| body.to_string()),
            "requestContext": {
                "requestId": "r1", "authorizer": { "merchant_id": owner.merchant_id, "mode": owner.mode },
            },
        }))
        .unwrap();
        let ports = subscribe::Ports {
            endpoints: self,
            deliveries: self,
            queue: self,
            secrets: self,
            system: self,
            receiver: None,
        };
        subscribe::handle(&crate::world::World::new(), &ports, request).await.unwrap()
    }

    /// A new endpoint: its id and its secret.
    pub async fn subscribe(&self, owner: &Owner, url: &str, events: &[&str]) -> (String, Secret) {
        let body = json!({ "url": url, "events": events });
        let (status, answer) = self.ask(owner, "POST", "/v1/webhook_endpoints", Some(body)).await;
        assert_eq!(status, 201, "{answer}");
        let secret = Secret::new(answer["secret"].as_str().unwrap().to_owned());
        (answer["id"].as_str().unwrap().to_owned(), secret)
    }

    /// The bus hands an event to the queue.
    pub fn publish(&self, event: &Value) {
        let body = json!({ "source": "florin.payments", "detail": event }).to_string();
        self.queue.borrow_mut().push(Queued { at: self.now.get(), receives: 0, body });
    }

    pub async fn notify(&self, request: Value) -> Result<ItemsAnswer, notify::Error> {
        let ports = notify::Ports {
            endpoints: self,
            deliveries: self,
            queue: self,
            courier: self,
            secrets: self,
            bus: self,
            system: self,
        };
        notify::handle(&ports, serde_json::from_value(request).unwrap()).await
    }

    /// When something happens next by itself.
    fn next_event(&self) -> Option<i64> {
        let queued = self.queue.borrow().iter().map(|message| message.at).min();
        let due = self.deliveries.borrow().values().filter_map(|delivery| delivery.due_at).min();
        // The schedule runs at each full minute; what is due is seen by the next run.
        let swept = due.map(|due| (due.as_millis().max(self.now.get()) / MINUTE_MILLIS + 1) * MINUTE_MILLIS);
        queued.into_iter().chain(swept).min()
    }

    /// Lets the time pass until `seconds` after the start.
    pub async fn run_until(&self, seconds: i64) {
        let end = START + seconds * 1000;
        while let Some(at) = self.next_event().filter(|at| *at <= end) {
            self.now.set(self.now.get().max(at));
            let place = self.queue.borrow().iter().position(|message| message.at <= at);
            match place {
                Some(place) => {
                    let message = self.queue.borrow_mut().remove(place);
                    self.receive(message).await;
                }
                None => {
                    // A run that breaks off comes again a minute later.
                    let _ = self.notify(json!({ "detail-type": "Scheduled Event" })).await;
                    self.now.set(self.now.get() + 1);
                }
            }
        }
        self.now.set(self.now.get().max(end));
    }

    async fn receive(&self, message: Queued) {
        let record = json!({ "messageId": "m1", "body": message.body });
        let response = self.notify(json!({ "Records": [record] })).await.unwrap();
        if !response.batch_item_failures.is_empty() && message.receives + 1 < MAX_RECEIVES {
            let at = self.now.get() + VISIBILITY_MILLIS;
            self.queue.borrow_mut().push(Queued { at, receives: message.receives + 1, ..message });
        }
    }

    /// What the server of that URL took.
    pub fn at(&self, url: &str) -> Vec<Posted> {
        self.posted.borrow().iter().filter(|posted| posted.url == url).cloned().collect()
    }

    pub fn states(&self) -> Vec<DeliveryState> {
        self.deliveries.borrow().values().map(|delivery| delivery.state).collect()
    }
}

impl Clock for Webhooks {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.get())
    }
}

impl Randomness for Webhooks {
    fn bits(&self) -> [u8; 16] {
        self.bits.set(self.bits.get().wrapping_add(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        self.bits.get().to_le_bytes()
    }
}

impl LoadEndpoints for Webhooks {
    async fn endpoints(&self, owner: &Owner) -> Result<Endpoints, Unavailable> {
        let there = || self.books.borrow().get(&Endpoints::key(owner)).cloned();
        self.call(|| there().unwrap_or_else(|| Endpoints::none(owner)))
    }
}

impl SaveEndpoints for Webhooks {
    async fn save_endpoints(&self, endpoints: &Endpoints) -> Result<Saved, Unavailable> {
        self.call(|| {
            let mut books = self.books.borrow_mut();
            let before = books.get(&endpoints.owner).map_or(0, |there| there.version);
            if before + 1 != endpoints.version {
                return Saved::Conflict;
            }
            books.insert(endpoints.owner.clone(), endpoints.clone());
            Saved::Done
        })
    }
}

/// What a secret is sealed for stands before it, and only there it opens.
fn context(owner: &Owner, endpoint_id: &EndpointId) -> String {
    format!("{}|{endpoint_id}|", owner.merchant_id)
}

impl SealSecret for Webhooks {
    async fn seal(&self, owner: &Owner, id: &EndpointId, secret: &Secret) -> Result<SealedSecret, Unavailable> {
        self.call(|| SealedSecret(context(owner, id) + secret.expose()))
    }
}

impl OpenSecret for Webhooks {
    async fn open(&self, owner: &Owner, id: &EndpointId, sealed: &SealedSecret) -> Result<Secret, Unavailable> {
        let opened = self.call(|| sealed.0.strip_prefix(&context(owner, id)).map(str::to_owned))?;
        opened.map(Secret::new).ok_or_else(|| Unavailable::new("the key", "sealed for another"))
    }
}

impl OpenDelivery for Webhooks {
    async fn open_delivery(&self, delivery: &Delivery) -> Result<Saved, Unavailable> {
        self.call(|| {
            let mut deliveries = self.deliveries.borrow_mut();
            if deliveries.contains_key(&delivery.reference()) {
                return Saved::Conflict;
            }
            deliveries.insert(delivery.reference(), delivery.clone());
            Saved::Done
        })
    }
}

impl LoadDelivery for Webhooks {
    async fn delivery(&self, reference: &DeliveryReference) -> Result<Option<Delivery>, Unavailable> {
        self.call(|| self.deliveries.borrow().get(reference).cloned())
    }
}

impl SaveDelivery for Webhooks {
    async fn save_delivery(&self, delivery: &Delivery) -> Result<Saved, Unavailable> {
        let over = delivery.attempts.last().is_some_and(|last| last.status.is_some() || last.error.is_some());
        if self.refuse_outcomes.get() && over {
            return Err(Unavailable::new("the world", "no outcome is saved"));
        }
        self.call(|| {
            let mut deliveries = self.deliveries.borrow_mut();
            let there = deliveries.get(&delivery.reference()).map(|there| there.version);
            if there.map(|version| version + 1) != Some(delivery.version) {
                return Saved::Conflict;
            }
            deliveries.insert(delivery.reference(), delivery.clone());
            Saved::Done
        })
    }
}

impl ListDeliveries for Webhooks {
    async fn deliveries(
        &self,
        endpoint_id: &EndpointId,
        after: Option<&DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, Unavailable> {
        self.call(|| {
            let deliveries = self.deliveries.borrow();
            let of_endpoint = deliveries.values().rev().filter(|delivery| delivery.endpoint_id == *endpoint_id);
            let behind = of_endpoint.filter(|delivery| after.is_none_or(|after| delivery.delivery_id < *after));
            behind.take(limit).cloned().collect()
        })
    }
}

impl DueDeliveries for Webhooks {
    async fn due_deliveries(&self, now: Timestamp, limit: usize) -> Result<Vec<DeliveryReference>, Unavailable> {
        self.call(|| {
            let deliveries = self.deliveries.borrow();
            let due = deliveries.values().filter(|delivery| delivery.due_at.is_some_and(|due| due <= now));
            due.take(limit).map(Delivery::reference).collect()
        })
    }
}

impl DeliveryQueue for Webhooks {
    async fn enqueue(&self, reference: &DeliveryReference, delay_seconds: u16) -> Result<(), Unavailable> {
        let body = serde_json::to_string(reference).unwrap();
        let at = self.now.get() + i64::from(delay_seconds) * 1000;
        self.call(|| self.queue.borrow_mut().push(Queued { at, receives: 0, body }))
    }
}

impl Courier for Webhooks {
    async fn post(&self, url: &WebhookUrl, headers: &[(&'static str, String)], body: &str) -> Outcome {
        let headers = headers.iter().cloned().collect();
        let posted = Posted { at: self.now.get(), url: url.to_string(), headers, body: body.to_owned() };
        self.posted.borrow_mut().push(posted);
        self.answers.borrow().get(url.as_str()).copied().unwrap_or(Ok(200))
    }
}

impl Announce for Webhooks {
    async fn announce(&self, event: &EndpointEvent) -> Result<(), Unavailable> {
        crate::schemas::check("events/webhook-endpoint.v1", event);
        self.call(|| self.told.borrow_mut().push(event.clone()))
    }
}
