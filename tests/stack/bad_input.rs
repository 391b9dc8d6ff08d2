//! Requests that must be refused: each with a problem document that names the field, and nothing stored.

use crate::numbers::{fresh, unique};
use crate::shop::{Answer, Shop, healthy, payment_body, send};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

/// Just over the largest body.
const TOO_LONG: usize = 16 * 1024 + 1;

/// Status, kind of problem, field.
type Refusal = (u16, &'static str, Option<&'static str>);

/// The answer is a problem of this kind about this field, and no payment of that key is stored.
async fn assert_refused(shop: &Shop, name: &str, answer: &Answer, key: &str, expected: Refusal) {
    let (status, kind, field) = expected;
    assert_eq!(answer.status, status, "{name}: {}", answer.text);
    assert_eq!(answer.content_type, "application/problem+json", "{name}");
    let body = &answer.body;
    assert!(body["type"].as_str().unwrap_or_default().ends_with(&format!("/{kind}")), "{name}: {}", answer.text);
    assert_eq!(body["status"], status, "{name}");
    assert!(body["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{name}: no request_id");
    let fields: Vec<&str> =
        body["errors"].as_array().into_iter().flatten().filter_map(|e| e["field"].as_str()).collect();
    assert_eq!(fields, Vec::from_iter(field), "{name}: {}", answer.text);
    assert!(shop.tables.payment(&shop.payment_id(key)).await.is_none(), "{name}: a payment is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_field_is_refused_by_its_name_and_nothing_is_stored() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let token = shop.create_token(&fresh()).await;
    let invalid = |field: &'static str| (400, "invalid-request", Some(field));
    let rows: [(&str, Value, &'static str); 9] = [
        ("amount", json!(0), "amount"),
        ("amount", json!(-1), "amount"),
        ("amount", json!(1.5), "amount"),
        ("amount", json!(1_u64 << 53), "amount"),
        ("amount", json!("1"), "amount"),
        ("amount", Value::Null, "amount"),
        ("currency", json!("EUX"), "currency"),
        ("capture_method", json!("later"), "capture_method"),
        ("tip", json!(1), "tip"),
    ];
    for (change, value, field) in rows {
        let (key, mut body) = (unique(), payment_body(100, &token));
        let name = format!("{change} = {value}");
        body[change] = value;
        let answer = shop.pay_once(&body, &key).await;
        assert_refused(&shop, &name, &answer, &key, invalid(field)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_document_or_header_is_refused_and_nothing_is_stored() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let token = shop.create_token(&fresh()).await;
    let good = payment_body(100, &token);
    let long = json!({ "amount": 100, "currency": "EUR", "token": token, "reference": "x".repeat(TOO_LONG) });
    let json_type = "application/json";
    let with = |media: &str, body: String| shop.post("/v1/payments").header("Content-Type", media).body(body);
    let without_key = |request: RequestBuilder| request.json(&good);
    let rows: [(&str, RequestBuilder, Refusal); 6] = [
        ("malformed", with(json_type, "{\"amount\":".to_owned()), (400, "malformed-json", None)),
        ("no object", with(json_type, "[]".to_owned()), (400, "invalid-request", Some("(body)"))),
        ("text", with("text/plain", good.to_string()), (415, "unsupported-media-type", Some("Content-Type"))),
        ("long", with(json_type, long.to_string()), (413, "body-too-large", None)),
        ("no API key", without_key(shop.post_without_key("/v1/payments")), (401, "unauthorized", None)),
        (
            "a wrong API key",
            without_key(shop.post_without_key("/v1/payments").bearer_auth(format!("fk_test_{}", unique()))),
            (401, "unauthorized", None),
        ),
    ];
    for (name, request, expected) in rows {
        let key = unique();
        let answer = send(request.header("Idempotency-Key", &key)).await.unwrap();
        assert_refused(&shop, name, &answer, &key, expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_the_merchants_to_use_is_refused_and_nothing_is_stored() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let other = Shop::open_in(&shop.stack).await;
    let foreign = other.create_token(&fresh()).await;
    let expired = shop.create_token(&fresh()).await;
    let mut item = shop.tables.get("Tokens", json!({ "token_id": expired })).await.unwrap();
    item["expires_at"] = json!(1);
    shop.tables.put("Tokens", &item).await;
    let unknown = format!("tok_{}{}", unique(), "00000000");
    for (name, token) in [("unknown", unknown), ("another's", foreign), ("expired", expired)] {
        let key = unique();
        let answer = shop.pay_once(&payment_body(100, &token), &key).await;
        assert_refused(&shop, name, &answer, &key, (422, "unprocessable", Some("token"))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_without_its_own_key_is_refused() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let token = shop.create_token(&fresh()).await;
    let answer = send(shop.post("/v1/payments").json(&payment_body(100, &token))).await.unwrap();
    let expected = (400, "idempotency-key-missing", Some("Idempotency-Key"));
    assert_refused(&shop, "no key", &answer, &unique(), expected).await;

    let key = unique();
    let first = shop.pay(&payment_body(100, &token), &key).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let before = shop.tables.payment(&shop.payment_id(&key)).await;
    let answer = shop.pay_once(&payment_body(101, &token), &key).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert!(answer.body["type"].as_str().unwrap().ends_with("/idempotency-key-reused"));
    assert!(answer.body["request_id"].is_string());
    assert_eq!(shop.tables.payment(&shop.payment_id(&key)).await, before, "the first payment stays as it was");
}
