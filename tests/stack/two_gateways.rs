//! A thousand payments over two gateways, Stripe's stand-in and the simulated one, while calls to the first are refused, then
//! slow, and then are well again.

use crate::numbers::unique;
use crate::operator;
use crate::shop::{Shop, alone, payment_body, until};
use futures::StreamExt;
use futures::stream;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use xtask::fault::{self, Fault};
use xtask::state::Server;

/// Payments, and how many at a time: what two cores bear.
const PAYMENTS: usize = 1000;
const AT_A_TIME: usize = 8;
/// How Stripe's calls are broken from which payment on.
const STORY: [(usize, Fault); 5] =
    [(0, Fault::None), (150, Fault::Down), (400, Fault::None), (600, Fault::Slow), (800, Fault::None)];
/// What a recovery may take.
const RECOVERY: Duration = Duration::from_secs(10);
/// Until a payment has to rest, a sweep included.
const REST_SECONDS: u64 = 240;
/// How often the breaker is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// localstripe takes any key of this form.
const ANY_KEY: &str = "sk_test_truth";
const APPROVED: &str = "4242424242424242";

/// A payment as its client saw it.
struct Made {
    id: String,
    at: Instant,
    answered: Instant,
    /// Which part of the story it began in.
    part: usize,
    approved_at_once: bool,
    /// What it was answered instead.
    otherwise: String,
}

/// A merchant half of whose payments go to each, and to the other when one fails.
async fn shop_over_both() -> Shop {
    let shop = Shop::open().await;
    let mut settings = operator::settings(10_000);
    settings["risk"]["payments_per_card"] = json!(1_000_000);
    let halves = json!([{ "gateway": "stripe", "weight": 50 }, { "gateway": "simulated", "weight": 50 }]);
    settings["routing"] = json!([{ "name": "halves", "gateways": halves }]);
    let put = operator::ask(&shop.stack, "PUT", shop.owner.merchant_id.as_str(), "/test", Some(settings)).await;
    assert_eq!(put.status, 200, "{}", put.body);
    shop
}

/// When the breaker was seen to open, by the part of the story.
async fn watch_breaker(shop: &Shop, part: &AtomicUsize, seen: &Mutex<BTreeMap<usize, Instant>>) {
    let client = redis::Client::open(format!("redis://{}", shop.stack.valkey().unwrap())).unwrap();
    let mut valkey = client.get_multiplexed_async_connection().await.unwrap();
    loop {
        let open: bool = redis::cmd("EXISTS").arg("breaker:stripe:test:open").query_async(&mut valkey).await.unwrap();
        if open {
            seen.lock().await.entry(part.load(Ordering::SeqCst)).or_insert_with(Instant::now);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What localstripe took, by payment, asked without the proxy: how many holds stand or were captured, and minor units taken.
async fn stripe_truth(shop: &Shop) -> BTreeMap<String, (u64, u64)> {
    let port = shop.stack.state.port(Server::Localstripe).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut truth = BTreeMap::<String, (u64, u64)>::new();
    let mut after = String::new();
    loop {
        let url = format!("http://127.0.0.1:{port}/v1/payment_intents?limit=100{after}");
        let page: Value = http.get(url).bearer_auth(ANY_KEY).send().await.unwrap().json().await.unwrap();
        let intents = page["data"].as_array().unwrap();
        for intent in intents {
            let Some(key) = intent["metadata"]["florin_key"].as_str() else { continue };
            let held = matches!(intent["status"].as_str(), Some("requires_capture" | "succeeded"));
            let taken = if intent["status"] == "succeeded" { intent["amount"].as_u64().unwrap() } else { 0 };
            let sum = truth.entry(key.split(':').next().unwrap().to_owned()).or_default();
            *sum = (sum.0 + u64::from(held), sum.1 + taken);
        }
        match intents.last().filter(|_| page["has_more"] == true) {
            Some(last) => after = format!("&starting_after={}", last["id"].as_str().unwrap()),
            None => return truth,
        }
    }
}

/// What the simulated acquirer holds and took, by payment.
async fn simulated_truth(shop: &Shop) -> BTreeMap<String, (u64, u64)> {
    let mut truth = BTreeMap::<String, (u64, u64)>::new();
    for entry in shop.tables.scan_plain("Acquirer").await {
        let id = entry["hold_key"].as_str().unwrap().split(':').next().unwrap().to_owned();
        let held = entry["approved"] == true && entry["voided"] != true;
        let sum = truth.entry(id).or_default();
        *sum = (sum.0 + u64::from(held), sum.1 + entry["captured"].as_u64().unwrap_or_default());
    }
    truth
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_payments_over_two_gateways_one_of_which_goes_down_slow_and_back() {
    let _alone = alone().await;
    let shop = shop_over_both().await;
    let part = AtomicUsize::new(0);
    let (opened, turned) = (Mutex::new(BTreeMap::new()), Mutex::new(BTreeMap::from([(0, Instant::now())])));
    let paying = stream::iter(0..PAYMENTS).map(async |count| {
        if let Some(place) = STORY.iter().position(|(from, _)| *from == count).filter(|place| *place > 0) {
            fault::set(&shop.stack.state, fault::Gateway::Stripe, STORY[place].1).await.unwrap();
            turned.lock().await.insert(place, Instant::now());
            part.store(place, Ordering::SeqCst);
        }
        // Each with a token of its own: localstripe takes no card without its code, which a payment uses up.
        let token = shop.create_token(APPROVED).await;
        let (key, at, part) = (unique(), Instant::now(), part.load(Ordering::SeqCst));
        let answer = shop.pay_once(&payment_body(1999, &token), &key).await;
        let approved_at_once = answer.status == 201 && answer.body["status"] == "succeeded";
        let otherwise = format!("{} {} {}", answer.status, answer.body["type"], answer.body["status"]);
        Made { id: shop.payment_id(&key), at, answered: Instant::now(), part, approved_at_once, otherwise }
    });
    let mut made: Vec<Made> = Vec::new();
    tokio::select! {
        all = paying.buffer_unordered(AT_A_TIME).collect() => made = all,
        () = watch_breaker(&shop, &part, &opened) => {}
    }
    let (opened, turned) = (opened.into_inner(), turned.into_inner());

    for payment in &made {
        until("a payment at rest", REST_SECONDS, || async {
            let item = shop.tables.payment(&payment.id).await?;
            (item["stage"]["name"] == "succeeded").then_some(())
        })
        .await;
    }
    // All of it reaches the bills, too: nobody after this test waits behind it.
    for payment in &made {
        let item = shop.tables.payment(&payment.id).await.unwrap();
        until("a fee line", REST_SECONDS, || async { shop.tables.fee_line(&item).await }).await;
    }
    shop.stack.wait_for_consumers(Duration::from_secs(REST_SECONDS)).await.unwrap();
    let (stripe, simulated) = (stripe_truth(&shop).await, simulated_truth(&shop).await);
    let (mut made_while_open, mut sent_while_open, mut at_stripe_again) = (0, 0, 0);
    let mut made_after = 0;
    for payment in &made {
        let none = (0, 0);
        let (there, here) = (*stripe.get(&payment.id).unwrap_or(&none), *simulated.get(&payment.id).unwrap_or(&none));
        assert_eq!((there.0 + here.0, there.1 + here.1), (1, 1999), "{}: one hold, captured once", payment.id);
        // One that was under way at a turn saw both parts: it may have found the recovery, or been caught by the fault.
        if turned.get(&(payment.part + 1)).is_some_and(|turn| payment.answered > *turn) {
            continue;
        }
        let broken = matches!(STORY[payment.part].1, Fault::Down | Fault::Slow);
        if broken && opened.get(&payment.part).is_some_and(|opened| payment.at > *opened) {
            made_while_open += 1;
            let routed = shop.tables.payment(&payment.id).await.unwrap()["routed"]["steps"].clone();
            let sent = routed
                .as_array()
                .unwrap()
                .iter()
                .any(|step| step["gateway"] == "stripe" && step["outcome"] != "breaker_open");
            sent_while_open += usize::from(sent);
        }
        let recovered = matches!(payment.part, 2 | 4) && payment.at > turned[&payment.part] + RECOVERY;
        if recovered {
            made_after += 1;
            assert!(payment.approved_at_once, "{}, {}: the approval rate is back", payment.id, payment.otherwise);
            at_stripe_again += there.0;
        }
    }
    let late: Vec<&Made> = made.iter().filter(|payment| !payment.approved_at_once).collect();
    for Made { id, at, answered, part, otherwise, .. } in &late {
        eprintln!("{id}, part {part}, after {:?}: {otherwise}", *answered - *at);
    }
    let late = late.len();
    eprintln!(
        "{PAYMENTS} payments: {late} were not approved at once; {made_while_open} were made while the breaker was open, \
         {sent_while_open} of them sent to the broken gateway; {made_after} after its recoveries, {at_stripe_again} of them \
         by it"
    );
    assert_eq!(opened.keys().copied().filter(|part| *part == 1 || *part == 3).count(), 2, "it opened: {opened:?}");
    assert!(
        made_while_open > 100 && sent_while_open * 1000 < made_while_open,
        "{sent_while_open} of {made_while_open}"
    );
    assert!(made_after > 100, "{made_after} after its recoveries");
    assert!(at_stripe_again > 20, "{at_stripe_again}: it is used again");
    assert!(late * 20 < PAYMENTS, "{late} payments were not approved at once");
}
