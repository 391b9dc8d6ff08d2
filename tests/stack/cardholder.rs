//! Cardholders who have to authenticate, through the deployed API: asked, waited for, confirmed, and told of by Stripe.

use crate::numbers::unique;
use crate::shop::{Answer, Shop, healthy, now, send, until};
use serde_json::{Value, json};
use std::time::Duration;

const AUTHENTICATES: &str = "4000002500003155";
const FAILS: &str = "4000009900000806";
const STAYS_AWAY: &str = "4000009900000905";
/// Longer than the simulated cardholders take.
const A_WHILE: Duration = Duration::from_secs(4);

/// A payment whose cardholder is asked to authenticate; its id, and what its request was.
async fn asked(shop: &Shop, number: &str) -> (String, Answer, Value, String) {
    let token = shop.create_token(number).await;
    let (body, key) = (
        json!({ "amount": 1999, "currency": "EUR", "token": token, "return_url": "https://shop.example/return" }),
        unique(),
    );
    let answer = shop.pay(&body, &key).await;
    assert_eq!((answer.status, &answer.body["status"]), (201, &json!("requires_action")), "{}", answer.text);
    let page = answer.body["next_action"]["redirect_to_url"]["url"].as_str().unwrap();
    assert!(page.starts_with("https://"), "{page}");
    (answer.body["id"].as_str().unwrap().to_owned(), answer, body, key)
}

async fn look(shop: &Shop, id: &str) -> Value {
    send(shop.get(&format!("/v1/payments/{id}"))).await.unwrap().body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cardholder_who_comes_back_decides_what_becomes_of_the_payment() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let (paid, first, body, key) = asked(&shop, AUTHENTICATES).await;
    let (failed, ..) = asked(&shop, FAILS).await;
    let (stayed, ..) = asked(&shop, STAYS_AWAY).await;
    tokio::time::sleep(A_WHILE).await;
    let confirm = async |id: &str| shop.operate_once(id, "confirm", &json!({}), &unique()).await;
    let answer = confirm(&paid).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("succeeded")), "{}", answer.text);
    assert_eq!(answer.body["liability_shift"], "issuer");
    let answer = confirm(&failed).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("declined")), "{}", answer.text);
    assert_eq!(answer.body["decline"]["code"], "authentication_required");
    let answer = confirm(&stayed).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("requires_action")), "{}", answer.text);
    let answer = shop.operate_once(&stayed, "cancel", &json!({}), &unique()).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("canceled")), "{}", answer.text);
    let again = shop.pay_once(&body, &key).await;
    assert_eq!((again.status, again.replayed, again.text), (201, true, first.text));
    let late = confirm(&paid).await;
    assert_eq!(late.status, 409, "{}", late.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stripe_tells_has_the_gateway_asked() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let (id, ..) = asked(&shop, AUTHENTICATES).await;
    tokio::time::sleep(A_WHILE).await;
    let secrets = aws_sdk_secretsmanager::Client::new(&shop.stack.sdk_config());
    let secret =
        secrets.get_secret_value().secret_id("stripe/test/events").send().await.unwrap().secret_string.unwrap();
    let object = json!({ "status": "requires_capture", "metadata": { "florin_key": format!("{id}:authorize:1") } });
    let event = json!({ "id": "evt_1", "data": { "object": object } }).to_string();
    let deliver = async |secret: &str| {
        let signature = signature(secret, now().as_seconds(), &event);
        let request = shop.post_without_key("/v1/gateways/stripe/events").header("Stripe-Signature", signature);
        send(request.header("Content-Type", "application/json").body(event.clone())).await.unwrap()
    };
    let forged = deliver("whsec_of_nobody").await;
    assert_eq!(forged.status, 400, "{}", forged.text);
    assert_eq!(look(&shop, &id).await["status"], "requires_action");
    let heard = deliver(&secret).await;
    assert_eq!((heard.status, &heard.body["received"]), (200, &json!(true)), "{}", heard.text);
    let paid = until("the payment goes on", 60, || async {
        let payment = look(&shop, &id).await;
        (payment["status"] == "succeeded").then_some(payment)
    })
    .await;
    assert_eq!(paid["liability_shift"], "issuer");
    let events = send(shop.get(&format!("/v1/payments/{id}/events"))).await.unwrap().body;
    let by: Vec<_> = events["data"].as_array().unwrap().iter().map(|event| event["by"].as_str().unwrap()).collect();
    assert!(by.contains(&"hear-stripe"), "{by:?}");
}

fn signature(secret: &str, seconds: i64, body: &str) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let tag = ring::hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={digits}")
}
