//! Webhooks of the deployed stack: a receiver in the test takes them, verifies each signature itself and has the
//! specification's own library verify it once more.

use crate::numbers::{fresh, unique};
use crate::shop::{Answer, Shop, healthy, payment_body, send, until};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use xtask::Stack;

/// A bus, two queues and a retry after five seconds, on a busy machine.
const ARRIVAL_SECONDS: u64 = 120;
/// A request that stops in the middle.
const READ_BOUND: Duration = Duration::from_secs(10);
/// What the specification's library is asked: each line is a secret, the headers and the body.
const VERIFY: &str = "
import json, sys
from standardwebhooks.webhooks import Webhook
for line in sys.stdin:
    asked = json.loads(line)
    Webhook(asked['secret']).verify(asked['body'].encode(), asked['headers'])
    print('verified')
";

/// A request that the receiver took.
#[derive(Clone, Debug)]
struct Taken {
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
    status: u16,
}

/// The only receiver that the stack may send to without TLS: one for all tests, told apart by their paths.
struct Receiver {
    taken: Mutex<Vec<Taken>>,
    /// Paths at which the first attempt of each event is refused, with the status.
    refusing: Mutex<BTreeMap<String, u16>>,
}

impl Receiver {
    fn open(stack: &Stack) -> Arc<Self> {
        static RECEIVER: OnceLock<Arc<Receiver>> = OnceLock::new();
        let opened = RECEIVER.get_or_init(|| {
            let listener = TcpListener::bind(stack.webhook_receiver().unwrap()).expect("the receiver's port is free");
            let receiver = Arc::new(Self { taken: Mutex::default(), refusing: Mutex::default() });
            let serving = receiver.clone();
            // A thread, not a task: it outlives the test that happened to be first.
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let serving = serving.clone();
                    std::thread::spawn(move || serving.serve(stream));
                }
            });
            receiver
        });
        opened.clone()
    }

    /// Answers one request and closes the connection.
    fn serve(&self, mut stream: TcpStream) {
        stream.set_read_timeout(Some(READ_BOUND)).unwrap();
        let Some(mut taken) = read_request(&stream) else { return };
        let refusal = self.refusing.lock().unwrap().get(&taken.path).copied();
        let mut list = self.taken.lock().unwrap();
        let id = |taken: &Taken| taken.headers.get("webhook-id").cloned();
        let is_first = !list.iter().any(|known| known.path == taken.path && id(known) == id(&taken));
        taken.status = refusal.filter(|_| is_first).unwrap_or(204);
        let answer = format!(
            "HTTP/1.1 {} x\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            taken.status
        );
        list.push(taken);
        drop(list);
        // Who asked may be gone.
        let _ = stream.write_all(answer.as_bytes());
    }

    fn at(&self, path: &str) -> Vec<Taken> {
        self.taken.lock().unwrap().iter().filter(|taken| taken.path == path).cloned().collect()
    }

    fn refuse_first_attempts(&self, path: &str, status: u16) {
        self.refusing.lock().unwrap().insert(path.to_owned(), status);
    }
}

fn read_request(stream: &TcpStream) -> Option<Taken> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.strip_prefix("POST ")?.split(' ').next()?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some(Taken { path, headers, body: String::from_utf8(body).ok()?, status: 0 })
}

/// The places of the signatures that the secret made, by another implementation than the one that signed.
fn verified_here(secret: &str, taken: &Taken) -> Vec<usize> {
    let key = BASE64.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let signed = format!("{}.{}.{}", taken.headers["webhook-id"], taken.headers["webhook-timestamp"], taken.body);
    let signatures = taken.headers["webhook-signature"].split(' ').enumerate();
    let good = signatures.filter(|(_, signature)| {
        let mac = BASE64.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
        ring::hmac::verify(&key, signed.as_bytes(), &mac).is_ok()
    });
    good.map(|(place, _)| place).collect()
}

/// How many of the requests the specification's library takes under their secrets; it stops at the first that it does not.
fn verified_by_the_library(shop: &Shop, asked: &[(&str, &Taken)]) -> usize {
    let python = shop.stack.workspace.tool("python");
    let mut command = Command::new(python);
    command.args(["-c", VERIFY]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for (secret, taken) in asked {
        let line = json!({ "secret": secret, "headers": taken.headers, "body": taken.body });
        // It reads no further once it has refused one.
        let _ = writeln!(stdin, "{line}");
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().filter(|line| *line == "verified").count()
}

struct Endpoint {
    id: String,
    path: String,
    secret: String,
}

async fn subscribe(shop: &Shop, events: &[&str]) -> Endpoint {
    let path = format!("/{}", unique());
    let url = format!("http://{}{path}", shop.stack.webhook_receiver().unwrap());
    let answer = create(shop, &json!({ "url": url, "events": events, "description": "A test" })).await;
    assert_eq!(answer.status, 201, "{}", answer.body["detail"]);
    let field = |name: &str| answer.body[name].as_str().unwrap().to_owned();
    Endpoint { id: field("id"), path, secret: field("secret") }
}

async fn create(shop: &Shop, body: &Value) -> Answer {
    send(shop.post("/v1/webhook_endpoints").json(body)).await.unwrap()
}

/// The ids of every event of the payment: its versions.
async fn event_ids(shop: &Shop, payment_id: &str) -> BTreeSet<String> {
    let payment = shop.tables.payment(payment_id).await.unwrap();
    let versions = 1..=payment["version"].as_u64().unwrap();
    versions.map(|version| format!("{payment_id}:{version}")).collect()
}

/// Waits until every one of the events was taken there, and returns all that was taken.
async fn arrived(receiver: &Receiver, path: &str, wanted: &BTreeSet<String>) -> Vec<Taken> {
    until("every event's webhook", ARRIVAL_SECONDS, || async {
        let taken = receiver.at(path);
        let ids = taken.iter().filter(|taken| taken.status == 204).map(|taken| taken.headers["webhook-id"].clone());
        wanted.is_subset(&ids.collect()).then_some(taken)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_of_a_payment_arrives_signed_although_its_receiver_fails_at_first() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let receiver = Receiver::open(&shop.stack);
    let endpoint = subscribe(&shop, &["*"]).await;
    let narrow = subscribe(&shop, &["payment.succeeded"]).await;
    let other = Shop::open_in(&shop.stack).await;
    let foreign = subscribe(&other, &["*"]).await;

    receiver.refuse_first_attempts(&endpoint.path, 500);
    let payment = shop.sell(1999).await;
    let wanted = event_ids(&shop, &payment).await;
    let taken = arrived(&receiver, &endpoint.path, &wanted).await;
    let mut bodies: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for one in &taken {
        assert_eq!(verified_here(&endpoint.secret, one), [0], "a signature that is not the endpoint's");
        assert!(verified_here(&narrow.secret, one).is_empty(), "another endpoint's secret signed");
        let body: Value = serde_json::from_str(&one.body).unwrap();
        assert_eq!(body["id"], one.headers["webhook-id"]);
        assert_eq!(one.headers["content-type"], "application/json");
        bodies.entry(&one.headers["webhook-id"]).or_default().insert(&one.body);
    }
    assert!(bodies.values().all(|bodies| bodies.len() == 1), "an event was sent in two versions");
    let asked: Vec<_> = taken.iter().map(|taken| (endpoint.secret.as_str(), taken)).collect();
    assert_eq!(verified_by_the_library(&shop, &asked), taken.len());

    let narrowly = arrived(&receiver, &narrow.path, &[wanted.iter().last().unwrap().clone()].into()).await;
    for one in &narrowly {
        let body: Value = serde_json::from_str(&one.body).unwrap();
        assert_eq!(body["type"], "payment.succeeded", "what the filter leaves out was sent");
    }
    assert!(receiver.at(&foreign.path).is_empty(), "another merchant was told");
    check_log(&shop, &endpoint, &wanted).await;
}

/// The API tells what happened: each event delivered, at its second attempt.
async fn check_log(shop: &Shop, endpoint: &Endpoint, wanted: &BTreeSet<String>) {
    let path = format!("/v1/webhook_endpoints/{}/deliveries", endpoint.id);
    let delivered = until("the log of deliveries", ARRIVAL_SECONDS, || async {
        let answer = send(shop.get(&format!("{path}?limit=100"))).await.unwrap();
        let list = answer.body["data"].as_array().unwrap().clone();
        list.iter().all(|delivery| delivery["state"] == "delivered").then_some(list)
    })
    .await;
    let ids: BTreeSet<String> = delivered.iter().map(|it| it["event_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, *wanted);
    for delivery in &delivered {
        let attempts = delivery["attempts"].as_array().unwrap();
        assert_eq!((&attempts[0]["status"], &attempts.last().unwrap()["status"]), (&json!(500), &json!(204)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_rotation_both_secrets_sign_and_a_redelivery_keeps_its_id() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let receiver = Receiver::open(&shop.stack);
    let endpoint = subscribe(&shop, &["payment.succeeded"]).await;
    let path = format!("/v1/webhook_endpoints/{}", endpoint.id);
    let payment = shop.sell(1999).await;
    let event = event_ids(&shop, &payment).await.last().unwrap().clone();
    let first = arrived(&receiver, &endpoint.path, &[event.clone()].into()).await;

    let rotated = send(shop.post(&format!("{path}/rotate_secret"))).await.unwrap();
    assert_eq!(rotated.status, 200);
    let new = rotated.body["secret"].as_str().unwrap();
    let list = send(shop.get(&format!("{path}/deliveries"))).await.unwrap();
    let delivery = list.body["data"][0]["id"].as_str().unwrap().to_owned();
    let again = send(shop.post(&format!("{path}/deliveries/{delivery}/redeliver"))).await.unwrap();
    assert_eq!(again.status, 202, "{}", again.text);
    let taken = until("the redelivery", ARRIVAL_SECONDS, || async {
        let taken = receiver.at(&endpoint.path);
        (taken.len() > first.len()).then_some(taken)
    })
    .await;
    let last = taken.last().unwrap();
    assert_eq!((&last.headers["webhook-id"], &last.body), (&event, &first[0].body));
    assert_eq!((verified_here(new, last), verified_here(&endpoint.secret, last)), (vec![0], vec![1]));
    assert!(verified_here(new, &first[0]).is_empty());
    let both = [(new, last), (endpoint.secret.as_str(), last), (endpoint.secret.as_str(), &first[0])];
    assert_eq!(verified_by_the_library(&shop, &both), 3);
    assert_eq!(verified_by_the_library(&shop, &[(new, &first[0])]), 0, "the library verifies what it should not");

    // What was shown once is shown nowhere again, and is nowhere stored as it is.
    let owner = format!("{}#test", shop.owner.merchant_id);
    let stored = shop.tables.get("WebhookEndpoints", json!({ "owner": owner })).await.unwrap().to_string();
    for path in [&path, "/v1/webhook_endpoints"] {
        let answer = send(shop.get(path)).await.unwrap();
        assert_eq!(answer.status, 200);
        assert!(!answer.text.contains("whsec_") && !answer.text.contains(&endpoint.secret), "a secret is shown");
    }
    for secret in [new, &endpoint.secret] {
        assert!(!stored.contains(secret.strip_prefix("whsec_").unwrap()), "a secret is stored as it is");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed_and_a_deleted_endpoint_hears_nothing() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let receiver = Receiver::open(&shop.stack);
    let endpoint = subscribe(&shop, &["payment.succeeded"]).await;
    receiver.refuse_first_attempts(&endpoint.path, 302);
    shop.sell(1999).await;
    until("two attempts", ARRIVAL_SECONDS, || async { (receiver.at(&endpoint.path).len() >= 2).then_some(()) }).await;
    assert!(receiver.at("/elsewhere").is_empty(), "a redirect was followed");

    let path = format!("/v1/webhook_endpoints/{}", endpoint.id);
    assert_eq!(send(shop.delete(&path)).await.unwrap().status, 204);
    assert_eq!(send(shop.get(&path)).await.unwrap().status, 404);
    let before = receiver.at(&endpoint.path).len();
    // Another endpoint's webhook shows that the event went its way.
    let witness = subscribe(&shop, &["payment.succeeded"]).await;
    let payment = shop.sell(1999).await;
    let event = event_ids(&shop, &payment).await.last().unwrap().clone();
    arrived(&receiver, &witness.path, &[event].into()).await;
    assert_eq!(receiver.at(&endpoint.path).len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_the_queue_does_not_bring_is_found_by_the_clock() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let receiver = Receiver::open(&shop.stack);
    let endpoint = subscribe(&shop, &["payment.succeeded"]).await;
    let payment = shop.sell(1999).await;
    let event = event_ids(&shop, &payment).await.last().unwrap().clone();
    let before = arrived(&receiver, &endpoint.path, &[event].into()).await.len();

    // As it would stand in the table after a wait of hours, with no message for it anywhere.
    let path = format!("/v1/webhook_endpoints/{}/deliveries", endpoint.id);
    let delivery = until("the delivery at rest", ARRIVAL_SECONDS, || async {
        let list = send(shop.get(&path)).await.unwrap();
        let delivery = list.body["data"][0].clone();
        (delivery["state"] == "delivered").then_some(delivery)
    })
    .await;
    let key = json!({ "endpoint_id": endpoint.id, "delivery_id": delivery["id"] });
    let mut item = shop.tables.get("WebhookDeliveries", key).await.unwrap();
    item["state"] = json!("pending");
    item["next_at"] = json!(1);
    item["due_at"] = json!(1);
    item["due_shard"] = json!(3);
    shop.tables.put("WebhookDeliveries", &item).await;
    let clock = aws_sdk_lambda::Client::new(&shop.stack.sdk_config());
    let tick = aws_sdk_lambda::primitives::Blob::new(json!({ "detail-type": "Scheduled Event" }).to_string());
    let answer = clock.invoke().function_name(shop.stack.function_name("notify")).payload(tick).send().await.unwrap();
    assert_eq!(answer.function_error, None);
    until("the delivery that was due", ARRIVAL_SECONDS, || async {
        (receiver.at(&endpoint.path).len() > before).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_urls_and_wrong_fields_are_refused_by_name() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let port = shop.stack.webhook_receiver().unwrap().rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let urls = [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://localhost/",
        "https://metadata.google.internal/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00:ec2::254]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://user@example.com/",
        "https://example.com/#a",
        "https://example.com:22/",
        &format!("http://127.0.0.1:{}/", port - 1),
        &format!("http://localhost:{port}/"),
        &format!("https://127.0.0.1:{port}/"),
    ];
    let bodies = urls.iter().map(|url| (json!({ "url": url }), "url")).chain([
        (json!({ "url": "https://example.com/", "events": ["card.*"] }), "events"),
        (json!({ "url": "https://example.com/", "secret": "mine" }), "secret"),
        (json!({ "events": ["*"] }), "url"),
    ]);
    for (body, field) in bodies {
        let answer = create(&shop, &body).await;
        assert_eq!(
            (answer.status, &answer.body["errors"][0]["field"]),
            (400, &json!(field)),
            "{body}: {}",
            answer.text
        );
        assert_eq!(answer.content_type, "application/problem+json");
    }
    let list = send(shop.get("/v1/webhook_endpoints")).await.unwrap();
    assert_eq!(list.body, json!({ "data": [] }));
    let other = Shop::open_in(&shop.stack).await;
    let endpoint = subscribe(&other, &["*"]).await;
    for request in [
        shop.get(&format!("/v1/webhook_endpoints/{}", endpoint.id)),
        shop.delete(&format!("/v1/webhook_endpoints/{}", endpoint.id)),
        shop.post(&format!("/v1/webhook_endpoints/{}/rotate_secret", endpoint.id)),
        shop.post(&format!("/v1/webhook_endpoints/{}/enable", endpoint.id)),
    ] {
        assert_eq!(send(request).await.unwrap().status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_card_number_travels_in_a_webhook() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let receiver = Receiver::open(&shop.stack);
    let endpoint = subscribe(&shop, &["*"]).await;
    let number = fresh();
    let token = shop.create_token(&number).await;
    let answer = shop.pay(&payment_body(1999, &token), &unique()).await;
    let payment = answer.body["id"].as_str().unwrap();
    let wanted = event_ids(&shop, payment).await;
    for taken in arrived(&receiver, &endpoint.path, &wanted).await {
        assert!(!taken.body.contains(&number), "a card number is in a webhook");
    }
}
