//! A request over Kafka and the same over HTTP are one payment, on the deployed system.

use crate::numbers::unique;
use crate::shop::{Shop, healthy, until};
use crate::topics::{read_all, write_to};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn one_request_three_times_on_two_partitions_and_once_over_http_is_one_payment() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let (key, token) = (unique(), shop.create_token("4242424242424242").await);
    let body = json!({ "amount": 1999, "currency": "EUR", "token": token });
    let record = json!({
        "version": 1, "merchant_id": shop.owner.merchant_id, "mode": "test", "idempotency_key": key, "body": body,
    })
    .to_string();
    let newer = record.replace("\"version\":1", "\"version\":2");
    write_to(&shop.stack, "payment-requests", 0, &key, &[newer.clone(), record.clone()]).await;
    write_to(&shop.stack, "payment-requests", 1, &key, &[record.clone(), record]).await;

    let id = shop.payment_id(&key);
    let answers = until("three answers", 90, || async {
        let seen = read_all(&shop.stack, "payment-answers").await;
        let ours: Vec<String> = seen.into_iter().filter(|record| record.key == id).map(|record| record.value).collect();
        (ours.len() >= 3).then_some(ours)
    })
    .await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "one answer, whichever way it came");
    let answer: Value = serde_json::from_str(&answers[0]).unwrap();
    assert_eq!((answer["status"].as_u64(), answer["payment"]["status"].as_str()), (Some(201), Some("succeeded")));

    let http = shop.pay_once(&body, &key).await;
    assert_eq!(http.status, 201);
    assert_eq!(http.body, answer["payment"], "over HTTP it is the same payment");
    let holds = shop.tables.get("Acquirer", json!({ "hold_key": format!("{id}:authorize:1") })).await.unwrap();
    assert_eq!(holds["captured"], 1999, "{holds}");
    until("the dead letter", 60, || async {
        let seen = read_all(&shop.stack, "payment-requests-dlq").await;
        let ours = seen.into_iter().find(|record| record.value == newer)?;
        ours.reason.filter(|reason| reason.contains("version"))
    })
    .await;
}
