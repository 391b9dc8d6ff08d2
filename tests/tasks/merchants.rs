//! Operators' work and what follows from it at the door: `administer`, `authorizer`, and the rate limit. Twice, with
//! failures before and after each call, at once, and over days of virtual time.

use crate::registry::Registry;
use crate::world::{Fault, World};
use payments::failure::Unavailable;
use payments::id::KeyId;
use payments::key::{ApiKey, MAX_ACTIVE};
use payments::ports::*;
use serde_json::{Value, json};
use std::cell::RefCell;
use task::http::ProxyRequest;

const DAY: i64 = 24 * 60 * 60;
const SHOP: &str = "/operator/v1/merchants/{merchant_id}/{mode}";

/// One operator's request: method, path below the merchant, path's variables in the order of the path, body.
fn request(method: &str, below: &str, mode: &str, key_id: &str, body: &Value) -> Value {
    let text = if body.is_null() { Value::Null } else { json!(body.to_string()) };
    json!({
        "httpMethod": method, "resource": format!("{SHOP}{below}"),
        "pathParameters": { "merchant_id": "mer_a", "mode": mode, "key_id": key_id },
        "headers": { "content-type": "application/json" }, "body": text,
        "requestContext": { "requestId": "r", "identity": { "userArn": "arn:aws:iam::123456789012:role/operator" } },
    })
}

async fn send(registry: &Registry, request: Value) -> (u16, Value) {
    let request: ProxyRequest = serde_json::from_value(request).unwrap();
    let ports = administer::Ports { profiles: registry, keys: registry, system: registry };
    let answer = administer::handle(&ports, request).await.unwrap();
    (answer.status_code, serde_json::from_str(&answer.body).unwrap_or_default())
}

fn settings() -> Value {
    json!({
        "name": "A", "active": true, "currencies": { "EUR": { "min": 1, "max": 100 } },
        "fee_plan": { "basis_points": 100 }, "requests_per_second": 7,
    })
}

/// A registry in which `mer_a` has settings in both modes.
async fn registry() -> Registry {
    let registry = Registry { world: World::new(), ..Registry::default() };
    for mode in ["test", "live"] {
        let (status, body) = send(&registry, request("PUT", "", mode, "", &settings())).await;
        assert_eq!(status, 200, "{body}");
    }
    registry.world.calls.set(0);
    registry
}

async fn create(registry: &Registry, mode: &str, body: Value) -> (u16, Value) {
    send(registry, request("POST", "/keys", mode, "", &body)).await
}

async fn listed(registry: &Registry, mode: &str) -> Vec<Value> {
    let (status, body) = send(registry, request("GET", "/keys", mode, "", &Value::Null)).await;
    assert_eq!(status, 200);
    body["data"].as_array().unwrap().clone()
}

fn text<'a>(body: &'a Value, field: &str) -> &'a str {
    body[field].as_str().unwrap_or_else(|| panic!("no {field}"))
}

/// What the authorizer says to a key: its context, if it opens.
async fn opens(registry: &Registry, key: &str) -> Option<Value> {
    let event = json!({
        "methodArn": "arn:aws:execute-api:us-east-1:123456789012:api/live/GET/v1/payments/x",
        "headers": { "AUTHORIZATION": format!("bearer {key}") },
    });
    let request = serde_json::from_value(event).unwrap();
    let answer = authorizer::handle(registry, registry, registry, request).await.unwrap();
    let statements = answer["policyDocument"]["Statement"].as_array().unwrap();
    let allows = statements.iter().any(|statement| statement["Effect"] == "Allow");
    let operators =
        statements.iter().filter(|it| text(it, "Resource").ends_with(if allows { "/*/operator/*" } else { "/*" }));
    assert!(operators.clone().count() == 1 && operators.into_iter().all(|it| it["Effect"] == "Deny"), "{answer}");
    allows.then(|| answer["context"].clone())
}

#[tokio::test]
async fn settings_are_put_and_read_back_however_often() {
    let registry = registry().await;
    let first = send(&registry, request("GET", "", "test", "", &Value::Null)).await;
    assert_eq!((first.0, &first.1["requests_per_second"], &first.1["mode"]), (200, &json!(7), &json!("test")));
    let again = send(&registry, request("PUT", "", "test", "", &first.1)).await;
    assert_eq!(again, first, "what was read can be put, and the answer is the same");
    let (status, body) = send(&registry, request("PUT", "", "test", "", &json!({ "name": "" }))).await;
    let fields: Vec<_> = body["errors"].as_array().unwrap().iter().map(|error| text(error, "field")).collect();
    assert_eq!((status, fields), (400, vec!["name", "active", "currencies", "fee_plan"]));
    let (status, body) = send(&registry, request("GET", "", "prod", "", &Value::Null)).await;
    assert_eq!((status, &body["errors"][0]["field"]), (400, &json!("mode")));
}

#[tokio::test]
async fn merchants_are_listed_page_by_page_each_once() {
    let registry = registry().await;
    for n in 0..4 {
        let mut put = request("PUT", "", "test", "", &settings());
        put["pathParameters"]["merchant_id"] = json!(format!("mer_b{n}"));
        assert_eq!(send(&registry, put).await.0, 200);
    }
    let page = async |query: Value| {
        let mut get = request("GET", "", "test", "", &Value::Null);
        get["resource"] = json!("/operator/v1/merchants");
        get["queryStringParameters"] = query;
        send(&registry, get).await
    };
    let (mut query, mut seen) = (json!({ "limit": "2" }), Vec::new());
    for _ in 0..3 {
        let (_, body) = page(query.clone()).await;
        let data = body["data"].as_array().unwrap();
        seen.extend(data.iter().map(|it| format!("{}.{}", text(it, "merchant_id"), text(it, "mode"))));
        query["cursor"] = body["next_cursor"].clone();
    }
    assert_eq!(seen, ["mer_a.live", "mer_a.test", "mer_b0.test", "mer_b1.test", "mer_b2.test", "mer_b3.test"]);
    assert!(query["cursor"].is_null(), "the last page has no next");
    for (field, value) in [("limit", "0"), ("limit", "101"), ("limit", "x"), ("cursor", "mer_a"), ("cursor", "x.test")]
    {
        let (status, body) = page(json!({ field: value })).await;
        assert_eq!((status, &body["errors"][0]["field"]), (400, &json!(field)), "{value}");
    }
}

#[tokio::test]
async fn who_is_no_operator_is_refused_before_anything_is_looked_at() {
    let registry = registry().await;
    let contexts = [
        json!({}),
        json!({ "identity": { "userArn": null, "sourceIp": "203.0.113.7" } }),
        json!({ "identity": { "userArn": "" } }),
        json!({ "authorizer": { "merchant_id": "mer_a", "mode": "test", "key_id": "key_1", "userArn": "arn" } }),
    ];
    for context in contexts {
        for (method, below) in
            [("PUT", ""), ("GET", ""), ("POST", "/keys"), ("GET", "/keys"), ("DELETE", "/keys/{key_id}")]
        {
            let mut asked = request(method, below, "test", "", &settings());
            asked["requestContext"] = context.clone();
            asked["headers"]["x-user-arn"] = json!("arn:aws:iam::123456789012:role/operator");
            let (status, body) = send(&registry, asked).await;
            assert_eq!((status, text(&body, "title")), (403, "The request is not allowed."), "{method} {context}");
        }
    }
    assert_eq!(registry.world.calls.get(), 0);
}

#[tokio::test]
async fn a_key_opens_its_own_mode_is_shown_once_and_a_third_is_refused() {
    let registry = registry().await;
    let mut made = Vec::new();
    for mode in ["test", "test", "live"] {
        let (status, body) = create(&registry, mode, Value::Null).await;
        assert_eq!(status, 201, "{mode}");
        let context = opens(&registry, text(&body, "key")).await.unwrap();
        let expected = json!({ "merchant_id": "mer_a", "mode": mode, "key_id": body["id"], "requests_per_second": 7 });
        assert_eq!(context, expected);
        made.push(body);
    }
    let (status, body) = create(&registry, "test", Value::Null).await;
    assert_eq!((status, text(&body, "type").rsplit('/').next()), (409, Some("key-limit-reached")));
    let shown = json!([listed(&registry, "test").await, listed(&registry, "live").await]).to_string();
    for body in &made {
        let key = text(body, "key");
        assert!(shown.contains(text(body, "id")) && !shown.contains(&key[8..]), "listed, without its text");
        assert!(!shown.contains(&ApiKey::hash(key).unwrap()), "listed, without its hash");
    }
    let mut unknown = request("POST", "/keys", "test", "", &Value::Null);
    unknown["pathParameters"]["merchant_id"] = json!("mer_nobody");
    assert_eq!(send(&registry, unknown).await.0, 404);
}

#[tokio::test]
async fn of_many_keys_asked_for_at_once_two_are_made() {
    let registry = registry().await;
    let ask = || create(&registry, "test", Value::Null);
    let (a, b, c, d, e, f) = tokio::join!(ask(), ask(), ask(), ask(), ask(), ask());
    let all = [a, b, c, d, e, f];
    let made: Vec<_> = all.iter().filter(|(status, _)| *status == 201).map(|(_, body)| text(body, "key")).collect();
    assert_eq!(made.len(), MAX_ACTIVE);
    assert_eq!(all.iter().filter(|(status, _)| *status == 409).count(), all.len() - MAX_ACTIVE);
    for key in made {
        assert!(opens(&registry, key).await.is_some());
    }
    assert_eq!(listed(&registry, "test").await.len(), MAX_ACTIVE);
}

#[tokio::test]
async fn a_rotated_key_and_its_successor_open_until_the_grace_is_over() {
    for (body, grace) in [(Value::Null, DAY), (json!({ "grace_seconds": 60 }), 60), (json!({ "grace_seconds": 0 }), 0)]
    {
        let registry = registry().await;
        let (_, old) = create(&registry, "test", Value::Null).await;
        let rotate = request("POST", "/keys/{key_id}/rotate", "test", text(&old, "id"), &body);
        let (status, new) = send(&registry, rotate.clone()).await;
        assert_eq!(status, 201);
        let [old, new] = [&old, &new].map(|body| text(body, "key"));
        let start = registry.world.now.get();
        for after in [0, grace / 2, grace - 1, grace, grace + DAY].into_iter().filter(|after| *after >= 0) {
            registry.world.now.set(start + after * 1000);
            assert_eq!(opens(&registry, old).await.is_some(), after < grace, "{after} s of {grace} s");
            assert!(opens(&registry, new).await.is_some());
        }
        let (status, problem) = send(&registry, rotate).await;
        assert_eq!((status, text(&problem, "type").rsplit('/').next()), (409, Some("key-ended")), "rotated twice");
    }
}

#[tokio::test]
async fn a_rotation_beside_a_second_active_key_has_to_end_the_old_one_at_once() {
    let registry = registry().await;
    let (_, old) = create(&registry, "test", Value::Null).await;
    create(&registry, "test", Value::Null).await;
    let rotate = |body: Value| request("POST", "/keys/{key_id}/rotate", "test", text(&old, "id"), &body);
    assert_eq!(send(&registry, rotate(Value::Null)).await.0, 409);
    assert!(opens(&registry, text(&old, "key")).await.is_some(), "a refused rotation leaves the key as it was");
    assert_eq!(send(&registry, rotate(json!({ "grace_seconds": 0 }))).await.0, 201);
    assert!(opens(&registry, text(&old, "key")).await.is_none());
}

#[tokio::test]
async fn a_key_with_an_end_opens_until_then_and_makes_room_after() {
    let registry = registry().await;
    let end = registry.now().plus_seconds(3600).to_rfc3339();
    let (_, key) = create(&registry, "test", json!({ "expires_at": end })).await;
    assert_eq!(key["expires_at"], json!(end));
    create(&registry, "test", Value::Null).await;
    assert_eq!(create(&registry, "test", Value::Null).await.0, 409);
    registry.world.now.set(registry.world.now.get() + 3600 * 1000);
    assert!(opens(&registry, text(&key, "key")).await.is_none());
    assert_eq!(create(&registry, "test", Value::Null).await.0, 201);
    let (status, body) = create(&registry, "live", json!({ "expires_at": end })).await;
    assert_eq!((status, &body["errors"][0]["field"]), (400, &json!("expires_at")), "that moment is over");
}

#[tokio::test]
async fn a_revoked_key_opens_nothing_and_revoking_it_again_changes_nothing() {
    let registry = registry().await;
    let (_, key) = create(&registry, "test", Value::Null).await;
    let revoke = |mode, id: &str| request("DELETE", "/keys/{key_id}", mode, id, &Value::Null);
    assert_eq!(send(&registry, revoke("live", text(&key, "id"))).await.0, 404, "the other world has no such key");
    assert_eq!(send(&registry, revoke("test", text(&key, "id"))).await.0, 204);
    assert!(opens(&registry, text(&key, "key")).await.is_none());
    let rings = registry.rings.borrow().clone();
    assert_eq!(send(&registry, revoke("test", text(&key, "id"))).await.0, 204);
    assert_eq!(*registry.rings.borrow(), rings);
    for id in ["key_00000000000000000000000000000000", "nonsense"] {
        assert_eq!(send(&registry, revoke("test", id)).await.0, 404, "{id}");
    }
}

#[tokio::test]
async fn a_key_of_an_inactive_merchant_still_opens() {
    let registry = registry().await;
    let (_, key) = create(&registry, "test", Value::Null).await;
    let mut inactive = settings();
    inactive["active"] = json!(false);
    assert_eq!(send(&registry, request("PUT", "", "test", "", &inactive)).await.0, 200);
    assert!(opens(&registry, text(&key, "key")).await.is_some(), "it reads and refunds; validation refuses payments");
}

#[tokio::test]
async fn what_is_no_key_of_ours_opens_nothing() {
    let registry = registry().await;
    for key in ["", "fk_test_", "fk_test_0123456789abcdef", "fk_live_0123456789abcdef"] {
        assert!(opens(&registry, key).await.is_none(), "{key}");
    }
}

/// Every key in a set leads to its owner, no owner has more than two active keys.
fn check_sets(registry: &Registry, context: &str) {
    for ring in registry.rings.borrow().values() {
        let active = ring.keys.iter().filter(|key| key.is_active(registry.now())).count();
        assert!(active <= MAX_ACTIVE, "{context}");
        let index = registry.index.borrow();
        assert!(ring.keys.iter().all(|key| index.get(&key.key_hash) == Some(&ring.owner())), "{context}");
    }
}

#[tokio::test]
async fn a_failure_at_any_call_leaves_nothing_half_done() {
    let operations = [
        ("put", "PUT", "", settings()),
        ("create", "POST", "/keys", Value::Null),
        ("rotate", "POST", "/keys/{key_id}/rotate", Value::Null),
        ("revoke", "DELETE", "/keys/{key_id}", Value::Null),
        ("list", "GET", "/keys", Value::Null),
    ];
    for (name, method, below, body) in operations {
        for fault in [Fault::Before, Fault::After] {
            let mut call = 0;
            loop {
                let context = format!("{name}: call {call} fails {fault:?}");
                let registry = registry().await;
                let (_, old) = create(&registry, "test", Value::Null).await;
                registry.world.calls.set(0);
                registry.world.fault.set(Some((call, 1, fault)));
                let asked = request(method, below, "test", text(&old, "id"), &body);
                let (status, _) = send(&registry, asked.clone()).await;
                let failed = registry.world.calls.get() > call;
                assert_eq!(status == 503, failed, "{context}: {status}");
                registry.world.fault.set(None);
                check_sets(&registry, &context);
                repair(&registry, &old, &context).await;
                if name == "revoke" || name == "put" {
                    let again = send(&registry, asked).await.0;
                    assert!(matches!(again, 200 | 204), "{context}: {again}");
                }
                if !failed {
                    break;
                }
                call += 1;
            }
            assert!(call > 0, "{name} calls something");
        }
    }
}

/// What an operator does after an answer was lost: look, revoke keys that nobody has, and make a new one.
async fn repair(registry: &Registry, old: &Value, context: &str) {
    for key in listed(registry, "test").await.iter().filter(|key| key["id"] != old["id"]) {
        let revoke = request("DELETE", "/keys/{key_id}", "test", text(key, "id"), &Value::Null);
        assert_eq!(send(registry, revoke).await.0, 204, "{context}");
    }
    let (status, new) = create(registry, "test", Value::Null).await;
    assert_eq!(status, 201, "{context}");
    assert!(opens(registry, text(&new, "key")).await.is_some(), "{context}");
    check_sets(registry, context);
}

/// A limit that says what it is told to say, and remembers whom it was asked about.
struct Limit(Result<Admission, ()>, RefCell<Vec<(String, u32)>>);

impl RateLimit for Limit {
    async fn admit(&self, key_id: &KeyId, limit: u32) -> Result<Admission, Unavailable> {
        self.1.borrow_mut().push((key_id.to_string(), limit));
        self.0.map_err(|()| Unavailable::new("the limit", "planned"))
    }
}

#[tokio::test]
async fn a_request_beyond_its_keys_limit_is_refused_and_one_that_nobody_counts_goes_on() {
    let id = "key_0123456789abcdef0123456789abcdef";
    let said =
        |limit: Value| json!({ "merchant_id": "mer_a", "mode": "test", "key_id": id, "requests_per_second": limit });
    let rows = [
        (said(json!("7")), Ok(Admission::Admitted), None, 1),
        (said(json!(7)), Ok(Admission::Exceeded), Some(429), 1),
        (said(json!("7")), Ok(Admission::Exceeded), Some(429), 1),
        (said(json!("7")), Err(()), None, 1),
        (said(json!("0")), Ok(Admission::Exceeded), None, 0),
        (json!({ "merchant_id": "mer_a", "mode": "test" }), Ok(Admission::Exceeded), None, 0),
    ];
    for (context, says, expected, asked) in rows {
        let limit = Limit(says, RefCell::default());
        let request = json!({ "httpMethod": "GET", "resource": "/", "requestContext": { "requestId": "r", "authorizer": context } });
        let request = serde_json::from_value(request).unwrap();
        let refusal = task::limit::refusal(&limit, &request).await;
        assert_eq!(refusal.as_ref().map(|answer| answer.status_code), expected, "{context} {says:?}");
        if let Some(answer) = refusal {
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(text(&body, "type"), "https://florin.example/problems/too-many-requests");
            assert_eq!(answer.headers["Retry-After"], "1");
        }
        assert_eq!(*limit.1.borrow(), vec![(id.to_owned(), 7); asked]);
    }
}
