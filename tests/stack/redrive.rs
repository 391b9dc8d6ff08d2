//! Dead letters are put back once, however often one asks, while everybody is at work.

use crate::numbers::unique;
use crate::shop::{Shop, alone, until};
use crate::topics::{commit_all, read_all, write};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use krafka::Record;
use payments::event::Event;
use payments::payment::Payment;
use serde_json::{Value, json};
use xtask::aws::Call;
use xtask::redrive::{GROUP, Redrive, Row, Site};

const BILL: &str = "bill-dead-letter";
const REQUESTS: &str = "payment-requests";
const DEAD_REQUESTS: &str = "payment-requests-dlq";

async fn sqs(shop: &Shop, action: &str, body: Value) -> Value {
    let target = format!("AmazonSQS.{action}");
    let body = body.to_string().into_bytes();
    let call = Call { service: "sqs", method: "POST", path: "/", target: Some(&target), body };
    call.send(&shop.stack.endpoint).await.unwrap()
}

/// Messages in a queue, whether or not somebody has them.
async fn depth(shop: &Shop, output: &str) -> u64 {
    let url = &shop.stack.outputs[output];
    let counts = sqs(shop, "GetQueueAttributes", json!({ "QueueUrl": url, "AttributeNames": ["All"] })).await;
    let count = |name: &str| counts["Attributes"][name].as_str().unwrap().parse::<u64>().unwrap();
    count("ApproximateNumberOfMessages") + count("ApproximateNumberOfMessagesNotVisible")
}

async fn redrive(shop: &Shop, dry_run: bool, limit: usize) -> Vec<Row> {
    let names = vec![BILL.to_owned(), DEAD_REQUESTS.to_owned()];
    let what = Redrive { names, dry_run, limit, stack_name: None };
    Site::of(&shop.stack).redrive(&what).await.unwrap()
}

/// Found and put back, by place; nothing failed.
fn counts(rows: &[Row]) -> Vec<(&str, u64, u64)> {
    assert!(rows.iter().all(|row| !row.failed), "{rows:?}");
    rows.iter().map(|row| (row.place.as_str(), row.found, row.put_back)).collect()
}

/// A payment's event as the bus lets it lie when it does not reach the queue, and once more as a person would put it there.
async fn plant_bills(shop: &Shop, payment: &Payment) {
    let body = json!({ "detail": Event::of(payment) }).to_string();
    let url = &shop.stack.outputs["BillDeadLetterQueueUrl"];
    let bill = shop.stack.outputs["BillQueueUrl"].rsplit('/').next().unwrap().to_owned();
    let text = |value: &str| json!({ "DataType": "String", "StringValue": value });
    let attributes = json!({
        "TARGET_ARN": text(&format!("arn:aws:sqs:us-east-1:000000000000:{bill}")), "ERROR_CODE": text("NO_PERMISSIONS"),
    });
    sqs(shop, "SendMessage", json!({ "QueueUrl": url, "MessageBody": body, "MessageAttributes": attributes })).await;
    sqs(shop, "SendMessage", json!({ "QueueUrl": url, "MessageBody": body })).await;
}

/// Requests that ingest and Lambda have given up, each in its way. Answers their keys and exact values.
async fn plant_requests(shop: &Shop) -> [(String, String); 2] {
    let mut requests = Vec::new();
    for _ in 0..2 {
        let (key, token) = (unique(), shop.create_token("4242424242424242").await);
        let request = json!({
            "version": 1, "merchant_id": shop.owner.merchant_id, "mode": "test", "idempotency_key": key,
            "body": { "amount": 1999, "currency": "EUR", "token": token },
        });
        // Its bytes are its own: a text that was read and written again would lose the blanks.
        requests.push((key, format!(" {request}\n")));
    }
    let [ours, lambdas] = requests.try_into().unwrap();
    let buried = Record::new(DEAD_REQUESTS, ours.1.clone()).key(ours.0.clone());
    write(&shop.stack, buried.header("reason", "planted").header("source", "payment-requests-0:7")).await;
    let record = json!({ "topic": REQUESTS, "key": BASE64.encode(&lambdas.0), "value": BASE64.encode(&lambdas.1) });
    let document = json!({
        "requestContext": { "condition": "RetriesExhausted", "functionArn": "arn:aws:lambda:r:1:function:florin-ingest" },
        "KafkaBatchInfo": { "batchSize": 1 }, "payload": { "records": { "payment-requests-1": [record] } },
    });
    write(&shop.stack, Record::new(DEAD_REQUESTS, document.to_string()).key(lambdas.0.clone())).await;
    [ours, lambdas]
}

/// How often the request stands on its topic with exactly these bytes, and how often it was answered.
async fn seen(shop: &Shop, (key, value): &(String, String)) -> (usize, usize) {
    let requests = read_all(&shop.stack, REQUESTS).await;
    let payment = shop.payment_id(key);
    let answers = read_all(&shop.stack, "payment-answers").await;
    let exact = requests.iter().filter(|record| record.key == *key).filter(|record| record.value == *value);
    (exact.count(), answers.iter().filter(|record| record.key == payment).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_put_back_once_however_often_one_asks() {
    let _alone = alone().await;
    let shop = Shop::open().await;
    // Letters of other tests that nobody will ever be able to read come back; they are not this one's.
    let _others = redrive(&shop, false, 10_000).await;
    shop.stack.wait_for_consumers(std::time::Duration::from_secs(60)).await.unwrap();
    commit_all(&shop.stack, GROUP, DEAD_REQUESTS).await;
    let id = shop.sell(1999).await;
    let payment = shop.tables.payment(&id).await.unwrap();
    let line = until("the fee line", 60, || shop.tables.fee_line(&payment)).await;
    let key = json!({ "bill": line["bill"], "line_id": line["line_id"] });
    shop.tables.delete("FeeLines", key).await;
    plant_bills(&shop, &serde_json::from_value(payment.clone()).unwrap()).await;
    let requests = plant_requests(&shop).await;

    assert_eq!(counts(&redrive(&shop, true, 1_000).await), [(BILL, 2, 0), (DEAD_REQUESTS, 2, 0)], "a dry run");
    assert_eq!(shop.tables.fee_line(&payment).await, None, "a dry run moves nothing");
    assert_eq!(counts(&redrive(&shop, false, 1).await), [(BILL, 2, 1), (DEAD_REQUESTS, 2, 1)], "one of each");
    assert_eq!(counts(&redrive(&shop, false, 1_000).await), [(BILL, 1, 1), (DEAD_REQUESTS, 1, 1)], "the others");
    assert_eq!(counts(&redrive(&shop, false, 1_000).await), [(BILL, 0, 0), (DEAD_REQUESTS, 0, 0)], "once more");

    let again = until("the fee line again", 60, || shop.tables.fee_line(&payment)).await;
    assert_eq!(again, line, "it is the line that it was");
    for request in &requests {
        until("the payment's answer", 90, || async { (seen(&shop, request).await.1 > 0).then_some(()) }).await;
    }
    shop.stack.wait_for_consumers(std::time::Duration::from_secs(60)).await.unwrap();
    for request in &requests {
        assert_eq!(seen(&shop, request).await, (1, 1), "put back as it was, once, and answered once");
        let hold = shop.tables.hold(&shop.payment_id(&request.0)).await.unwrap();
        assert_eq!(hold["captured"], 1999, "{hold}");
    }
    until("empty queues", 90, || async {
        let left = depth(&shop, "BillQueueUrl").await + depth(&shop, "BillDeadLetterQueueUrl").await;
        (left == 0).then_some(())
    })
    .await;
    assert_eq!(counts(&redrive(&shop, false, 1_000).await), [(BILL, 0, 0), (DEAD_REQUESTS, 0, 0)], "and at the end");
}
