//! Stripe's row: its real adapter, and PyPI `localstripe` as a process. `STRIPE_ENDPOINT` says where it listens.

use crate::http::{self, Message};
use crate::proxy::{Peer, Protocol, Proxy};
use crate::world::World;
use crate::{Row, Truth};
use gateways::StripeGateway;
use gateways::https::{Endpoint, HttpsClient, Timeouts};
use gateways::stripe::OpenedCards;
use payments::failure::Unavailable;
use payments::gateway::{GatewayKey, GatewayOperation};
use payments::id::{Mode, PaymentId};
use payments::ports::{GatewaySecret, OpenCard};
use payments::secret::Secret;
use payments::token::PresentedCard;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

/// localstripe takes any key of this form.
const KEY: &str = "sk_test_contract_suite";

#[derive(Clone, Debug)]
pub struct TestKey;

impl GatewaySecret for TestKey {
    fn is_there(&self, mode: Mode) -> bool {
        mode == Mode::Test
    }

    async fn secret(&self, _: Mode) -> Result<Secret, Unavailable> {
        Ok(Secret::new(KEY.to_owned()))
    }

    fn forget(&self, _: Mode) {}
}

/// The world's cards are not really sealed.
#[derive(Clone)]
pub struct WorldCards(pub Rc<World>);

impl OpenCard for WorldCards {
    async fn open(
        &self,
        card: &PresentedCard,
    ) -> Result<(Secret, Option<Secret>), Box<dyn std::error::Error + Send + Sync>> {
        OpenCard::open(self.0.as_ref(), card).await
    }
}

type Adapter = StripeGateway<TestKey, OpenedCards<WorldCards, TestKey>>;

pub struct StripeRow {
    gateway: Adapter,
    proxy: Proxy,
    port: u16,
    /// The PaymentIntents that were ever made through the proxy.
    made: Rc<RefCell<BTreeSet<String>>>,
}

impl StripeRow {
    async fn get(&self, path: &str) -> Value {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localstripe\r\nauthorization: Bearer {KEY}\r\n\r\n");
        serde_json::from_slice(http::exchange(self.port, request.as_bytes()).await.body()).unwrap()
    }

    /// The PaymentIntent of the payment that was confirmed last.
    async fn intent(&self, payment: &PaymentId) -> Value {
        let key = GatewayKey::new(payment, GatewayOperation::Authorize, 1).to_string();
        let made: Vec<String> = self.made.borrow().iter().cloned().collect();
        let mut found = Value::Null;
        for id in made {
            let intent = self.get(&format!("/v1/payment_intents/{id}")).await;
            if intent["metadata"]["florin_key"] == key.as_str() {
                found = intent;
            }
        }
        found
    }
}

/// The request as it came, on a connection of its own.
async fn pass_on(port: u16, request: Message) -> Message {
    http::exchange(port, &request.bytes).await
}

/// Where Stripe's page would be.
const PAGE: &str = "https://hooks.stripe.com/3d_secure_2/hosted?merchant=acct_1&payment_intent=";

/// localstripe knows no way back: it refuses `return_url`, and asks for authentication in the browser's own way only. This takes
/// the way back out of a confirmation, remembers whose it is, and says what Stripe says then: the page to send the cardholder to.
async fn with_way_back(port: u16, request: Message, ways: &RefCell<BTreeSet<String>>) -> Message {
    let intent = request.start().split(['/', '?', ' ']).find(|part| part.starts_with("pi_")).map(str::to_owned);
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    let fields: Vec<&str> = body.split('&').filter(|field| !field.starts_with("return_url=")).collect();
    let request = match &intent {
        Some(intent) if fields.len() < body.split('&').count() => {
            ways.borrow_mut().insert(intent.clone());
            request.with_body(fields.join("&").as_bytes())
        }
        _ => request,
    };
    let answer = pass_on(port, request).await;
    let Some(intent) = intent.filter(|intent| ways.borrow().contains(intent)) else { return answer };
    let mut document: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    if document["next_action"].is_null() {
        return answer;
    }
    let page = json!({ "url": format!("{PAGE}{intent}"), "return_url": "https://shop.example/" });
    document["next_action"] = json!({ "type": "redirect_to_url", "redirect_to_url": page });
    answer.with_body(document.to_string().as_bytes())
}

impl Row for StripeRow {
    type Adapter = Adapter;
    /// The others are declined by localstripe when they are attached to a customer only.
    const DECLINED_CARD: &'static str = "4000000000000341";

    async fn open(patience: Duration) -> Self {
        let endpoint = std::env::var("STRIPE_ENDPOINT").expect("STRIPE_ENDPOINT: `cargo xtask gateways` sets it");
        let port = endpoint.rsplit(':').next().unwrap().parse().unwrap();
        let made: Rc<RefCell<BTreeSet<String>>> = Rc::default();
        let seen = made.clone();
        let ways: Rc<RefCell<BTreeSet<String>>> = Rc::default();
        let peer: Peer = Rc::new(move |request| {
            let (seen, ways) = (seen.clone(), ways.clone());
            Box::pin(async move {
                let makes = request.start().starts_with("POST /v1/payment_intents ");
                let answer = with_way_back(port, request, &ways).await;
                let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
                if let Some(id) = body["id"].as_str().filter(|_| makes) {
                    seen.borrow_mut().insert(id.to_owned());
                }
                answer
            })
        });
        let proxy = Proxy::open(Protocol::Http, peer).await;
        let timeouts = Timeouts { connect: Duration::from_secs(1), total: patience };
        let http = HttpsClient::new("localstripe", Endpoint::parse(&proxy.endpoint()).unwrap(), timeouts).unwrap();
        let cards = OpenedCards::new(http.clone(), TestKey, WorldCards(Rc::new(World::new())));
        Self { gateway: StripeGateway::new(http, TestKey, cards), proxy, port, made }
    }

    async fn authenticate(&self, payment: &PaymentId, succeeds: bool) {
        let intent = self.intent(payment).await;
        let (id, secret) = (intent["id"].as_str().unwrap(), intent["client_secret"].as_str().unwrap());
        let body = format!("client_secret={secret}&success={succeeds}");
        let request = format!(
            "POST /v1/payment_intents/{id}/_authenticate HTTP/1.1\r\nhost: localstripe\r\nauthorization: Bearer {KEY}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        // What was canceled meanwhile refuses it.
        http::exchange(self.port, request.as_bytes()).await;
    }

    fn gateway(&self) -> &Adapter {
        &self.gateway
    }

    fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    async fn truth(&self, payment: &PaymentId) -> Truth {
        let key = GatewayKey::new(payment, GatewayOperation::Authorize, 1).to_string();
        let made: Vec<String> = self.made.borrow().iter().cloned().collect();
        let mut truth = Truth::default();
        for id in made {
            let intent = self.get(&format!("/v1/payment_intents/{id}")).await;
            let charge = &intent["latest_charge"];
            if intent["metadata"]["florin_key"] != key.as_str() || charge["status"] != "succeeded" {
                continue;
            }
            let amount = charge["amount"].as_u64().unwrap();
            let refunds = self.get(&format!("/v1/refunds?payment_intent={id}&limit=100")).await;
            let refunds = refunds["data"].as_array().unwrap().clone();
            // localstripe writes what a capture let go as a refund too: it has no key of ours.
            let (ours, let_go): (Vec<_>, Vec<_>) =
                refunds.iter().partition(|refund| refund["metadata"]["florin_key"].is_string());
            let sum = |refunds: &[&Value]| refunds.iter().map(|refund| refund["amount"].as_u64().unwrap()).sum::<u64>();
            truth.holds += 1;
            match (charge["captured"].as_bool().unwrap(), intent["status"] == "canceled") {
                (true, _) => truth.captured += amount - sum(&let_go),
                (false, false) => truth.held += amount,
                (false, true) => {}
            }
            truth.refunds.0 += u64::try_from(ours.len()).unwrap();
            truth.refunds.1 += sum(&ours);
        }
        truth
    }
}
