//! One merchant never reaches another's: every route of `openapi.yaml` that names a thing, walked with foreign keys.

use crate::numbers::{fresh, unique};
use crate::shop::{Shop, healthy, payment_body, send};
use serde_json::json;

/// Methods that a route may have.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Every merchant's route with a variable in its path: method, path.
fn routes() -> Vec<(String, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let contract: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).unwrap();
    let paths = contract["paths"].as_mapping().unwrap();
    let named = paths.iter().filter(|(path, _)| {
        let path = path.as_str().unwrap();
        path.contains('{') && path.starts_with("/v1/")
    });
    named
        .flat_map(|(path, operations)| {
            let there = METHODS.into_iter().filter(|method| operations.get(method).is_some());
            there.map(|method| (method.to_owned(), path.as_str().unwrap().to_owned()))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_key_finds_nothing_on_any_route() {
    let _healthy = healthy().await;
    let (own, other) = tokio::join!(Shop::open(), Shop::open());
    let live = own.live_key().await;
    let token = own.create_token(&fresh()).await;
    let mut body = payment_body(1999, &token);
    body["capture_method"] = json!("manual");
    let payment = own.pay(&body, &unique()).await.body["id"].as_str().unwrap().to_owned();
    let endpoint = own.webhook_endpoint("https://hooks.example.com/florin").await;
    let before = own.tables.payment(&payment).await;
    let routes = routes();
    assert!(routes.len() >= 6, "{routes:?}");
    for (method, path) in &routes {
        let filled = path
            .replace("{payment_id}", &payment)
            .replace("{endpoint_id}", &endpoint)
            .replace("{invoice_id}", "inv_20291200000000000000000000000000")
            .replace("{delivery_id}", "dlv_00000000000000000000000000000000");
        assert!(!filled.contains('{'), "{path}: say here what its variable is");
        let body = if path.ends_with("/review") { json!({ "decision": "approve" }) } else { json!({}) };
        for (whose, key) in [("another merchant's", other.key()), ("the other mode's", live.as_str())] {
            let request = own.request(method, &filled).bearer_auth(key).header("Idempotency-Key", unique()).json(&body);
            let answer = send(request).await.unwrap();
            assert_eq!(answer.status, 404, "{method} {path} with {whose} key: {}", answer.text);
        }
    }
    assert_eq!(own.tables.payment(&payment).await, before, "the payment is as it was");
    for key in [other.key(), live.as_str()] {
        for path in ["/v1/payments", "/v1/balances", "/v1/settlements", "/v1/invoices", "/v1/webhook_endpoints"] {
            let answer = send(own.request("get", path).bearer_auth(key)).await.unwrap();
            assert_eq!((answer.status, &answer.body["data"]), (200, &json!([])), "{path}: {}", answer.text);
        }
    }
    let foreign = other.pay_once(&payment_body(1999, &token), &unique()).await;
    assert_eq!(foreign.status, 422, "a token is its merchant's: {}", foreign.text);
}
