//! What the deployed payout machine and the bank's mailbox cannot settle is an exception for an operator, and stops nobody.

use crate::numbers::unique;
use crate::operator::{self, exceptions, invoke};
use crate::payouts::{OPEN, day_to_come, is_owed, payouts, read_bank, run_machine, set, shop};
use crate::shop::{Shop, alone};
use gateways::bank::{CreditTransfer, PaymentOrder, write};
use payments::amount::Amount;
use payments::bank_account::OwnAccounts;
use payments::id::Mode;
use serde_json::{Value, json};
use xtask::Stack;

/// More than a NACHA file can say of one transfer: 9,999,999,999 cents, after the fee.
const TOO_MUCH: u64 = 10_400_000_000;

/// A shop that is owed dollars which no file can pay.
async fn owed_too_much(stack: &Stack) -> Shop {
    let shop = Shop::open_in(stack).await;
    let mut settings = dollars();
    settings["bank_accounts"] = json!({ "USD": {
        "type": "ach", "name": "A test", "routing_number": "021000021", "account_number": "10000000",
        "account_kind": "checking", "holder_kind": "company",
    } });
    set(&shop, settings).await;
    let token = shop.create_token(&crate::numbers::fresh()).await;
    let body = json!({ "amount": TOO_MUCH, "currency": "USD", "token": token });
    let paid = shop.pay(&body, &unique()).await;
    assert_eq!(paid.body["status"], "succeeded", "{}", paid.text);
    is_owed(&shop).await;
    shop
}

/// Settings to sell for dollars, with no bank account.
fn dollars() -> Value {
    let mut settings = operator::settings(10_000);
    settings["currencies"]["USD"] = settings["currencies"]["EUR"].clone();
    settings["fee_plan"]["fixed_minor"]["USD"] = json!(30);
    settings
}

/// Decides on an exception, as `cargo xtask reconcile resolve` does.
async fn resolve(stack: &Stack, exception: &Value, kind: &str) -> Result<Value, Value> {
    let decision = json!({ "exception": exception["id"], "kind": kind, "note": "looked at", "by": "a test" });
    invoke(stack, "reconcile", &json!({ "resolve": decision })).await
}

/// Resolved once, it is open no more; the same decision again is taken, another is refused.
async fn resolved_once(stack: &Stack, exception: &Value) {
    for _ in 0..2 {
        let answer = resolve(stack, exception, "accepted").await.unwrap();
        assert_eq!(answer["exceptions"][0]["resolution"]["by"], "a test", "{answer}");
        assert_eq!(answer["exceptions"][0]["revision"], 2, "{answer}");
    }
    let refused = resolve(stack, exception, "written_off").await.unwrap_err();
    assert_eq!(refused["errorType"], "ExceptionAlreadyClosed", "{refused}");
    let is_there = async |all| exceptions(stack, all).await.iter().any(|it| it["id"] == exception["id"]);
    assert_eq!((is_there(false).await, is_there(true).await), (false, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_who_cannot_be_paid_is_an_exception_and_all_others_are_paid() {
    let _alone = alone().await;
    let stack = Shop::open().await.stack;
    let (stuck, paid) = (owed_too_much(&stack).await, shop(&stack, OPEN).await);
    let day = day_to_come(&stack, &["EUR", "USD"]).await;
    let reference = json!(format!("{} {day}", stuck.owner));
    let mut last = Value::Null;
    // The same day again is the same exception.
    for _ in 0..2 {
        assert_eq!(run_machine(&stack, &day).await, "SUCCEEDED");
        let open = exceptions(&stack, false).await;
        let open: Vec<&Value> = open.iter().filter(|it| it["reference"] == reference).collect();
        assert_eq!(open.len(), 1, "{open:?}");
        assert_eq!((&open[0]["kind"], &open[0]["first_seen"]), (&json!("payout_not_closed"), &json!(day)));
        assert!(open[0]["detail"].as_str().unwrap().contains("PayoutTooLarge: USD: "), "{open:?}");
        assert_eq!(open[0]["revision"], 1, "{open:?}");
        last = open[0].clone();
    }
    assert_eq!(payouts(&stuck, "USD").await, []);
    let others = payouts(&paid, "EUR").await;
    assert_eq!(others.iter().map(|(status, _)| status.as_str()).collect::<Vec<_>>(), ["accepted"]);
    resolved_once(&stack, &last).await;
    // What is due stays due; other tests' days need not hear of it again.
    set(&stuck, dollars()).await;
}

/// Hands the bank a file that is not ours, of an account that it does not have: it says so in our mailbox.
async fn somebody_elses_file(stack: &Stack) {
    let accounts = OwnAccounts::read("test:EUR:DE89370400440532013000:COBADEFFXXX", "Somebody else").unwrap();
    let euro = "EUR".parse().unwrap();
    let transfer = CreditTransfer {
        reference: unique(),
        amount: Amount::try_new(100, euro).unwrap(),
        to: serde_json::from_value(json!({ "type": "iban", "name": "A test", "iban": OPEN })).unwrap(),
        remittance: "Nothing of ours".to_owned(),
    };
    let order = PaymentOrder {
        number: 1,
        message_id: format!("OTHER-{}", &unique()[..12]),
        created_at: crate::shop::now(),
        day: day_to_come(stack, &["EUR"]).await,
        from: accounts.of(Mode::Test, euro).unwrap().clone(),
        transfers: vec![transfer],
    };
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post =
        client.post(format!("{}/payments", stack.state.bank().unwrap())).header("Content-Type", "application/xml");
    let said = post.body(write(&order).unwrap()).send().await.unwrap();
    assert!(matches!(said.status().as_u16(), 202 | 422), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_message_about_a_file_that_is_not_ours_is_an_exception() {
    let _alone = alone().await;
    let stack = Shop::open().await.stack;
    // What waited before is not this test's.
    read_bank(&stack).await;
    let before = exceptions(&stack, true).await;
    somebody_elses_file(&stack).await;
    let mut last = Value::Null;
    for _ in 0..2 {
        read_bank(&stack).await;
        let mut new = exceptions(&stack, true).await;
        new.retain(|it| !before.contains(it));
        assert_eq!(new.len(), 1, "{new:?}");
        assert_eq!((&new[0]["kind"], &new[0]["gateway"]), (&json!("refused_bank_file"), &json!("own")));
        let detail = new[0]["detail"].as_str().unwrap();
        assert!(detail.starts_with("pain.002.") && detail.ends_with("is no file of ours"), "{detail}");
        assert_eq!(new[0]["revision"], 1);
        last = new.remove(0);
    }
    resolved_once(&stack, &last).await;
}
