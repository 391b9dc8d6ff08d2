//! Lists on the deployed table: DynamoDB takes no starting place outside of the range that is asked for.

use crate::shop::{Shop, healthy, send};
use serde_json::Value;

async fn list(shop: &Shop, query: &str) -> Value {
    let answer = send(shop.get(&format!("/v1/payments?{query}"))).await.unwrap();
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    answer.body
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|payment| payment["id"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_goes_on_behind_its_cursor_whatever_time_is_asked_for() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    for _ in 0..3 {
        shop.sell(1999).await;
    }
    let all = list(&shop, "limit=100").await;
    let [newest, middle, oldest] = ids(&all)[..] else { panic!("three payments: {all}") };
    let opened = |place: usize| all["data"][place]["created_at"].as_str().unwrap();
    let first = list(&shop, "limit=1").await;
    let second = list(&shop, &format!("limit=1&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    let behind = |page: &Value| page["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!((ids(&first), ids(&second)), (vec![newest], vec![middle]));
    let rows = [
        (behind(&first), String::new(), vec![middle, oldest]),
        (behind(&first), format!("&created_from={}", opened(1)), vec![middle]),
        // The cursor is older than all that is asked for: nothing is left.
        (behind(&second), format!("&created_from={}", opened(0)), vec![]),
        // It is newer: all of it is left.
        (behind(&first), format!("&created_before={}", opened(1)), vec![oldest]),
        (behind(&first), format!("&created_before={}", opened(2)), vec![]),
        (behind(&second), "&created_from=2999-01-01T00:00:00Z".to_owned(), vec![]),
    ];
    for (cursor, range, expected) in rows {
        let page = list(&shop, &format!("limit=100&cursor={cursor}{range}")).await;
        assert_eq!(ids(&page), expected, "behind {cursor}{range}");
    }
}
