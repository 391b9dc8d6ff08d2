//! `ingest`: a request over Kafka is the payment that the same request over HTTP is, however often and by whatever way it
//! comes, with a failure before and after each call, and with records that nobody can read.

use crate::machine::{self, Call};
use crate::world::{Fault, World, owner};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use payments::failure::Unavailable;
use payments::id::PaymentId;
use payments::ledger::Dead;
use payments::payment::CaptureMethod;
use payments::payment_request::PaymentAnswer;
use payments::ports::{Answers, DeadLetters};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use task::kafka::KafkaAnswer;

/// More deliveries than any test needs.
const DELIVERIES: usize = 20;

#[derive(Default)]
struct Topics {
    down: Cell<bool>,
    answers: RefCell<Vec<PaymentAnswer>>,
    dead: RefCell<Vec<Dead>>,
}

impl Topics {
    fn take<T>(&self, list: &RefCell<Vec<T>>, item: T) -> Result<(), Unavailable> {
        if self.down.get() {
            return Err(Unavailable::new("a topic", "planned"));
        }
        list.borrow_mut().push(item);
        Ok(())
    }

    /// Each answer's content, once per id.
    fn contents(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut contents = BTreeMap::<_, BTreeSet<String>>::new();
        for answer in self.answers.borrow().iter() {
            contents.entry(answer.id.clone()).or_default().insert(serde_json::to_string(answer).unwrap());
        }
        contents
    }
}

impl Answers for Topics {
    async fn answer(&self, answer: &PaymentAnswer) -> Result<(), Unavailable> {
        crate::schemas::check("topics/payment-answers.v1", answer);
        self.take(&self.answers, answer.clone())
    }
}

impl DeadLetters for Topics {
    async fn bury(&self, dead: &Dead) -> Result<(), Unavailable> {
        self.take(&self.dead, dead.clone())
    }
}

/// A world that runs what is asked for, and the body of a request with a token of its own.
fn shop(name: &str) -> (World, Value) {
    let world = World::new();
    world.runs.set(true);
    let id = world.open(&format!("token-of-{name}"), "4242424242424242", 500, CaptureMethod::Automatic);
    let token = world.payment(&id).token_id;
    world.payments.borrow_mut().clear();
    world.versions.borrow_mut().clear();
    (world, json!({ "amount": 1999, "currency": "EUR", "token": token }))
}

fn request(key: &str, body: &Value) -> Value {
    let owner = owner();
    json!({
        "version": 1, "merchant_id": owner.merchant_id, "mode": owner.mode, "idempotency_key": key, "body": body,
    })
}

/// A batch of these values, by partition.
fn batch(partitions: &[&[String]]) -> Value {
    let record = |partition: usize, offset: usize, value: &String| {
        json!({
            "topic": "payment-requests", "partition": partition, "offset": offset, "value": BASE64.encode(value),
        })
    };
    let lists = partitions.iter().enumerate().map(|(partition, values)| {
        let records: Vec<_> =
            values.iter().enumerate().map(|(offset, value)| record(partition, offset, value)).collect();
        (format!("payment-requests-{partition}"), Value::from(records))
    });
    json!({ "records": lists.collect::<serde_json::Map<_, _>>() })
}

async fn deliver(world: &World, topics: &Topics, batch: &Value) -> KafkaAnswer {
    let intake = intake::Ports { payments: world, merchants: world, tokens: world, workflow: world, system: world };
    let ports = ingest::Ports { intake, answers: topics, dead_letters: topics };
    ingest::handle(&ports, serde_json::from_value(batch.clone()).unwrap()).await.unwrap()
}

async fn over_http(world: &World, key: &str, body: &Value) -> machine::Answer {
    let post = Call { method: "POST", resource: "/v1/payments", key: Some(key), body: body.clone(), ..Call::default() };
    machine::call(world, &post).await
}

fn payment_id(key: &str) -> PaymentId {
    PaymentId::derive(&owner(), &key.parse().unwrap())
}

#[tokio::test]
async fn one_request_three_times_on_two_partitions_and_once_over_http_is_one_payment() {
    for http_at in 0..3 {
        let (world, body) = shop("one");
        let topics = Topics::default();
        let record = request("order-1", &body).to_string();
        let batches = [
            batch(&[std::slice::from_ref(&record), std::slice::from_ref(&record)]),
            batch(&[std::slice::from_ref(&record)]),
        ];
        let mut http = None;
        for (place, batch) in batches.iter().enumerate() {
            if http_at == place {
                http = Some(over_http(&world, "order-1", &body).await);
            }
            assert_eq!(deliver(&world, &topics, batch).await, KafkaAnswer::default());
        }
        let http = match http {
            Some(answer) => answer,
            None => over_http(&world, "order-1", &body).await,
        };
        assert_eq!((http.status, http.replayed), (201, http_at > 0));
        assert_eq!(world.payments.borrow().keys().cloned().collect::<Vec<_>>(), [payment_id("order-1")]);
        assert_eq!(world.holds.borrow().len(), 1, "one hold at the acquirer");
        assert_eq!(topics.answers.borrow().len(), 3);
        let contents = topics.contents();
        assert_eq!((contents.len(), contents.values().next().unwrap().len()), (1, 1), "{contents:?}");
        let answer = topics.answers.borrow()[0].clone();
        assert_eq!(serde_json::to_value(&answer.payment).unwrap(), http.json(), "the same payment as over HTTP");
        assert_eq!((answer.status, answer.payment_id), (201, payment_id("order-1")));
    }
}

#[tokio::test]
async fn a_failure_at_any_call_is_delivered_again_and_makes_one_payment_and_one_answer() {
    let (world, body) = shop("calls");
    let record = request("order-1", &body).to_string();
    deliver(&world, &Topics::default(), &batch(&[&[record]])).await;
    for call in 0..world.calls.get() {
        for fault in [Fault::Before, Fault::After] {
            let (world, body) = shop("calls");
            let topics = Topics::default();
            let batch = batch(&[&[request("order-1", &body).to_string()]]);
            world.fault.set(Some((call, 1, fault)));
            let mut deliveries = 1;
            while deliver(&world, &topics, &batch).await != KafkaAnswer::default() {
                // What seemed to be under way is taken for dead after five seconds.
                world.now.set(world.now.get() + 6_000);
                deliveries += 1;
                assert!(deliveries < DELIVERIES, "call {call}, {fault:?}");
            }
            machine::sweep_until_it_rests(&world, &payment_id("order-1")).await;
            deliver(&world, &topics, &batch).await;
            assert_eq!((world.payments.borrow().len(), world.holds.borrow().len()), (1, 1), "call {call}, {fault:?}");
            let last = topics.answers.borrow().last().unwrap().clone();
            assert_eq!(last.status, 201, "call {call}, {fault:?}");
            for (id, contents) in topics.contents() {
                assert_eq!(contents.len(), 1, "call {call}, {fault:?}: {id}");
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_is_answered_with_the_problem_that_http_has() {
    let (world, body) = shop("refusals");
    let with = |field: &str, value: Value| {
        let mut body = body.clone();
        body[field] = value;
        body
    };
    over_http(&world, "used", &body).await;
    for (key, body, status) in [
        ("order-1", with("amount", json!(0)), 400),
        ("order-1", with("token", json!(format!("tok_{}", "0".repeat(32)))), 422),
        ("order-1", with("currency", json!("JPY")), 422),
        ("used", with("amount", json!(2)), 422),
        ("order-1", json!("no object"), 400),
    ] {
        let topics = Topics::default();
        let record = request(key, &body).to_string();
        let batch = batch(&[&[record.clone(), record]]);
        assert_eq!(deliver(&world, &topics, &batch).await, KafkaAnswer::default());
        let (http, answers) = (over_http(&world, key, &body).await, topics.answers.borrow());
        assert_eq!((answers.len(), answers[0].status, http.status), (2, status, status), "{body}");
        assert_eq!(answers[0], answers[1], "the same answer again");
        let mut problem = serde_json::to_value(&answers[0].problem).unwrap();
        problem["request_id"] = http.json()["request_id"].clone();
        assert_eq!(problem, http.json());
        assert!(!world.payments.borrow().contains_key(&payment_id("order-1")), "{body}");
    }
}

#[tokio::test]
async fn a_record_that_nobody_can_read_is_buried_and_the_partition_goes_on() {
    let (world, body) = shop("graves");
    let changed = |field: &str, value: Value| {
        let mut record = request("order-1", &body);
        record[field] = value;
        record.to_string()
    };
    let bad = [
        ("{".to_owned(), "the record is not JSON"),
        (changed("version", json!(2)), "version: expected 1"),
        (changed("idempotency_key", json!("")), "expected 1 to 255"),
        (changed("merchant_id", json!("4242424242424242")), "expected mer_"),
        (changed("card", json!("4242424242424242")), "unknown field `card`"),
    ];
    let good = request("order-2", &body).to_string();
    let topics = Topics::default();
    let values: Vec<String> = bad.iter().map(|(value, _)| value.clone()).chain([good]).collect();
    assert_eq!(deliver(&world, &topics, &batch(&[&values])).await, KafkaAnswer::default());
    assert_eq!(topics.answers.borrow().len(), 1);
    for ((value, reason), dead) in bad.iter().zip(topics.dead.borrow().iter()) {
        assert_eq!((dead.value.as_deref(), dead.topic.as_str()), (Some(value.as_bytes()), "payment-requests"));
        assert!(dead.reason.starts_with(reason) && !dead.reason.contains("4242"), "{}", dead.reason);
    }
}

#[tokio::test]
async fn each_partition_comes_again_from_its_first_record_that_was_not_answered() {
    let (world, body) = shop("topics");
    let topics = Topics::default();
    let (one, two) = (request("order-1", &body).to_string(), request("order-2", &body).to_string());
    topics.down.set(true);
    let batch = batch(&[&[one.clone(), two.clone()], &["{".to_owned(), one]]);
    let answer = deliver(&world, &topics, &batch).await;
    let places = [("payment-requests-0".to_owned(), 0), ("payment-requests-1".to_owned(), 0)];
    assert_eq!(answer, KafkaAnswer::again_from(places));
    topics.down.set(false);
    assert_eq!(deliver(&world, &topics, &batch).await, KafkaAnswer::default());
    assert_eq!((world.payments.borrow().len(), topics.contents().len(), topics.dead.borrow().len()), (2, 2, 1));
}

#[tokio::test]
async fn the_sample_event_is_taken_and_answered() {
    let path = format!("{}/../events/ingest.json", env!("CARGO_MANIFEST_DIR"));
    let sample: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (world, topics) = (World::new(), Topics::default());
    assert_eq!(deliver(&world, &topics, &sample).await, KafkaAnswer::default());
    assert_eq!(topics.answers.borrow()[0].status, 422, "the merchant of the sample is not in this world");
}
