//! `ask-acquirer`: each order reaches the acquirer, its answer comes back as it was given, and no answer has one of two names.

use crate::world::World;
use ask_acquirer::Error;
use gateways::iso8583::{Order, UNAVAILABLE};
use payments::amount::Amount;
use payments::failure::Failure;
use payments::gateway::*;
use payments::id::{Mode, OperationId};
use payments::payment::CaptureMethod;
use payments::ports::{LoadCard, VerificationCodes};
use payments::token::PresentedCard;
use serde_json::{Value, json};

/// The order as the function reads it off the wire.
async fn ask(world: &World, order: &Order) -> Result<Value, (&'static str, bool)> {
    let wire = serde_json::from_value(serde_json::to_value(order).unwrap()).unwrap();
    let answer = ask_acquirer::handle(world, wire).await;
    answer.map(|answer| serde_json::to_value(answer).unwrap()).map_err(|error: Error| (error.name(), error.transient()))
}

/// The orders of one payment's whole life.
async fn orders(world: &World) -> Vec<Order> {
    let id = world.open("one", "4242424242424242", 1999, CaptureMethod::Manual);
    let payment = world.payment(&id);
    let sealed = LoadCard::load(world, &payment.token_id).await.unwrap().unwrap();
    let verification = world.find(&payment.token_id).await.unwrap();
    let card = PresentedCard { sealed, verification, expiry: payment.card.expiry };
    let (mode, amount) = (Mode::Test, payment.amount);
    let hold_key = payment.gateway_key(GatewayOperation::Authorize, 1);
    let on = HoldOn::DraftedCard { draft: "the-draft".to_owned(), card };
    let authorize = AuthorizeOrder { key: hold_key.clone(), mode, amount, on, return_url: None };
    let pay = OperationId::pay();
    let key = payment.gateway_key(GatewayOperation::Capture(&pay), 1);
    let (hold_key, hold_reference) = (hold_key, Some("the-draft".to_owned()));
    let capture = CaptureOrder {
        key,
        mode,
        hold_key: hold_key.clone(),
        hold_reference: hold_reference.clone(),
        amount,
        last: true,
    };
    let key = payment.gateway_key(GatewayOperation::Refund(&pay), 1);
    let part = Amount::try_new(999, amount.currency()).unwrap();
    let refund =
        RefundOrder { key, mode, hold_key: hold_key.clone(), hold_reference: hold_reference.clone(), amount: part };
    let key = payment.gateway_key(GatewayOperation::Void, 1);
    let void = VoidOrder { key, mode, hold_key, hold_reference, captured: amount };
    vec![Order::Authorize(authorize), Order::Capture(capture), Order::Refund(refund), Order::Void(void)]
}

#[tokio::test]
async fn an_order_is_carried_out_and_its_answer_is_read_back() {
    let world = World::new();
    let mut effects = Vec::new();
    for order in orders(&world).await {
        let answer = ask(&world, &order).await.unwrap();
        effects.push(serde_json::from_value::<Effect>(answer).unwrap());
    }
    assert!(matches!(effects[0], Effect::Authorized(Authorization::Approved { .. })), "{effects:?}");
    assert!(matches!(effects[1], Effect::Captured(CaptureAnswer::Captured { .. })), "{effects:?}");
    assert!(matches!(effects[2], Effect::Refunded(RefundAnswer::Refunded { .. })), "{effects:?}");
    assert!(matches!(effects[3], Effect::Voided(VoidAnswer::Voided)), "{effects:?}");
    let hold = world.holds.borrow().values().next().cloned().unwrap();
    assert_eq!((hold.captured, hold.refunded), (1999, 999));
}

#[tokio::test]
async fn no_answer_has_two_names() {
    use crate::world::Fault;
    for (fault, name) in [(Fault::Before, UNAVAILABLE), (Fault::After, "AcquirerAnswerLost")] {
        let world = World::new();
        for order in orders(&world).await {
            world.fault.set(Some((world.calls.get(), 1, fault)));
            assert_eq!(ask(&world, &order).await, Err((name, true)), "{order:?}");
        }
    }
}

#[tokio::test]
async fn the_sample_asks_whether_anybody_is_there() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../events/ask-acquirer.json");
    let sample: Order = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(ask(&World::new(), &sample).await.unwrap(), json!({ "answers": true }));
}
