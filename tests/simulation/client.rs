//! Clients of the API: each makes a payment and does something with it, with a key for each wish, and asks again until it is
//! told how it ended.

use crate::book::{Ask, Reply, Wanted};
use crate::invocation::invoke;
use crate::options::Fault;
use crate::service::{Function, Service};
use crate::store::{DECLINE_FROM, OWNERS, REVIEW_FROM, owner};
use crate::time::{MINUTE, SECOND};
use crate::topics::{Record, Topics};
use crate::world::{Process, World};
use payments::id::{PaymentId, TokenId};
use serde_json::{Value, json};
use std::rc::Rc;

/// How often a client asks for one thing, at growing intervals; far beyond the end of all faults.
const MAX_TRIES: u32 = 200;
/// The longest that it waits between two tries.
const LONGEST_WAIT: i64 = 10 * MINUTE;
/// API Gateway's limit, and so every client's.
const PATIENCE: i64 = 30 * SECOND;

struct Client {
    process: Process,
    owner: usize,
}

/// A request, as often as it is sent.
#[derive(Clone)]
struct Wish {
    resource: &'static str,
    payment_id: Option<PaymentId>,
    key: String,
    body: Value,
    method: &'static str,
    asynchronous: bool,
}

/// The clients of a world, each for one payment.
pub fn start(world: &Rc<World>) {
    for serial in 0..world.options.payments {
        world.clients.set(world.clients.get() + 1);
        let world = Rc::clone(world);
        let own = Rc::clone(&world);
        drop(world.time.spawn(async move {
            own.sleep(own.between(0, own.options.spread)).await;
            pay(&own, serial).await;
            own.clients.set(own.clients.get() - 1);
            own.store.due.ring();
        }));
    }
}

fn draw(world: &World) -> Wanted {
    let amount = match world.below(10) {
        0 => world.between(REVIEW_FROM.cast_signed(), DECLINE_FROM.cast_signed()),
        1 => world.between(DECLINE_FROM.cast_signed(), 200_000),
        _ => world.between(1, REVIEW_FROM.cast_signed()),
    };
    Wanted {
        owner: world.below(OWNERS.len()),
        card: u32::try_from(world.below(world.options.cards as usize)).unwrap_or_default(),
        amount: amount.cast_unsigned(),
        manual: world.below(3) == 0,
        online: world.below(2) == 0,
        over_kafka: world.below(10) == 0,
    }
}

async fn pay(world: &Rc<World>, serial: u32) {
    let wanted = draw(world);
    let own = owner(wanted.owner);
    let token = world.store.tokenize(&own, wanted.card, u64::from(serial), world.time.now());
    // Two owners may use the same key: it is another payment.
    let key = format!("order-{}", serial / 2 * 2);
    let key = if serial % 2 == 1 && world.below(4) > 0 { format!("order-{serial}") } else { key };
    let payment_id = PaymentId::derive(&own, &key.parse().expect("a key"));
    if let Some(other) = world.clients_book.wanted.borrow().get(&payment_id) {
        // The same owner and key: that is the same payment, and somebody makes it already.
        if other.owner != wanted.owner {
            world.violate("10 isolation", Some(&payment_id), "two owners' keys make one payment");
        }
        return;
    }
    world.clients_book.wanted.borrow_mut().insert(payment_id.clone(), wanted.clone());
    world.counts.borrow_mut().payments += 1;
    let client =
        Client { process: Process::new(world, Function::Client, Some(payment_id.clone())), owner: wanted.owner };
    client.process.note(|| format!("wants {wanted:?}"));
    let body = body(&wanted, &token);
    if wanted.over_kafka {
        client.over_kafka(&key, &body).await;
    }
    let wish = Wish {
        resource: "/v1/payments",
        payment_id: None,
        key,
        body,
        method: "POST",
        asynchronous: world.below(12) == 0,
    };
    let twin = world.below(8) == 0;
    if twin {
        let (other, same) = (client.again(), wish.clone());
        drop(world.time.spawn(async move { other.insist(&same).await }));
    }
    let Some(made) = client.insist(&wish).await else { return };
    if made.is_yes() {
        client.go_on(&payment_id, &made, &wanted).await;
        client.look_back(&wish, &payment_id).await;
    }
}

fn body(wanted: &Wanted, token: &TokenId) -> Value {
    let mut body = json!({ "amount": wanted.amount, "currency": "EUR", "token": token });
    if wanted.manual {
        body["capture_method"] = "manual".into();
    }
    if wanted.online {
        body["return_url"] = "https://shop.example/return".into();
    }
    body
}

impl Client {
    fn again(&self) -> Self {
        let process = Process::new(&self.process.world, Function::Client, self.process.subject.clone());
        Self { process, owner: self.owner }
    }

    fn world(&self) -> &Rc<World> {
        &self.process.world
    }

    /// The request as a record, once or twice.
    async fn over_kafka(&self, key: &str, body: &Value) {
        let own = owner(self.owner);
        let request = json!({
            "version": 1, "merchant_id": own.merchant_id, "mode": own.mode, "idempotency_key": key, "body": body,
        });
        let world = self.world();
        for _ in 0..=world.below(2) {
            let partitions = &world.topics.requests;
            let place = Topics::partition_of(key, partitions.len());
            let record = Record::new("", key, request.to_string());
            partitions[place].append(&[record]);
            world.sleep(world.between(0, 2 * SECOND)).await;
        }
        // It looks the answer up over HTTP: the same request is the same payment.
        world.sleep(world.between(0, 20 * SECOND)).await;
    }

    /// Sends it once: an answer, or none.
    async fn send(&self, wish: &Wish) -> Option<(Reply, Value)> {
        let world = self.world();
        let fault = world.arrives(&self.process, Service::Api);
        world.sleep(world.between(5, 80)).await;
        if matches!(fault, Some(Fault::Before | Fault::Throttled | Fault::Apart | Fault::DiesBefore)) {
            return None;
        }
        let (wish, own) = (wish.clone(), owner(self.owner));
        let work = move |process: Rc<Process>| {
            let request = request(&wish, &own);
            async move {
                let p = &*process;
                let bills = api::Bills { settlements: p, invoices: p, files: p };
                let ports = api::Ports { payments: p, merchants: p, tokens: p, ledger: p, workflow: p, system: p };
                let Ok(answer) = api::handle(p, &ports, &bills, request).await;
                Reply { status: answer.status_code, body: answer.body }
            }
        };
        let subject = self.process.subject.clone();
        let answer = world.within(PATIENCE, Box::pin(invoke(&self.process, Function::Api, subject, work))).await;
        let reply = answer?.ok()?;
        if matches!(fault, Some(Fault::After | Fault::Late | Fault::DiesAfter)) {
            return None;
        }
        let document = serde_json::from_str(&reply.body).unwrap_or_default();
        Some((reply, document))
    }

    /// Sends it until it is told how it ended; none if it is never told.
    async fn insist(&self, wish: &Wish) -> Option<Reply> {
        let world = self.world();
        let mut wait = 2 * SECOND;
        for _ in 0..MAX_TRIES {
            if let Some((reply, document)) = self.send(wish).await {
                self.process
                    .note(|| format!("{} {} answers {} {}", wish.resource, wish.key, reply.status, document["status"]));
                let kind = document["type"].as_str().unwrap_or_default();
                let passes = kind.ends_with("in-progress") || matches!(reply.status, 202 | 429 | 500..);
                if reply.is_yes() {
                    self.remember(wish, &reply);
                }
                if !passes {
                    return Some(reply);
                }
            }
            world.sleep(world.between(wait / 2, wait + 1)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        world.violate(
            "4 rest",
            self.process.subject.as_ref(),
            format!("{} {}: never an answer", wish.resource, wish.key),
        );
        None
    }

    /// The same key and body: the same bytes.
    fn remember(&self, wish: &Wish, reply: &Reply) {
        let world = self.world();
        let name = format!("{} {} {}", self.owner, wish.resource, wish.key);
        let mut replies = world.clients_book.replies.borrow_mut();
        let first = replies.entry(name).or_insert_with(|| reply.clone());
        if first != reply {
            let what = format!(
                "{} {}: {} {} and then {} {}",
                wish.resource, wish.key, first.status, first.body, reply.status, reply.body
            );
            world.violate("6 idempotency", self.process.subject.as_ref(), what);
        }
    }

    async fn operate(&self, payment_id: &PaymentId, ask: Ask) -> Option<Reply> {
        let world = self.world();
        world.counts.borrow_mut().operations += 1;
        let key = format!("key-{}", world.bits());
        let body = match &ask {
            Ask::Capture { amount: Some(amount), last } => json!({ "amount": amount, "final_capture": last }),
            Ask::Refund(Some(amount)) => json!({ "amount": amount }),
            Ask::Review { approve } => json!({ "decision": if *approve { "approve" } else { "decline" } }),
            Ask::Capture { amount: None, .. } | Ask::Refund(None) | Ask::Cancel | Ask::Confirm => json!({}),
        };
        let resource = match ask.path() {
            "capture" => "/v1/payments/{payment_id}/capture",
            "cancel" => "/v1/payments/{payment_id}/cancel",
            "refunds" => "/v1/payments/{payment_id}/refunds",
            "review" => "/v1/payments/{payment_id}/review",
            _ => "/v1/payments/{payment_id}/confirm",
        };
        let asynchronous = world.below(12) == 0;
        let wish = Wish {
            resource,
            payment_id: Some(payment_id.clone()),
            key: key.clone(),
            body,
            method: "POST",
            asynchronous,
        };
        // Asked for, whatever comes of it.
        let place = {
            let mut asked = world.clients_book.asked.borrow_mut();
            let list = asked.entry(payment_id.clone()).or_default();
            list.push((ask, key, None));
            list.len() - 1
        };
        let reply = self.insist(&wish).await;
        self.note_down(payment_id, place, reply.as_ref());
        if reply.as_ref().is_some_and(Reply::is_yes) && world.below(8) == 0 {
            world.sleep(world.between(0, MINUTE)).await;
            self.insist(&Wish { asynchronous: false, ..wish }).await;
        }
        reply
    }

    fn note_down(&self, payment_id: &PaymentId, place: usize, reply: Option<&Reply>) {
        let mut asked = self.world().clients_book.asked.borrow_mut();
        if let Some(entry) = asked.get_mut(payment_id).and_then(|list| list.get_mut(place)) {
            entry.2 = reply.cloned();
        }
    }

    /// Two wishes at once.
    async fn both(&self, payment_id: &PaymentId, one: Ask, other: Ask) {
        let (second, id) = (self.again(), payment_id.clone());
        let running = self.world().time.spawn(async move { second.operate(&id, other).await });
        self.operate(payment_id, one).await;
        running.await;
    }

    async fn go_on(&self, id: &PaymentId, made: &Reply, wanted: &Wanted) {
        let world = self.world();
        if !world.is_calm() {
            world.sleep(world.between(0, [1, SECOND, MINUTE][world.below(3)] + 1)).await;
        }
        let status: Value = serde_json::from_str(&made.body).unwrap_or_default();
        let half = (wanted.amount / 2).max(1);
        let capture = |amount, last| Ask::Capture { amount, last };
        match (status["status"].as_str().unwrap_or_default(), world.below(8)) {
            ("requires_capture", 0) => drop(self.operate(id, Ask::Cancel).await),
            ("requires_capture", 1) => self.both(id, capture(None, true), Ask::Cancel).await,
            ("requires_capture", 2) => self.both(id, capture(Some(half), false), capture(Some(half), true)).await,
            ("requires_capture", 3) => {
                self.operate(id, capture(Some(half), false)).await;
                self.operate(id, capture(None, true)).await;
            }
            ("requires_capture", 4) => {
                self.operate(id, capture(Some(half), false)).await;
                self.both(id, capture(Some(half), false), Ask::Cancel).await;
            }
            // Left to expire, whole or in part.
            ("requires_capture", 5) => {}
            ("requires_capture", 6) => drop(self.operate(id, capture(Some(half), false)).await),
            ("requires_capture", _) => {
                self.operate(id, capture(Some(wanted.amount + 1), true)).await;
                self.operate(id, capture(None, true)).await;
                self.operate(id, Ask::Refund(None)).await;
            }
            ("succeeded", 0) => drop(self.operate(id, Ask::Refund(None)).await),
            ("succeeded", 1) => self.both(id, Ask::Refund(Some(half)), Ask::Refund(Some(half))).await,
            ("succeeded", 2) => self.both(id, Ask::Refund(None), Ask::Refund(None)).await,
            ("succeeded", 3) => {
                self.operate(id, Ask::Refund(Some(wanted.amount + 1))).await;
                self.operate(id, Ask::Refund(Some(half))).await;
            }
            ("succeeded", 4) => self.both(id, Ask::Cancel, Ask::Refund(Some(1))).await,
            ("in_review", 0) => self.both(id, Ask::Review { approve: true }, Ask::Review { approve: false }).await,
            ("in_review", 1) => drop(self.operate(id, Ask::Cancel).await),
            ("in_review", 2) => drop(self.operate(id, Ask::Review { approve: false }).await),
            ("in_review", 3) => {}
            ("in_review", _) => {
                self.operate(id, Ask::Review { approve: true }).await;
                self.operate(id, Ask::Refund(Some(half))).await;
            }
            ("requires_action", 0) => drop(self.operate(id, Ask::Cancel).await),
            ("requires_action", 1) => self.both(id, Ask::Confirm, Ask::Cancel).await,
            ("requires_action", 2) => {}
            ("requires_action", _) => {
                world.sleep(world.between(0, 6 * SECOND)).await;
                self.operate(id, Ask::Confirm).await;
            }
            _ => {}
        }
    }

    /// The same request later; another body under its key; another owner's look at it.
    async fn look_back(&self, wish: &Wish, payment_id: &PaymentId) {
        let world = self.world();
        match world.below(8) {
            0 => drop(self.insist(&Wish { asynchronous: false, ..wish.clone() }).await),
            1 => {
                let mut other = wish.clone();
                other.body["amount"] = 7.into();
                let reply = self.insist(&other).await;
                if reply.is_some_and(|reply| reply.status != 422) && wish.body["amount"] != 7 {
                    world.violate("6 idempotency", Some(payment_id), "another body under a used key is not refused");
                }
            }
            2 => {
                let stranger = Self { owner: (self.owner + 1) % OWNERS.len(), ..self.again() };
                let look = Wish {
                    resource: "/v1/payments/{payment_id}",
                    payment_id: Some(payment_id.clone()),
                    method: "GET",
                    ..wish.clone()
                };
                if stranger.insist(&look).await.is_some_and(|reply| reply.status != 404) {
                    world.violate("10 isolation", Some(payment_id), "another owner sees it");
                }
                let cancel =
                    Wish { resource: "/v1/payments/{payment_id}/cancel", method: "POST", body: json!({}), ..look };
                if stranger.insist(&cancel).await.is_some_and(|reply| reply.status != 404) {
                    world.violate("10 isolation", Some(payment_id), "another owner cancels it");
                }
            }
            _ => {}
        }
    }
}

fn request(wish: &Wish, own: &payments::id::Owner) -> task::http::ProxyRequest {
    let mut headers = json!({ "Content-Type": "application/json", "Idempotency-Key": wish.key });
    if wish.asynchronous {
        headers["Prefer"] = "respond-async".into();
    }
    let parameters = wish.payment_id.as_ref().map(|id| json!({ "payment_id": id }));
    let request = json!({
        "httpMethod": wish.method, "resource": wish.resource, "pathParameters": parameters, "headers": headers,
        "body": wish.body.to_string(),
        "requestContext": { "requestId": "r", "authorizer": { "merchant_id": own.merchant_id, "mode": own.mode } },
    });
    serde_json::from_value(request).expect("a request as API Gateway makes it")
}
