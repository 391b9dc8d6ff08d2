//! The acquirer of the local stack: by its real adapter, and by payments that a merchant's rules send there. What is broken
//! before it is broken for real.

use crate::numbers::{fresh, unique};
use crate::operator;
use crate::shop::{Shop, alone, now, payment_body, until};
use gateways::https::Timeouts;
use gateways::iso8583::{Acceptor, Address, Iso8583Gateway, Line};
use payments::gateway::*;
use payments::id::Mode;
use payments::payment::Payment;
use payments::ports::{Clock, Gateway, OpenCard};
use payments::secret::Secret;
use payments::timestamp::Timestamp;
use payments::token::PresentedCard;
use serde_json::json;
use std::time::Duration;
use xtask::fault::{self, Fault};

const APPROVED: &str = "4242424242424242";

struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        now()
    }
}

/// Every card is the approved one.
struct OneCard;

impl OpenCard for OneCard {
    async fn open(
        &self,
        _: &PresentedCard,
    ) -> Result<(Secret, Option<Secret>), Box<dyn std::error::Error + Send + Sync>> {
        Ok((Secret::new(APPROVED.to_owned()), None))
    }
}

type Acquirer = Iso8583Gateway<OneCard, WallClock>;

fn acquirer(shop: &Shop) -> Acquirer {
    let address = Address::parse(&shop.stack.state.acquirer().unwrap()).unwrap();
    let timeouts = Timeouts { connect: Duration::from_secs(1), total: Duration::from_secs(3) };
    let acceptor = Acceptor::new("123456", "TERM0001", "FLORIN", Mode::Test).unwrap();
    Iso8583Gateway::new(Line::new(address, timeouts).unwrap(), acceptor, OneCard, WallClock)
}

async fn authorize(acquirer: &Acquirer, payment: &Payment, card: &PresentedCard) -> Result<Authorization, NoAnswer> {
    let key = payment.gateway_key(GatewayOperation::Authorize, 1);
    let (mode, amount) = (Mode::Test, payment.amount);
    let draft = DraftOrder { key: key.clone(), mode, amount, card: card.clone() };
    let Drafted::Ready { reference: draft } = acquirer.draft(&draft).await? else { panic!("declined") };
    let on = HoldOn::DraftedCard { draft, card: card.clone() };
    acquirer.authorize(&AuthorizeOrder { key, mode, amount, on, return_url: None }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_before_the_acquirer_is_told_for_what_it_is() {
    let _alone = alone().await;
    let shop = Shop::open().await;
    let payment = shop.opened(APPROVED).await;
    let card = crate::stripe::presented(&shop, &payment).await;
    for (fault, expected) in [
        (Fault::None, "answered"),
        (Fault::Down, "unavailable"),
        (Fault::Slow, "unknown"),
        (Fault::CutBefore, "unknown"),
        (Fault::CutAfter, "unknown"),
        (Fault::CutWithin, "unknown"),
        (Fault::Duplicate, "answered"),
        (Fault::None, "answered"),
    ] {
        let acquirer = acquirer(&shop);
        fault::set(&shop.stack.state, fault::Gateway::Iso8583, fault).await.unwrap();
        let answer = authorize(&acquirer, &payment, &card).await;
        fault::set(&shop.stack.state, fault::Gateway::Iso8583, Fault::None).await.unwrap();
        let told = match &answer {
            Ok(Authorization::Approved { .. }) => "answered",
            Ok(other) => panic!("{other:?}"),
            Err(NoAnswer::Unavailable(_)) => "unavailable",
            Err(NoAnswer::Unknown(_)) => "unknown",
        };
        assert_eq!(told, expected, "{fault}: {answer:?}");
    }
}

/// A merchant all of whose payments go to the acquirer.
async fn shop_there() -> Shop {
    let shop = Shop::open().await;
    let mut settings = operator::settings(10_000);
    settings["routing"] = json!([{ "name": "all", "gateways": [{ "gateway": "iso8583" }] }]);
    let put = operator::ask(&shop.stack, "PUT", shop.owner.merchant_id.as_str(), "/test", Some(settings)).await;
    assert_eq!(put.status, 200, "{}", put.body);
    shop
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_lives_its_whole_life_at_the_acquirer() {
    let _alone = alone().await;
    let shop = shop_there().await;
    let paid = shop.pay(&payment_body(1999, &shop.create_token(&fresh()).await), &unique()).await;
    assert_eq!(
        (&paid.body["status"], &paid.body["gateway"]),
        (&json!("succeeded"), &json!("iso8583")),
        "{}",
        paid.text
    );
    let id = paid.body["id"].as_str().unwrap();
    let refunded = shop.operate_once(id, "refunds", &json!({ "amount": 999 }), &unique()).await;
    assert_eq!((refunded.status, &refunded.body["status"]), (201, &json!("succeeded")), "{}", refunded.text);
    let mut body = payment_body(1999, &shop.create_token(&fresh()).await);
    body["capture_method"] = json!("manual");
    let held = shop.pay(&body, &unique()).await;
    assert_eq!(held.body["status"], "requires_capture", "{}", held.text);
    let id = held.body["id"].as_str().unwrap();
    // It captures a hold once: what would keep the rest is refused before anybody is asked.
    let kept = json!({ "amount": 1200, "final_capture": false });
    let part = shop.operate_once(id, "capture", &kept, &unique()).await;
    assert_eq!((part.status, part.body["type"].as_str().unwrap().ends_with("not-supported-by-gateway")), (422, true));
    let canceled = shop.operate_once(id, "cancel", &json!({}), &unique()).await;
    assert_eq!((canceled.status, &canceled.body["status"]), (200, &json!("canceled")), "{}", canceled.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_whose_authorisation_is_lost_is_reversed_and_ends() {
    let _alone = alone().await;
    let shop = shop_there().await;
    let body = payment_body(1999, &shop.create_token(&fresh()).await);
    fault::set(&shop.stack.state, fault::Gateway::Iso8583, Fault::CutAfter).await.unwrap();
    let key = unique();
    let lost = shop.pay_once(&body, &key).await;
    fault::set(&shop.stack.state, fault::Gateway::Iso8583, Fault::None).await.unwrap();
    assert!(lost.status < 500 && lost.body["status"] != "succeeded", "{}", lost.text);
    let id = shop.payment_id(&key);
    let stage = until("a payment at rest", 240, || async {
        let stage = shop.tables.payment(&id).await?["stage"].clone();
        (stage["name"] == "failed").then_some(stage)
    })
    .await;
    assert_eq!(stage["reason"], "unresolved");
}
