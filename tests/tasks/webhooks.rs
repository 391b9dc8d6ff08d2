//! Webhooks in virtual time: every event arrives at least once, nobody's anywhere else, and failures end.

use crate::webhook_world::{Posted, START, Webhooks, event, owner_of};
use payments::id::{Mode, Owner};
use payments::secret::Secret;
use payments::webhook_delivery::{AttemptError, DeliveryState, GivenUp, MAX_ATTEMPTS};
use payments::webhook_signature::sign;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use task::queue::{ItemFailure, ItemsAnswer};

pub const URL: &str = "https://shop.example.com/hooks";
pub const OTHER: &str = "https://other.example.com/hooks";
const HOUR: i64 = 3600;
pub const DAY: i64 = 24 * HOUR;

pub fn alice() -> Owner {
    owner_of("mer_alice", Mode::Test)
}

fn types(posted: &[Posted]) -> Vec<String> {
    let body = |posted: &Posted| serde_json::from_str::<Value>(&posted.body).unwrap();
    posted.iter().map(|posted| body(posted)["type"].as_str().unwrap().to_owned()).collect()
}

/// The secrets that signed a request.
fn signed_by<'a>(posted: &Posted, secrets: &'a [(&'a str, &Secret)]) -> Vec<&'a str> {
    let header = |name| posted.headers[name].as_str();
    let good = |secret: &Secret| sign(secret, header("webhook-id"), header("webhook-timestamp"), &posted.body).unwrap();
    let named = header("webhook-signature").split(' ').map(|signature| {
        let found = secrets.iter().find(|(_, secret)| good(secret) == signature);
        found.map_or("nobody", |(name, _)| *name)
    });
    named.collect()
}

#[tokio::test]
async fn an_event_goes_to_each_endpoint_of_its_owner_that_wants_it_and_to_no_other() {
    let world = Webhooks::new();
    let (live, bob) = (owner_of("mer_alice", Mode::Live), owner_of("mer_bob", Mode::Test));
    let rows = [
        (alice(), "https://a.example.com/all", &["*"][..]),
        (alice(), "https://a.example.com/payments", &["payment.*"]),
        (alice(), "https://a.example.com/one", &["refund.succeeded", "payment.succeeded"]),
        (live.clone(), "https://a.example.com/live", &["*"]),
        (bob.clone(), "https://b.example.com/all", &["*"]),
    ];
    for (owner, url, filters) in &rows {
        world.subscribe(owner, url, filters).await;
    }
    for (number, kind) in ["payment.succeeded", "payment.declined", "refund.succeeded"].into_iter().enumerate() {
        world.publish(&event(&alice(), &format!("test-{number}"), kind));
    }
    world.publish(&event(&live, "live-1", "payment.succeeded"));
    world.run_until(60).await;
    let got = |url: &str| types(&world.at(url));
    assert_eq!(got("https://a.example.com/all"), ["payment.succeeded", "payment.declined", "refund.succeeded"]);
    assert_eq!(got("https://a.example.com/payments"), ["payment.succeeded", "payment.declined"]);
    assert_eq!(got("https://a.example.com/one"), ["payment.succeeded", "refund.succeeded"]);
    assert_eq!(world.at("https://a.example.com/live").iter().map(id).collect::<Vec<_>>(), ["live-1"]);
    assert!(got("https://b.example.com/all").is_empty());
    assert!(world.states().iter().all(|state| *state == DeliveryState::Delivered));
}

pub fn id(posted: &Posted) -> &str {
    &posted.headers["webhook-id"]
}

#[tokio::test]
async fn a_batch_reads_the_endpoints_of_each_owner_once() {
    let world = Webhooks::new();
    let bob = owner_of("mer_bob", Mode::Test);
    world.subscribe(&alice(), URL, &["*"]).await;
    world.subscribe(&bob, OTHER, &["payment.declined"]).await;
    let message = |owner: &Owner, number: u32| {
        let detail = event(owner, &format!("pay_1:{number}"), "payment.succeeded");
        json!({ "messageId": number.to_string(), "body": json!({ "detail": detail }).to_string() })
    };
    let batch: Vec<Value> =
        (0..4).map(|number| message(&alice(), number)).chain((4..6).map(|number| message(&bob, number))).collect();
    let batch = json!({ "Records": batch });

    world.calls.set(0);
    assert_eq!(world.notify(batch.clone()).await.unwrap(), ItemsAnswer::default());
    // Two reads; of each event of alice's, its delivery and the message for it.
    assert_eq!(world.calls.get(), 2 + 4 * 2);

    // A read that fails costs the event that asked, and no other.
    world.calls.set(0);
    world.fault.set(Some((0, 1, crate::world::Fault::Before)));
    let failed = world.notify(batch).await.unwrap().batch_item_failures;
    assert_eq!(failed, [ItemFailure { item_identifier: "0".to_owned() }]);
}

#[tokio::test]
async fn an_event_that_comes_twice_is_delivered_once() {
    let world = Webhooks::new();
    world.subscribe(&alice(), URL, &["*"]).await;
    for seconds in [1, 2, DAY] {
        world.publish(&event(&alice(), "pay_1:2", "payment.succeeded"));
        world.run_until(seconds).await;
    }
    assert_eq!((world.at(URL).len(), world.deliveries.borrow().len()), (1, 1));
}

#[tokio::test]
async fn failures_are_tried_again_for_three_days_with_the_same_bytes_and_a_fresh_signature() {
    for outcome in [Ok(500), Ok(301), Err(AttemptError::BrokenAnswer), Err(AttemptError::AddressRefused)] {
        let world = Webhooks::new();
        let (_, secret) = world.subscribe(&alice(), URL, &["*"]).await;
        world.answers.borrow_mut().insert(URL.to_owned(), outcome);
        world.publish(&event(&alice(), "pay_1:2", "payment.succeeded"));
        world.run_until(10 * DAY).await;
        let posted = world.at(URL);
        assert_eq!(posted.len(), MAX_ATTEMPTS, "{outcome:?}");
        let span = (posted[MAX_ATTEMPTS - 1].at - posted[0].at) / 1000;
        assert!((3 * DAY..4 * DAY).contains(&span), "{outcome:?}: {span} s");
        for one in &posted {
            assert_eq!((id(one), &one.body), ("pay_1:2", &posted[0].body));
            assert_eq!(one.headers["webhook-timestamp"], (one.at / 1000).to_string());
            assert_eq!(signed_by(one, &[("it", &secret)]), ["it"]);
        }
        assert_eq!(world.states(), [DeliveryState::Failed]);
    }
}

#[tokio::test]
async fn a_dead_endpoint_takes_little_and_holds_up_nobody() {
    let world = Webhooks::new();
    world.subscribe(&alice(), URL, &["*"]).await;
    world.subscribe(&alice(), OTHER, &["*"]).await;
    world.answers.borrow_mut().insert(URL.to_owned(), Err(AttemptError::TimedOut));
    for number in 0..200 {
        world.publish(&event(&alice(), &format!("pay_{number}:2"), "payment.succeeded"));
    }
    world.run_until(50).await;
    assert_eq!(world.at(OTHER).len(), 200);
    assert_eq!(world.at(URL).len(), 1, "attempts at the dead endpoint within its rest");
    // It comes to life: everything that waited arrives.
    world.answers.borrow_mut().clear();
    world.run_until(HOUR).await;
    let arrived: BTreeSet<String> = world.at(URL).iter().map(|posted| id(posted).to_owned()).collect();
    assert_eq!(arrived.len(), 200);
}

#[tokio::test]
async fn an_endpoint_is_switched_off_after_five_days_and_the_bus_is_told_once() {
    let world = Webhooks::new();
    let (endpoint, _) = world.subscribe(&alice(), URL, &["payment.*"]).await;
    world.subscribe(&alice(), OTHER, &["webhook_endpoint.*"]).await;
    world.answers.borrow_mut().insert(URL.to_owned(), Ok(503));
    for quarter in 0..28 {
        world.publish(&event(&alice(), &format!("pay_{quarter}:2"), "payment.succeeded"));
        world.run_until((quarter + 1) * DAY / 4).await;
    }
    let told = world.told.borrow().clone();
    assert_eq!(told.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["webhook_endpoint.disabled"]);
    let last = world.at(URL).last().unwrap().at;
    assert!((5 * DAY..6 * DAY).contains(&((last - START) / 1000)), "the last attempt");
    let given_up = world.deliveries.borrow().values().filter_map(|delivery| delivery.given_up).collect::<Vec<_>>();
    assert!(given_up.contains(&GivenUp::EndpointDisabled), "{given_up:?}");
    assert!(!world.states().contains(&DeliveryState::Pending));

    // The event itself reaches those who want it.
    world.publish(&serde_json::to_value(&told[0]).unwrap());
    world.run_until(8 * DAY).await;
    assert_eq!(types(&world.at(OTHER)), ["webhook_endpoint.disabled"]);

    let path = format!("/v1/webhook_endpoints/{endpoint}");
    let (_, shown) = world.ask(&alice(), "GET", &path, None).await;
    assert_eq!((&shown["enabled"], shown["disabled_at"].is_string()), (&json!(false), true));
    let (_, list) = world.ask(&alice(), "GET", &format!("{path}/deliveries?limit=1"), None).await;
    let again = format!("{path}/deliveries/{}/redeliver", list["data"][0]["id"].as_str().unwrap());
    assert_eq!(world.ask(&alice(), "POST", &again, None).await.0, 422, "switched off");

    world.answers.borrow_mut().clear();
    let before = world.at(URL).len();
    for _ in 0..2 {
        let (status, enabled) = world.ask(&alice(), "POST", &format!("{path}/enable"), None).await;
        assert_eq!((status, &enabled["enabled"], enabled.get("failing_since")), (200, &json!(true), None));
    }
    assert_eq!(world.ask(&alice(), "POST", &again, None).await.0, 202);
    world.run_until(8 * DAY + 60).await;
    assert_eq!(world.at(URL).len(), before + 1);
}

#[tokio::test]
async fn one_success_within_five_days_keeps_an_endpoint_on() {
    let world = Webhooks::new();
    world.subscribe(&alice(), URL, &["*"]).await;
    for day in 0..9 {
        let answer = if day == 4 { Ok(200) } else { Ok(500) };
        world.answers.borrow_mut().insert(URL.to_owned(), answer);
        world.publish(&event(&alice(), &format!("pay_{day}:2"), "payment.succeeded"));
        world.run_until((day + 1) * DAY - HOUR).await;
    }
    assert!(world.told.borrow().is_empty());
}

#[tokio::test]
async fn a_redelivery_is_one_more_attempt_with_the_events_own_id() {
    let world = Webhooks::new();
    let (endpoint, _) = world.subscribe(&alice(), URL, &["*"]).await;
    for number in 0..5 {
        world.publish(&event(&alice(), &format!("pay_{number}:2"), "payment.succeeded"));
    }
    world.run_until(60).await;
    let path = format!("/v1/webhook_endpoints/{endpoint}/deliveries");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = world.ask(&alice(), "GET", &format!("{path}?limit=2{cursor}"), None).await;
        assert_eq!(status, 200);
        seen.extend(page["data"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let ids: BTreeSet<_> = seen.iter().map(|delivery| delivery["event_id"].as_str().unwrap()).collect();
    assert_eq!((seen.len(), ids.len()), (5, 5));
    assert_eq!(seen[0]["attempts"][0]["status"], 200);
    let again = format!("{path}/{}/redeliver", seen[2]["id"].as_str().unwrap());
    let (status, answer) = world.ask(&alice(), "POST", &again, None).await;
    assert_eq!((status, &answer["state"]), (202, &json!("pending")));
    world.run_until(120).await;
    let posted = world.at(URL);
    assert_eq!(posted.len(), 6);
    assert_eq!(id(&posted[5]), seen[2]["event_id"]);
    let (_, after) = world.ask(&alice(), "GET", &path, None).await;
    let attempts = |delivery: &Value| delivery["attempts"].as_array().unwrap().len();
    assert_eq!(after["data"].as_array().unwrap().iter().map(attempts).sum::<usize>(), 6);
}

#[tokio::test]
async fn both_secrets_sign_for_a_day_after_a_rotation() {
    let world = Webhooks::new();
    let (endpoint, old) = world.subscribe(&alice(), URL, &["*"]).await;
    let path = format!("/v1/webhook_endpoints/{endpoint}");
    world.publish(&event(&alice(), "before", "payment.succeeded"));
    world.run_until(60).await;
    let (status, rotated) = world.ask(&alice(), "POST", &format!("{path}/rotate_secret"), None).await;
    assert_eq!((status, rotated["old_secret_until"].is_string()), (200, true));
    let new = Secret::new(rotated["secret"].as_str().unwrap().to_owned());
    for (name, seconds) in [("during", 120), ("at its end", DAY + 50), ("after", DAY + 120)] {
        world.publish(&event(&alice(), &name.replace(' ', "-"), "payment.succeeded"));
        world.run_until(seconds).await;
    }
    world.publish(&event(&alice(), "long-after", "payment.succeeded"));
    world.run_until(2 * DAY).await;
    let secrets = [("old", &old), ("new", &new)];
    let signed: Vec<_> = world.at(URL).iter().map(|posted| signed_by(posted, &secrets)).collect();
    assert_eq!(signed, [vec!["old"], vec!["new", "old"], vec!["new", "old"], vec!["new", "old"], vec!["new"]]);
    let (_, shown) = world.ask(&alice(), "GET", &path, None).await;
    assert_eq!(shown.get("old_secret_until"), None);
}

#[tokio::test]
async fn nobody_reaches_anothers_endpoint_or_that_of_the_other_mode() {
    let world = Webhooks::new();
    let (endpoint, _) = world.subscribe(&alice(), URL, &["*"]).await;
    world.publish(&event(&alice(), "pay_1:2", "payment.succeeded"));
    world.run_until(60).await;
    let path = format!("/v1/webhook_endpoints/{endpoint}");
    let (_, deliveries) = world.ask(&alice(), "GET", &format!("{path}/deliveries"), None).await;
    let delivery = deliveries["data"][0]["id"].as_str().unwrap().to_owned();
    let before = world.books.borrow().clone();
    for stranger in [owner_of("mer_alice", Mode::Live), owner_of("mer_bob", Mode::Test)] {
        // An endpoint of their own does not help them to another's delivery.
        let (own, _) = world.subscribe(&stranger, OTHER, &["*"]).await;
        for (method, target) in [
            ("GET", path.clone()),
            ("DELETE", path.clone()),
            ("POST", format!("{path}/enable")),
            ("POST", format!("{path}/rotate_secret")),
            ("GET", format!("{path}/deliveries")),
            ("POST", format!("{path}/deliveries/{delivery}/redeliver")),
            ("POST", format!("/v1/webhook_endpoints/{own}/deliveries/{delivery}/redeliver")),
            ("GET", "/v1/webhook_endpoints/wep_1".to_owned()),
        ] {
            let (status, answer) = world.ask(&stranger, method, &target, None).await;
            assert_eq!(status, 404, "{method} {target}: {answer}");
        }
        let (_, list) = world.ask(&stranger, "GET", "/v1/webhook_endpoints", None).await;
        assert_eq!(list["data"].as_array().unwrap().len(), 1);
    }
    assert_eq!(world.books.borrow()["mer_alice#test"], before["mer_alice#test"]);
    assert_eq!(world.ask(&alice(), "DELETE", &path, None).await.0, 204);
    assert_eq!(world.ask(&alice(), "DELETE", &path, None).await.0, 404);
}

#[tokio::test]
async fn a_wrong_request_is_refused_by_its_field_and_nothing_is_stored() {
    let world = Webhooks::new();
    let path = "/v1/webhook_endpoints";
    for (field, value) in [
        ("url", json!("http://shop.example.com/")),
        ("url", json!("https://169.254.169.254/latest/meta-data/")),
        ("url", json!("https://user:password@shop.example.com/")),
        ("url", Value::Null),
        ("events", json!(["payment"])),
        ("events", json!([])),
        ("description", json!(7)),
        ("secret", json!("mine")),
    ] {
        let mut body = json!({ "url": URL });
        body[field] = value;
        let (status, answer) = world.ask(&alice(), "POST", path, Some(body)).await;
        assert_eq!((status, &answer["errors"][0]["field"]), (400, &json!(field)), "{answer}");
    }
    for (query, field) in [("limit=0", "limit"), ("limit=x", "limit"), ("cursor=1", "cursor")] {
        let (status, answer) = world.ask(&alice(), "GET", &format!("{path}?{query}"), None).await;
        assert_eq!((status, &answer["errors"][0]["field"]), (400, &json!(field)), "{answer}");
    }
    assert!(world.books.borrow().is_empty());
}

#[tokio::test]
async fn there_are_sixteen_endpoints_at_most_and_a_secret_is_shown_once() {
    let world = Webhooks::new();
    let mut secrets = Vec::new();
    for _ in 0..16 {
        secrets.push(world.subscribe(&alice(), URL, &["*"]).await);
    }
    let (status, answer) = world.ask(&alice(), "POST", "/v1/webhook_endpoints", Some(json!({ "url": URL }))).await;
    assert_eq!(status, 422, "{answer}");
    let (mut seen, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let target = format!("/v1/webhook_endpoints?limit=5{cursor}");
        let answer = world.ask_whole(&alice(), "GET", &target, None).await;
        assert!(!answer.body.contains("whsec_") && !answer.body.contains("secret"), "a secret in a list");
        let page: Value = serde_json::from_str(&answer.body).unwrap();
        seen.extend(page["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, secrets.iter().map(|(id, _)| id.clone()).collect());
    let different: BTreeSet<&str> = secrets.iter().map(|(_, secret)| secret.expose()).collect();
    assert_eq!(different.len(), 16);
}

#[tokio::test]
async fn the_sample_events_are_taken_and_nothing_is_sent() {
    let path = |name: &str| format!("{}/../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let sample = |name: &str| serde_json::from_str::<Value>(&std::fs::read_to_string(path(name)).unwrap()).unwrap();
    let world = Webhooks::new();
    let records = sample("notify")["Records"].clone();
    let bodies: BTreeMap<_, _> =
        records.as_array().unwrap().iter().map(|record| (record["messageId"].as_str(), &record["body"])).collect();
    assert_eq!(bodies.len(), 2, "an event and a delivery");
    assert_eq!(world.notify(sample("notify")).await.unwrap(), ItemsAnswer::default());
    assert!(world.posted.borrow().is_empty());
    let request = serde_json::from_value(sample("subscribe")).unwrap();
    let ports = subscribe::Ports {
        endpoints: &world,
        deliveries: &world,
        queue: &world,
        secrets: &world,
        system: &world,
        receiver: None,
    };
    let answer = subscribe::handle(&crate::world::World::new(), &ports, request).await.unwrap();
    assert_eq!((answer.status_code, answer.body.as_str()), (200, "{\"data\":[]}"));
}
