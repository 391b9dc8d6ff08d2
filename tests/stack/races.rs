//! Many at once on the deployed stack: a thousand callers with one key, and every pair of operations on one payment.

use crate::numbers::{fresh, unique};
use crate::shop::{Answer, Shop, alone, healthy, payment_body, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Callers with one key.
const CALLERS: usize = 1000;
/// How often each pair meets.
const MEETINGS: usize = 10;
/// Payments raced at a time: what two cores bear.
const AT_A_TIME: usize = 6;
/// Until a payment has to rest, a sweep included.
const REST_SECONDS: u64 = 240;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_callers_with_one_key_make_one_payment_and_one_charge() {
    let _alone = alone().await;
    let shop = Shop::open().await;
    let token = shop.create_token(&fresh()).await;
    let (body, key) = (payment_body(1999, &token), unique());
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (shop, body, key) = (shop.clone(), body.clone(), key.clone());
        callers.spawn(async move { shop.pay_and_tell(&body, &key).await });
    }
    let answers = callers.join_all().await;
    let bytes = &answers[0].0.text;
    let same = |answer: &Answer| answer.status == 201 && answer.text == *bytes;
    assert!(answers.iter().all(|(answer, _)| same(answer)), "all the same bytes");
    let mut refused = BTreeMap::<u16, usize>::new();
    for answer in answers.iter().flat_map(|(_, before)| before) {
        *refused.entry(answer.status).or_default() += 1;
        match answer.status {
            409 => assert!(answer.retry_after.is_some(), "409 says when to come again"),
            // More than the local stack works on at once: throttled, or given up by API Gateway.
            status => assert!(matches!(status, 429 | 500..=504), "{status}: {}", answer.text),
        }
    }
    assert!(refused.contains_key(&409), "they met: {refused:?}");
    let hold = shop.tables.hold(&shop.payment_id(&key)).await.unwrap();
    assert_eq!(hold["captured"], 1999);
    assert_eq!(hold["effects"].as_object().unwrap().len(), 2, "one authorisation, one capture");
}

/// Operations that may meet, by where the payment rests.
fn happenings(status: &str) -> Vec<(&'static str, Value)> {
    let whole = ("capture", json!({}));
    let cancel = ("cancel", json!({}));
    match status {
        "requires_capture" => vec![
            whole,
            ("capture", json!({ "amount": 1200, "final_capture": false })),
            cancel,
            ("refunds", json!({})),
            ("review", json!({ "decision": "approve" })),
        ],
        "in_review" => vec![
            ("review", json!({ "decision": "approve" })),
            ("review", json!({ "decision": "decline" })),
            cancel,
            whole,
        ],
        _ => vec![("refunds", json!({ "amount": 1500 })), ("refunds", json!({ "amount": 600 })), whole, cancel],
    }
}

/// A payment that rests with that status.
async fn rested(shop: &Shop, status: &str) -> String {
    let token = shop.create_token(&fresh()).await;
    let mut body = payment_body(1999, &token);
    match status {
        "requires_capture" => body["capture_method"] = json!("manual"),
        "in_review" => body["amount"] = json!(crate::operator::REVIEW_FROM),
        _ => {}
    }
    let answer = shop.pay(&body, &unique()).await;
    assert_eq!(answer.body["status"], status, "{}", answer.text);
    answer.body["id"].as_str().unwrap().to_owned()
}

async fn operate(shop: &Shop, id: &str, (operation, body): &(&str, Value), key: &str) -> Answer {
    shop.operate_once(id, operation, body, key).await
}

/// The payment's own account of its money is what the acquirer really did.
async fn check_account(shop: &Shop, id: &str, context: &str) {
    let payment = until("a payment at rest", REST_SECONDS, || async {
        let payment = shop.tables.payment(id).await?;
        let open = ["capturing", "captured", "voiding", "refunding"];
        (!open.contains(&payment["stage"]["name"].as_str()?)).then_some(payment)
    })
    .await;
    let sum = |kind: &str| {
        let operations = payment["operations"].as_array().cloned().unwrap_or_default();
        let done = operations.into_iter().filter(|it| it["do"] == kind && it["reference"].is_string());
        done.map(|it| it["amount"].as_u64().unwrap()).sum::<u64>()
    };
    let (captured, refunded, amount) = (sum("capture"), sum("refund"), payment["amount"].as_u64().unwrap());
    let hold = shop.tables.hold(id).await.unwrap();
    let number = |name: &str| hold[name].as_u64().unwrap();
    assert_eq!((number("captured"), number("refunded")), (captured, refunded), "{context}: {payment}");
    assert!(captured <= amount && refunded <= captured, "{context}");
    let voided = hold["voided"] == true;
    assert!(!(voided && captured > 0), "{context}: voided and captured");
    let waits = matches!(payment["stage"]["name"].as_str(), Some("requires_capture" | "in_review"));
    let held = if voided { 0 } else { amount - captured - number("released") };
    assert_eq!(held > 0, waits, "{context}: {hold}");
}

async fn meet(shop: &Shop, status: &str, pair: [(&'static str, Value); 2]) {
    let id = rested(shop, status).await;
    let context = format!("{status}: {pair:?}, {id}");
    let [first, second] = &pair;
    let keys = [unique(), unique()];
    let answers = tokio::join!(operate(shop, &id, first, &keys[0]), operate(shop, &id, second, &keys[1]));
    check_account(shop, &id, &context).await;
    for answer in [&answers.0, &answers.1] {
        assert!(matches!(answer.status, 200..=202 | 409 | 422), "{context}: {} {}", answer.status, answer.text);
    }
    let part = |happening: &(&str, Value)| happening.0 == "capture" && happening.1["final_capture"] == false;
    let may_follow = (part(first) || part(second)) && (first.0 == "cancel" || second.0 == "cancel")
        || status == "requires_capture" && [first.0, second.0].contains(&"refunds")
        || first == second && first.1["amount"] == 600;
    let winners = [&answers.0, &answers.1].iter().filter(|answer| answer.status < 300).count();
    assert!(winners <= 1 || may_follow, "{context}: {} and {}", answers.0.text, answers.1.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_of_operations_at_once_leaves_what_the_acquirer_did() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let mut meetings = JoinSet::new();
    for status in ["requires_capture", "in_review", "succeeded"] {
        let list = happenings(status);
        for (place, first) in list.iter().enumerate() {
            for second in &list[place..] {
                for _ in 0..MEETINGS {
                    let (shop, places) = (shop.clone(), Arc::clone(&places));
                    let pair = [first.clone(), second.clone()];
                    meetings.spawn(async move {
                        let _place = places.acquire().await.unwrap();
                        meet(&shop, status, pair).await;
                    });
                }
            }
        }
    }
    assert_eq!(meetings.join_all().await.len(), 35 * MEETINGS);
}
