//! Payouts on the deployed machine against the bank: paid, rejected, returned; a second run pays nobody.

use crate::operator;
use crate::shop::{Shop, alone, send, until};
use payments::calendar::{business_day_from, is_business_day};
use payments::id::{BankMovementId, PayoutId};
use payments::timestamp::iso_date;
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;
use xtask::aws::Call;
use xtask::{Stack, bank};

/// Accounts: one that anybody may have, and one that the bank has closed.
pub const OPEN: &str = "NL44INGB0000000101";
const CLOSED: &str = "NL84MOCK0000000003";
/// One run of the machine, of one function.
const RUN_SECONDS: u64 = 240;
/// From a payment to its balance.
const LEDGER_SECONDS: u64 = 60;

async fn states(stack: &Stack, action: &str, body: Value) -> Value {
    let target = format!("AWSStepFunctions.{action}");
    let body = body.to_string().into_bytes();
    let call = Call { service: "states", method: "POST", path: "/", target: Some(&target), body };
    call.send(&stack.endpoint).await.unwrap()
}

/// Runs the payout machine for a day; its status at the end.
pub async fn run_machine(stack: &Stack, day: &str) -> String {
    let input = json!({ "day": day }).to_string();
    let start = json!({ "stateMachineArn": stack.outputs["PayoutStateMachineArn"], "input": input });
    let started = states(stack, "StartExecution", start).await;
    let execution = json!({ "executionArn": started["executionArn"] });
    until("the machine's end", RUN_SECONDS, || async {
        let seen = states(stack, "DescribeExecution", execution.clone()).await;
        (seen["status"] != "RUNNING").then(|| seen["status"].as_str().unwrap().to_owned())
    })
    .await
}

pub async fn read_bank(stack: &Stack) {
    operator::invoke(stack, "read-bank", &json!({})).await.unwrap();
}

/// The gateway's money for a day arrives; the movement's id.
async fn gateway_pays(stack: &Stack, day: &str) -> BankMovementId {
    let note = format!("FUND-SIMULATED-test-{}-EUR", day.replace('-', ""));
    let credit = json!({ "account": "FLORIN-EUR", "amount": 10_000, "note": note, "debtor": { "name": "Acquirer" } });
    let credit = ask_bank(stack, Method::POST, "/_mock/credits", Some(credit)).await;
    BankMovementId::derive("NL62MOCK0000000011", &format!("MB-RCV-{}", credit["id"]))
}

pub async fn ask_bank(stack: &Stack, method: Method, path: &str, body: Option<Value>) -> Value {
    let (status, answer) = bank::ask(&stack.state.bank().unwrap(), method, path, body).await.unwrap();
    assert!(status.is_success(), "{path}: {status} {answer}");
    answer
}

/// A shop whose euros go to that account, with a payment that the ledger knows.
pub async fn shop(stack: &Stack, iban: &str) -> Shop {
    let shop = Shop::open_in(stack).await;
    let mut settings = operator::settings(10_000);
    settings["bank_accounts"] = json!({ "EUR": { "type": "iban", "name": "Testé & Co", "iban": iban } });
    set(&shop, settings).await;
    shop.sell(10_000).await;
    is_owed(&shop).await;
    shop
}

/// Gives the shop other settings.
pub async fn set(shop: &Shop, settings: Value) {
    let merchant = shop.owner.merchant_id.as_str();
    let put = operator::ask(&shop.stack, "PUT", merchant, "/test", Some(settings)).await;
    assert_eq!(put.status, 200, "{}", put.body);
}

/// Waits until the ledger owes the shop something.
pub async fn is_owed(shop: &Shop) {
    until("the balance", LEDGER_SECONDS, || async { (balance(shop).await > 0).then_some(()) }).await;
}

/// The first business day of all these currencies on which what is captured today is due, and which is to come for the
/// bank: in test mode a day may be run ahead of its time.
pub async fn day_to_come(stack: &Stack, currencies: &[&str]) -> String {
    let bank_day = ask_bank(stack, Method::GET, "/_mock/state", None).await;
    let bank_day = bank_day["clock"]["date"].as_str().unwrap().to_owned();
    let later = std::cmp::max(format!("{bank_day}T00:00:00Z"), crate::shop::now().to_rfc3339());
    let mut day = payments::timestamp::Timestamp::parse_rfc3339(&later).unwrap().date() + Duration::days(7);
    while let Some(currency) = currencies.iter().find(|code| !is_business_day(code.parse().unwrap(), day)) {
        day = business_day_from(currency.parse().unwrap(), day);
    }
    iso_date(day)
}

async fn balance(shop: &Shop) -> i64 {
    let answer = send(shop.get("/v1/balances")).await.unwrap();
    answer.body["data"].as_array().into_iter().flatten().map(|it| it["amount"].as_i64().unwrap()).sum()
}

/// The shop's payouts in a currency: status and amount.
pub async fn payouts(shop: &Shop, currency: &str) -> Vec<(String, i64)> {
    let answer = send(shop.get(&format!("/v1/payouts?currency={currency}"))).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    let data = answer.body["data"].as_array().unwrap().iter();
    data.map(|it| (it["status"].as_str().unwrap().to_owned(), it["amount"].as_i64().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn payouts_are_paid_rejected_and_returned_and_a_second_run_pays_nobody() {
    let _alone = alone().await;
    let stack = Shop::open().await.stack;
    let (paid, rejected, returned) = (shop(&stack, OPEN).await, shop(&stack, CLOSED).await, shop(&stack, OPEN).await);
    let owed = balance(&paid).await;
    let euro = "EUR".parse().unwrap();
    let day = day_to_come(&stack, &["EUR"]).await;
    let reference = PayoutId::derive(&returned.owner, euro, &day).to_string().replace("po_", "");
    let behaviour = json!({
        "behaviour": "return-later", "parameters": { "days": 2, "reason": "AC04", "end_to_end_id": reference },
    });
    ask_bank(&stack, Method::PATCH, "/_mock/accounts/FLORIN-EUR", Some(behaviour)).await;

    for _ in 0..2 {
        assert_eq!(run_machine(&stack, &day).await, "SUCCEEDED");
    }
    assert_eq!(payouts(&paid, "EUR").await, [("accepted".to_owned(), owed)]);
    assert_eq!(payouts(&rejected, "EUR").await, [("failed".to_owned(), owed)]);
    ask_bank(&stack, Method::POST, &format!("/_mock/advance?to={day}"), None).await;
    let funded = gateway_pays(&stack, &day).await;
    read_bank(&stack).await;
    let movement = paid.tables.get("BankMovements", json!({ "movement_id": funded })).await.unwrap();
    assert_eq!(movement["movement"]["gateway"], "simulated", "{movement}");
    assert_eq!(payouts(&paid, "EUR").await, [("paid".to_owned(), owed)]);
    assert_eq!(payouts(&returned, "EUR").await, [("paid".to_owned(), owed)]);
    ask_bank(&stack, Method::POST, "/_mock/advance?days=6", None).await;
    read_bank(&stack).await;
    read_bank(&stack).await;
    assert_eq!(payouts(&returned, "EUR").await, [("returned".to_owned(), owed)]);
    assert_eq!(payouts(&paid, "EUR").await, [("paid".to_owned(), owed)]);
    until("the ledger", LEDGER_SECONDS, || async {
        let now = (balance(&paid).await, balance(&rejected).await, balance(&returned).await);
        (now == (0, owed, owed)).then_some(())
    })
    .await;
}
