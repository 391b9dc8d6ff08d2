//! Processes die at any moment: every payment comes to rest, and no money is taken twice.

use crate::numbers::{fresh, unique};
use crate::shop::{Shop, alone, payment_body, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use xtask::{Stack, crash};

const PAYMENTS: u64 = 40;
const AT_A_TIME: usize = 8;
/// Function processes that are killed.
const KILLS: usize = 30;
const KILL_INTERVAL: Duration = Duration::from_millis(300);
/// The first kill that takes the poller too.
const POLLER_DIES_AT: usize = 8;
/// A message whose function was killed is seen again after the queue's 180 s.
const CATCH_UP_SECONDS: u64 = 240;
/// Records behind the consumers.
const BEHIND_BOUND: Duration = Duration::from_secs(120);

fn random_below(bound: usize) -> usize {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).unwrap();
    u32::from_le_bytes(bytes) as usize % bound
}

/// Kills function processes one by one until the payments are made; how many died.
async fn kill_functions(stack: Stack, paying: Arc<AtomicBool>) -> usize {
    let mut killed = 0;
    let mut ticks = tokio::time::interval(KILL_INTERVAL);
    while killed < KILLS && paying.load(Ordering::Relaxed) {
        ticks.tick().await;
        let running = crash::function_processes(&stack.workspace);
        if running.is_empty() {
            continue;
        }
        running[random_below(running.len())].kill();
        killed += 1;
        if killed == POLLER_DIES_AT {
            crash::restart_poller(&stack.workspace).await.unwrap();
        }
    }
    killed
}

/// Makes the payments, several at a time, each repeated with its key until it rests. Their ids.
async fn pay_all(shop: &Shop) -> Vec<String> {
    let turns = Arc::new(tokio::sync::Semaphore::new(AT_A_TIME));
    let payments: Vec<_> = (0..PAYMENTS)
        .map(|number| {
            let (shop, turns) = (shop.clone(), turns.clone());
            tokio::spawn(async move {
                let _turn = turns.acquire_owned().await.unwrap();
                let (token, key) = (shop.create_token(&fresh()).await, unique());
                let answer = shop.pay(&payment_body(1000 + number, &token), &key).await;
                assert_eq!(answer.body["status"], "succeeded", "{}", answer.text);
                shop.payment_id(&key)
            })
        })
        .collect();
    let mut ids = Vec::new();
    for payment in payments {
        ids.push(payment.await.unwrap());
    }
    ids
}

/// The payment is captured exactly once at the acquirer, posted once and billed once.
pub async fn assert_complete(shop: &Shop, id: &str) {
    let payment = shop.tables.payment(id).await.unwrap();
    let (version, amount) = (&payment["version"], &payment["amount"]);
    assert_eq!(payment["stage"]["name"], "succeeded", "{id}");
    let hold = shop.tables.hold(id).await.unwrap();
    assert_eq!((&hold["captured"], &hold["voided"]), (amount, &json!(false)), "{id}");
    assert_eq!((&hold["released"], &hold["refunded"]), (&json!(0), &json!(0)), "{id}");
    assert_eq!(payment["operations"].as_array().map(Vec::len), Some(1), "{id}: its own capture and nothing else");
    let effects = hold["effects"].as_object().unwrap();
    let of = |kind: &str| effects.keys().filter(|key| key.contains(&format!(":{kind}:"))).count();
    assert_eq!((of("authorize"), of("capture"), of("void")), (1, 1, 0), "{id}");

    let event = json!({ "event_id": format!("{id}:{version}") });
    let posted = || async { shop.tables.get("Journal", event.clone()).await };
    let entry = until("the journal entry", CATCH_UP_SECONDS, posted).await;
    let postings = entry["postings"].as_array().unwrap();
    let sum: i64 = postings.iter().map(|posting| posting["minor"].as_i64().unwrap()).sum();
    assert_eq!(sum, 0, "{id}: the entry balances");
    let billed = || async { shop.tables.fee_line(&payment).await };
    let line = until("the fee line", CATCH_UP_SECONDS, billed).await;
    assert_eq!(line["fee"], payment["operations"][0]["settlement"]["fee"], "{id}");
}

/// The plain text of an attribute.
pub fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name]["S"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_payment_comes_to_rest_once_although_processes_are_killed() {
    let _alone = alone().await;
    let shop = Shop::open().await;
    let paying = Arc::new(AtomicBool::new(true));
    let killing = tokio::spawn(kill_functions(shop.stack.clone(), paying.clone()));
    let ids = pay_all(&shop).await;
    paying.store(false, Ordering::Relaxed);
    let killed = killing.await.unwrap();
    assert!(killed >= POLLER_DIES_AT, "only {killed} processes were killed: the poller never was");

    for id in &ids {
        assert_complete(&shop, id).await;
    }
    shop.stack.wait_for_consumers(BEHIND_BOUND).await.unwrap();
    let owner = shop.owner.merchant_id.as_str();
    let lines = shop.tables.scan("FeeLines").await;
    let lines: BTreeSet<&str> =
        lines.iter().filter(|line| text(line, "merchant_id") == owner).map(|line| text(line, "line_id")).collect();
    assert_eq!(lines.len(), ids.len(), "one fee line for each payment");
    let journal = shop.tables.scan("Journal").await;
    let ours = |item: &&Value| ids.iter().any(|id| text(item, "event_id").starts_with(id));
    assert_eq!(journal.iter().filter(ours).count(), ids.len(), "one entry for each payment");
    eprintln!("kills: {killed} function processes and the poller died under {} payments", ids.len());
}
