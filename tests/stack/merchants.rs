//! Merchants, keys and limits on the deployed stack: made by an operator, used and refused at the front door.

use crate::least_privilege::credentials_of;
use crate::numbers::unique;
use crate::operator::{ask, open_shop, settings};
use crate::shop::{Answer, Shop, alone, healthy, send, until};
use aws_sdk_dynamodb::config::Credentials;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use xtask::{Stack, Workspace};

/// API Gateway remembers what the authorizer said for 60 s; some more for a busy machine.
const CACHE_SECONDS: u64 = 75;

async fn stack() -> Stack {
    Stack::open(&Workspace::find().unwrap()).await.unwrap()
}

fn merchant() -> String {
    format!("mer_t{}", unique())
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn url(stack: &Stack, path: &str) -> String {
    format!("{}{path}", stack.api_url().unwrap().trim_end_matches('/'))
}

/// A look at a payment: 401 if the key opens nothing, 404 if the payment is not its merchant's.
async fn look(stack: &Stack, key: &str, payment: &str) -> Answer {
    send(client().get(url(stack, &format!("/v1/payments/{payment}"))).bearer_auth(key)).await.unwrap()
}

async fn opens(stack: &Stack, key: &str) -> bool {
    match look(stack, key, "pay_00000000000000000000000000000000").await.status {
        404 => true,
        401 => false,
        status => panic!("a look was answered {status}"),
    }
}

fn text<'a>(body: &'a Value, field: &str) -> &'a str {
    body[field].as_str().unwrap_or_else(|| panic!("no {field}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_put_read_and_listed() {
    let _healthy = healthy().await;
    let (stack, id) = (stack().await, merchant());
    assert_eq!(ask(&stack, "GET", &id, "/test", None).await.status, 404);
    let put = ask(&stack, "PUT", &id, "/test", Some(settings(7))).await;
    let again = ask(&stack, "PUT", &id, "/test", Some(put.body.clone())).await;
    let got = ask(&stack, "GET", &id, "/test", None).await;
    assert_eq!((put.status, again.status, got.status), (200, 200, 200), "{}", put.body);
    assert_eq!((&put.body, &again.body), (&got.body, &got.body));
    assert_eq!(ask(&stack, "GET", &id, "/live", None).await.status, 404, "the worlds are apart");
    let wrong = ask(&stack, "PUT", &id, "/test", Some(json!({ "name": "A test" }))).await;
    assert_eq!((wrong.status, &wrong.body["errors"][0]["field"]), (400, &json!("active")));

    let (mut seen, mut path) = (BTreeSet::new(), "?limit=100".to_owned());
    loop {
        let page = xtask::operator::call(&stack, "GET", &format!("/operator/v1/merchants{path}"), None).await.unwrap();
        assert_eq!(page.status, 200, "{}", page.body);
        for listed in page.body["data"].as_array().unwrap() {
            let name = format!("{}.{}", text(listed, "merchant_id"), text(listed, "mode"));
            assert!(seen.insert(name), "listed twice");
        }
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        path = format!("?limit=100&cursor={cursor}");
    }
    assert!(seen.contains(&format!("{id}.test")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_and_its_successor_both_open_and_a_revoked_one_is_refused() {
    let _healthy = healthy().await;
    let (stack, id) = (stack().await, merchant());
    let old = open_shop(&stack, &id, "test", 100).await;
    let listed = ask(&stack, "GET", &id, "/test/keys", None).await;
    let old_id = text(&listed.body["data"][0], "id").to_owned();
    let rotated = ask(&stack, "POST", &id, &format!("/test/keys/{old_id}/rotate"), None).await;
    assert_eq!(rotated.status, 201, "{}", rotated.body["type"]);
    let new = text(&rotated.body, "key");
    assert!(opens(&stack, &old).await && opens(&stack, new).await, "both open during the grace");

    let third = ask(&stack, "POST", &id, "/test/keys", None).await;
    assert_eq!((third.status, text(&third.body, "type").rsplit('/').next()), (409, Some("key-limit-reached")));
    let listed = ask(&stack, "GET", &id, "/test/keys", None).await.body;
    let shown = listed.to_string();
    assert!(!shown.contains(&old[8..]) && !shown.contains(&new[8..]), "a listed key without its text");
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    assert!(listed["data"][0]["expires_at"].is_string() && listed["data"][1].get("expires_at").is_none());

    for _ in 0..2 {
        let revoked = ask(&stack, "DELETE", &id, &format!("/test/keys/{old_id}"), None).await;
        assert_eq!(revoked.status, 204, "{}", revoked.body);
    }
    let shut = || async { (!opens(&stack, &old).await).then_some(()) };
    until("the revoked key refused", CACHE_SECONDS, shut).await;
    assert!(opens(&stack, new).await, "the other key opens still");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_expired_is_refused() {
    let _healthy = healthy().await;
    let (stack, id) = (stack().await, merchant());
    open_shop(&stack, &id, "test", 100).await;
    let soon = crate::shop::now().plus_seconds(5).to_rfc3339();
    let made = ask(&stack, "POST", &id, "/test/keys", Some(json!({ "expires_at": soon }))).await;
    assert_eq!(made.status, 201, "{}", made.body["type"]);
    let key = text(&made.body, "key");
    until("the expired key refused", CACHE_SECONDS, || async { (!opens(&stack, key).await).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_keys_asked_for_at_once_two_are_made_and_both_open() {
    let _healthy = healthy().await;
    let (stack, id) = (stack().await, merchant());
    ask(&stack, "PUT", &id, "/test", Some(settings(100))).await;
    let asked = (0..6).map(|_| {
        let (stack, id) = (stack.clone(), id.clone());
        tokio::spawn(async move { ask(&stack, "POST", &id, "/test/keys", None).await })
    });
    let mut made = Vec::new();
    for answer in asked.collect::<Vec<_>>() {
        let answer = answer.await.unwrap();
        match answer.status {
            201 => made.push(text(&answer.body, "key").to_owned()),
            // 503: others changed the set each time it was tried.
            409 | 503 => {}
            status => panic!("{status}: {}", answer.body["type"]),
        }
    }
    assert_eq!(made.len(), 2);
    for key in made {
        assert!(opens(&stack, &key).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_key_cannot_read_a_test_payment_nor_a_test_key_a_live_one() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let test_payment = shop.sell(1999).await;
    let merchant = shop.owner.merchant_id.as_str();
    let live = open_shop(&shop.stack, merchant, "live", 100).await;
    // The sample payment, which moves no money, as this merchant's in the other world.
    let samples = std::fs::read_to_string(shop.stack.workspace.root().join("events/items.json")).unwrap();
    let mut item = serde_json::from_str::<Value>(&samples).unwrap()["payments"][0].clone();
    let live_payment = format!("pay_{}00000000", unique());
    item["payment_id"] = json!(live_payment);
    item["owner"] = json!(format!("{merchant}#live"));
    shop.tables.put("Payments", &item).await;
    let rows = [
        (shop.key(), &test_payment, 200),
        (live.as_str(), &test_payment, 404),
        (shop.key(), &live_payment, 404),
        (live.as_str(), &live_payment, 200),
    ];
    for (key, payment, status) in rows {
        let answer = look(&shop.stack, key, payment).await;
        assert_eq!(answer.status, status, "{} {payment}: {}", &key[..8], answer.body["type"]);
    }
    shop.tables.delete("Payments", json!({ "payment_id": live_payment })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_operator_reaches_no_operators_path() {
    let _healthy = healthy().await;
    let (stack, id) = (stack().await, merchant());
    let key = open_shop(&stack, &id, "test", 100).await;
    let key_id = text(&ask(&stack, "GET", &id, "/test/keys", None).await.body["data"][0], "id").to_owned();
    let role = credentials_of(&stack, "post-ledger").await;
    let unknown = Credentials::new("AKIANOBODY", "nothing", None, None, "a test");
    let http = client();
    let paths = [
        ("GET", String::new()),
        ("PUT", format!("/{id}/test")),
        ("GET", format!("/{id}/test")),
        ("POST", format!("/{id}/test/keys")),
        ("GET", format!("/{id}/test/keys")),
        ("POST", format!("/{id}/test/keys/{key_id}/rotate")),
        ("DELETE", format!("/{id}/test/keys/{key_id}")),
    ];
    for (method, below) in paths {
        let path = format!("/operator/v1/merchants{below}");
        let request = || http.request(method.parse().unwrap(), url(&stack, &path)).json(&settings(9999));
        let pretender = request().header("userArn", "arn:aws:iam::000000000000:root");
        let rows = [
            // API Gateway does not tell who sends no signature whether there is such a path.
            ("nobody", request(), 404),
            ("a merchant", request().bearer_auth(&key), 403),
            ("a pretender", pretender.bearer_auth(&key), 403),
        ];
        for (who, request, status) in rows {
            let answer = send(request).await.unwrap();
            assert_eq!(answer.status, status, "{who}: {method} {path}");
            assert_eq!(answer.content_type, "application/problem+json", "{who}: {method} {path}");
        }
        for (who, signer) in [("a function's role", &role), ("a forger", &unknown)] {
            let answer = xtask::operator::call_as(&stack, signer.clone(), method, &path, Some(&settings(9999))).await;
            assert_eq!(answer.unwrap().status, 403, "{who}: {method} {path}");
        }
    }
    let unchanged = ask(&stack, "GET", &id, "/test", None).await;
    assert_eq!(unchanged.body["requests_per_second"], 100);
    let keys = ask(&stack, "GET", &id, "/test/keys", None).await.body;
    assert_eq!((keys["data"].as_array().unwrap().len(), &keys["data"][0]["active"]), (1, &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_function_itself_refuses_who_has_no_iam_identity() {
    let _healthy = healthy().await;
    let stack = stack().await;
    let event = std::fs::read_to_string(stack.workspace.root().join("events/administer.json")).unwrap();
    let mut event: Value = serde_json::from_str(&event).unwrap();
    let lambda = aws_sdk_lambda::Client::new(&stack.sdk_config());
    let invoke = async |event: &Value| {
        let payload = aws_sdk_lambda::primitives::Blob::new(event.to_string());
        let call = lambda.invoke().function_name(stack.function_name("administer")).payload(payload);
        let answer: Value = serde_json::from_slice(call.send().await.unwrap().payload.unwrap().as_ref()).unwrap();
        answer["statusCode"].as_u64().unwrap()
    };
    assert_eq!(invoke(&event).await, 200);
    event["requestContext"]["identity"]["userArn"] = Value::Null;
    event["requestContext"]["authorizer"] = json!({ "merchant_id": "mer_a", "mode": "test", "principalId": "mer_a" });
    assert_eq!(invoke(&event).await, 403);
}

/// Many looks at once with one key: their answers.
async fn burst(stack: &Stack, key: &str, count: usize) -> Vec<reqwest::Response> {
    let http = client();
    let sent = (0..count).map(|_| {
        let request = http.get(url(stack, "/v1/payments/pay_00000000000000000000000000000000")).bearer_auth(key);
        tokio::spawn(request.send())
    });
    let mut answers = Vec::new();
    for answer in sent.collect::<Vec<_>>() {
        answers.push(answer.await.unwrap().unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_beyond_its_limit_is_told_to_wait_and_other_keys_are_not() {
    let _healthy = healthy().await;
    let (stack, id) = (stack().await, merchant());
    let slow = open_shop(&stack, &id, "test", 1).await;
    let other = open_shop(&stack, &merchant(), "test", 100).await;
    let refused = until("a request beyond one per second", 60, || async {
        burst(&stack, &slow, 8).await.into_iter().find(|answer| answer.status() == 429)
    })
    .await;
    assert_eq!(refused.headers()["Retry-After"], "1");
    assert_eq!(refused.headers()["Content-Type"], "application/problem+json");
    let body: Value = refused.json().await.unwrap();
    assert_eq!((text(&body, "type").rsplit('/').next(), &body["status"]), (Some("too-many-requests"), &json!(429)));
    assert!(
        burst(&stack, &other, 8).await.iter().all(|answer| answer.status() == 404),
        "another key has its own limit"
    );
    until("a request admitted again", 30, || async {
        (look(&stack, &slow, "pay_0").await.status == 404).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_counts_requests_go_on() {
    let _alone = alone().await;
    let (stack, id) = (stack().await, merchant());
    let key = open_shop(&stack, &id, "test", 1).await;
    let client = redis::Client::open(format!("redis://{}", stack.valkey().unwrap())).unwrap();
    let mut valkey = client.get_connection_manager().await.unwrap();
    // The server answers nobody for so long.
    redis::cmd("CLIENT").arg("PAUSE").arg(8000).arg("ALL").exec_async(&mut valkey).await.unwrap();
    let answers = burst(&stack, &key, 6).await;
    until("Valkey answers again", 30, || async { redis::cmd("PING").exec_async(&mut valkey.clone()).await.ok() }).await;
    assert!(answers.iter().all(|answer| answer.status() == 404), "uncounted, and let through");
}
