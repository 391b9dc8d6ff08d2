//! Stripe, as the deployed functions' roles reach it: by their variables, their secrets and `present-card`, over the local
//! stack's proxy. What a role is not for is refused to it.

use crate::least_privilege::credentials_of;
use crate::numbers::unique;
use crate::shop::{Shop, alone, healthy};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_lambda::primitives::Blob;
use gateways::StripeGateway;
use gateways::https::{Endpoint, HttpsClient};
use gateways::stripe::{Order, PresentCardFunction, TIMEOUTS};
use payments::amount::Amount;
use payments::gateway::*;
use payments::id::{Mode, OperationId, OperationKind};
use payments::payment::Payment;
use payments::ports::{Gateway, GatewaySecret};
use payments::token::{PresentedCard, SealedCard};
use payments_aws::{SdkConfig, SecretPerMode};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::error::Error;
use xtask::Stack;
use xtask::fault::{self, Fault};

const APPROVED: &str = "4242424242424242";
/// The others are declined by localstripe when they are attached to a customer only.
const DECLINED: &str = "4000000000000341";
const TEST_SECRET: &str = "STRIPE_TEST_SECRET_ARN";
const LIVE_SECRET: &str = "STRIPE_LIVE_SECRET_ARN";
/// The functions that move money.
const MOVERS: [&str; 4] = ["authorize", "execute", "void", "refund"];

type Stripe = StripeGateway<SecretPerMode, PresentCardFunction>;

/// A deployed function's variables.
pub async fn variables_of(stack: &Stack, folder: &str) -> HashMap<String, String> {
    let client = aws_sdk_lambda::Client::new(&stack.sdk_config());
    let function = client.get_function_configuration().function_name(stack.function_name(folder)).send().await;
    function.unwrap().environment.unwrap().variables.unwrap_or_default()
}

async fn config_of(stack: &Stack, folder: &str) -> SdkConfig {
    let credentials = SharedCredentialsProvider::new(credentials_of(stack, folder).await);
    stack.sdk_config().into_builder().credentials_provider(credentials).build()
}

/// Stripe as that function makes it of its variables, under its role; `keys` picks the secrets of test and of live mode.
async fn stripe_with(stack: &Stack, folder: &str, keys: [&str; 2]) -> Stripe {
    let (variables, config) = (variables_of(stack, folder).await, config_of(stack, folder).await);
    let keys = SecretPerMode::new(&config, keys.map(|name| Some(variables[name].clone())));
    let http = HttpsClient::new("Stripe", Endpoint::parse(&variables["STRIPE_ENDPOINT"]).unwrap(), TIMEOUTS).unwrap();
    StripeGateway::new(http, keys, PresentCardFunction::new(&config, variables["PRESENT_CARD_FUNCTION"].clone()))
}

async fn stripe(stack: &Stack, folder: &str) -> Stripe {
    stripe_with(stack, folder, [TEST_SECRET, LIVE_SECRET]).await
}

/// The card as `authorize` presents it: sealed, with its sealed code.
pub async fn presented(shop: &Shop, payment: &Payment) -> PresentedCard {
    let token = &payment.token_id;
    let sealed = shop.tables.get("Vault", json!({ "token_id": token })).await.unwrap();
    let sealed: SealedCard = serde_json::from_value(sealed).unwrap();
    let client = redis::Client::open(format!("redis://{}", shop.stack.valkey().unwrap())).unwrap();
    let mut valkey = client.get_multiplexed_async_connection().await.unwrap();
    let code: Option<String> =
        redis::cmd("GET").arg(format!("verification:{token}")).query_async(&mut valkey).await.unwrap();
    PresentedCard { sealed, verification: Some(code.expect("the code is kept")), expiry: payment.card.expiry }
}

/// A payment that is not stored, and its orders.
struct Sale {
    payment: Payment,
    mode: Mode,
    card: PresentedCard,
}

impl Sale {
    async fn of(shop: &Shop, number: &str) -> Self {
        let payment = shop.opened(number).await;
        let card = presented(shop, &payment).await;
        Self { payment, mode: Mode::Test, card }
    }

    fn key(&self, operation: GatewayOperation<'_>) -> GatewayKey {
        self.payment.gateway_key(operation, 1)
    }

    fn draft(&self) -> DraftOrder {
        let (key, card) = (self.key(GatewayOperation::Authorize), self.card.clone());
        DraftOrder { key, mode: self.mode, amount: self.payment.amount, card }
    }

    /// The order to place the hold, on a new draft.
    async fn drafted(&self, stripe: &Stripe) -> AuthorizeOrder {
        let Drafted::Ready { reference } = stripe.draft(&self.draft()).await.unwrap() else { panic!("declined") };
        let on = HoldOn::Draft(reference);
        let key = self.key(GatewayOperation::Authorize);
        AuthorizeOrder { key, mode: self.mode, amount: self.payment.amount, on, return_url: None }
    }

    fn void(&self, order: &AuthorizeOrder, captured: u64) -> VoidOrder {
        let (hold_key, hold_reference) = (order.key.clone(), order.question().reference);
        let captured = Amount::try_new(captured, order.amount.currency()).unwrap();
        VoidOrder { key: self.key(GatewayOperation::Void), mode: self.mode, hold_key, hold_reference, captured }
    }

    fn capture(&self, order: &AuthorizeOrder) -> CaptureOrder {
        let (hold_key, hold_reference) = (order.key.clone(), order.question().reference);
        let key = self.key(GatewayOperation::Capture(&OperationId::pay()));
        CaptureOrder { key, mode: self.mode, hold_key, hold_reference, amount: order.amount, last: true }
    }

    fn refund(&self, order: &AuthorizeOrder, minor: u64) -> RefundOrder {
        let (hold_key, hold_reference) = (order.key.clone(), order.question().reference);
        let key = unique().parse().unwrap();
        let id = OperationId::derive(&self.payment.payment_id, OperationKind::Refund, &key);
        let amount = Amount::try_new(minor, order.amount.currency()).unwrap();
        RefundOrder { key: self.key(GatewayOperation::Refund(&id)), mode: self.mode, hold_key, hold_reference, amount }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_placed_captured_and_given_back_by_the_roles_that_do_it() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let [authorize, execute, void, refund] = MOVERS.map(|folder| stripe(&shop.stack, folder));
    let (authorize, execute, void, refund) = (authorize.await, execute.await, void.await, refund.await);
    for mode in [Mode::Test, Mode::Live] {
        let sale = Sale { mode, ..Sale::of(&shop, APPROVED).await };
        let order = sale.drafted(&authorize).await;
        let answer = authorize.authorize(&order).await.unwrap();
        assert!(matches!(answer, Authorization::Approved { .. }), "{answer:?}");
        let captured = execute.capture(&sale.capture(&order)).await.unwrap();
        assert!(matches!(captured, CaptureAnswer::Captured { .. }), "{captured:?}");
        let part = sale.refund(&order, 999);
        let refunded = refund.refund(&part).await.unwrap();
        assert!(matches!(refunded, RefundAnswer::Refunded { .. }), "{refunded:?}");
        assert_eq!(refund.look_up(&part.question()).await.unwrap(), Some(Effect::Refunded(refunded)));
    }
    let sale = Sale::of(&shop, APPROVED).await;
    let order = sale.drafted(&authorize).await;
    authorize.authorize(&order).await.unwrap();
    assert_eq!(void.void(&sale.void(&order, 0)).await.unwrap(), VoidAnswer::Voided);
    assert_eq!(execute.capture(&sale.capture(&order)).await.unwrap(), CaptureAnswer::Refused);
    let sale = Sale::of(&shop, DECLINED).await;
    let order = sale.drafted(&authorize).await;
    let declined = Authorization::Declined { code: DeclineCode::DoNotHonor };
    assert_eq!(authorize.authorize(&order).await.unwrap(), declined);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_reads_its_own_key_and_no_other() {
    let _healthy = healthy().await;
    let stack = Shop::open().await.stack;
    let arns = async |folder| variables_of(&stack, folder).await.remove(TEST_SECRET).unwrap();
    let (payments, cards) = (arns("authorize").await, arns("present-card").await);
    assert_ne!(payments, cards);
    let rows = MOVERS.map(|folder| (folder, true, false)).into_iter();
    let others = ["simulated-acquirer", "tokenize", "fraud-check", "settle", "post-ledger", "api"];
    let rows = rows.chain([("present-card", false, true)]).chain(others.map(|folder| (folder, false, false)));
    for (folder, reads_payments, reads_cards) in rows {
        let config = config_of(&stack, folder).await;
        for (arn, reads) in [(&payments, reads_payments), (&cards, reads_cards)] {
            let read = SecretPerMode::new(&config, [Some(arn.clone()), None]).secret(Mode::Test).await;
            let refusal = read.err().map(|error| error.source().unwrap().to_string());
            let expected = (!reads).then(|| "AccessDeniedException".to_owned());
            assert_eq!(refusal, expected, "{folder}, {arn}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_authorize_shows_cards() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let sale = Sale::of(&shop, APPROVED).await;
    let order = Order::Present { key: sale.draft().key, mode: Mode::Test, card: sale.card.clone() };
    let order = serde_json::to_vec(&order).unwrap();
    for folder in [&MOVERS[..], &["present-card", "tokenize", "api", "sweep"]].concat() {
        let client = aws_sdk_lambda::Client::new(&config_of(&shop.stack, folder).await);
        let call = client.invoke().function_name(shop.stack.function_name("present-card"));
        let answer = call.payload(Blob::new(order.clone())).send().await;
        let answer = answer.map_err(|error| DisplayErrorContext(error).to_string());
        match answer {
            Ok(answer) => {
                assert_eq!(folder, "authorize");
                let body: Value = serde_json::from_slice(answer.payload.unwrap().as_ref()).unwrap();
                assert!(body["method"].as_str().is_some_and(|name| name.starts_with("pm_")), "{body}");
            }
            Err(refusal) => {
                assert_ne!(folder, "authorize", "{refusal}");
                assert!(refusal.contains("AccessDenied"), "{folder}: {refusal}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_other_mode_moves_nothing() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let sale = Sale::of(&shop, APPROVED).await;
    let right = stripe(&shop.stack, "authorize").await;
    let order = sale.drafted(&right).await;
    let wrong = stripe_with(&shop.stack, "authorize", [LIVE_SECRET, TEST_SECRET]).await;
    let refused = wrong.authorize(&order).await.unwrap_err();
    assert!(matches!(&refused, NoAnswer::Unavailable(why) if why == "the key does not open test mode"), "{refused}");
    assert_eq!(right.look_up(&order.question()).await.unwrap(), None);
}

/// What became of an authorisation under a fault, and what the gateway said of it later.
async fn under(fault: Fault, stripe: &Stripe, shop: &Shop) -> (Result<Authorization, NoAnswer>, Option<Effect>) {
    let sale = Sale::of(shop, APPROVED).await;
    let order = sale.drafted(stripe).await;
    let gateway = fault::Gateway::Stripe;
    fault::set(&shop.stack.state, gateway, fault).await.unwrap();
    let answer = stripe.authorize(&order).await;
    fault::set(&shop.stack.state, gateway, Fault::None).await.unwrap();
    (answer, stripe.look_up(&order.question()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_told_for_what_it_is_and_found_by_its_name() {
    let _alone = alone().await;
    let shop = Shop::open().await;
    let stripe = stripe(&shop.stack, "authorize").await;
    let rows = [
        (Fault::None, "answered", true),
        (Fault::Down, "unavailable", false),
        (Fault::Slow, "unknown", true),
        (Fault::CutBefore, "unknown", false),
        (Fault::CutAfter, "unknown", true),
        (Fault::CutWithin, "unknown", true),
        (Fault::Duplicate, "answered", true),
    ];
    for (fault, expected, held) in rows {
        let (answer, found) = under(fault, &stripe, &shop).await;
        let told = match &answer {
            Ok(_) => "answered",
            Err(NoAnswer::Unavailable(_)) => "unavailable",
            Err(NoAnswer::Unknown(_)) => "unknown",
        };
        assert_eq!(told, expected, "{fault}: {answer:?}");
        assert_eq!(
            matches!(found, Some(Effect::Authorized(Authorization::Approved { .. }))),
            held,
            "{fault}: {found:?}"
        );
    }
    // Down, from the first call on: no card is shown, and nothing is drafted.
    let sale = Sale::of(&shop, APPROVED).await;
    fault::set(&shop.stack.state, fault::Gateway::Stripe, Fault::Down).await.unwrap();
    let refused = stripe.draft(&sale.draft()).await;
    fault::set(&shop.stack.state, fault::Gateway::Stripe, Fault::None).await.unwrap();
    assert!(matches!(&refused, Err(NoAnswer::Unavailable(why)) if why == "StripeUnavailable"), "{refused:?}");
}
