//! The same request again: the same answer, and nothing happens twice.

use crate::numbers::{fresh, unique};
use crate::shop::{Shop, healthy, payment_body};

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
