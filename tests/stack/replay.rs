//! The same request again: the same answer, and nothing happens twice.

use crate::numbers::{fresh, unique};
use crate::shop::{Shop, healthy, payment_body};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_again_gets_the_same_answer_and_changes_nothing() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let token = shop.create_token(&fresh()).await;
    let (body, key) = (payment_body(1234, &token), unique());
    let first = shop.pay(&body, &key).await;
    assert_eq!((first.status, &first.body["status"]), (201, &"succeeded".into()), "{}", first.text);
    assert!(!first.replayed, "the first answer is no repetition");
    let id = shop.payment_id(&key);
    assert_eq!(first.body["id"], id, "the id is derived from the key");
    let (payment, hold) = (shop.tables.payment(&id).await, shop.tables.hold(&id).await);
    assert!(payment.is_some() && hold.is_some());

    for _ in 0..2 {
        let again = shop.pay_once(&body, &key).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text));
        assert!(again.replayed, "a repetition says so");
    }
    assert_eq!(shop.tables.payment(&id).await, payment, "the payment is the same version");
    assert_eq!(shop.tables.hold(&id).await, hold, "the acquirer was not asked again");
}

/// Does it three times with the same key: it happens once, and the answer is the first one's bytes.
async fn repeat(shop: &Shop, id: &str, operation: &str, body: Value, status: u16) -> Value {
    let key = unique();
    let first = shop.operate_once(id, operation, &body, &key).await;
    assert_eq!(first.status, status, "{operation}: {}", first.text);
    assert!(!first.replayed, "{operation}: the first answer is no repetition");
    let (payment, hold) = (shop.tables.payment(id).await, shop.tables.hold(id).await);
    for _ in 0..2 {
        let again = shop.operate_once(id, operation, &body, &key).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{operation}");
        assert!(again.replayed, "{operation}: a repetition says so");
    }
    assert_eq!(shop.tables.payment(id).await, payment, "{operation}: the payment is the same version");
    assert_eq!(shop.tables.hold(id).await, hold, "{operation}: the acquirer was not asked again");
    first.body
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_to_a_payment_is_done_once_and_answered_the_same_although_it_goes_on() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let mut body = payment_body(1000, &shop.create_token(&fresh()).await);
    body["capture_method"] = json!("manual");
    let key = unique();
    let opened = shop.pay(&body, &key).await;
    assert_eq!(opened.body["status"], "requires_capture", "{}", opened.text);
    let id = shop.payment_id(&key);
    let part = repeat(&shop, &id, "capture", json!({ "amount": 300, "final_capture": false }), 200).await;
    assert_eq!((&part["amount_captured"], &part["amount_capturable"]), (&json!(300), &json!(700)));
    let rest = repeat(&shop, &id, "cancel", json!({}), 200).await;
    assert_eq!((&rest["status"], &rest["amount_captured"]), (&json!("succeeded"), &json!(300)));
    for (amount, reason) in [(100, Value::Null), (200, json!("duplicate"))] {
        let mut body = json!({ "amount": amount });
        if !reason.is_null() {
            body["reason"] = reason;
        }
        let refund = repeat(&shop, &id, "refunds", body, 201).await;
        assert_eq!((&refund["status"], &refund["amount"]), (&json!("succeeded"), &json!(amount)));
    }
    let again = shop.pay_once(&body, &key).await;
    assert_eq!(
        (again.status, again.replayed, &again.text),
        (201, true, &opened.text),
        "the payment as it first rested"
    );
    let hold = shop.tables.hold(&id).await.unwrap();
    let moved = ["captured", "released", "refunded"].map(|name| hold[name].as_u64());
    assert_eq!(moved, [Some(300), Some(700), Some(300)]);
}
