//! `present-card`: what Stripe says becomes an answer or one of two names, and its caller reads both.

use gateways::stripe::{CheckKey, Order, PresentCard, Presented, STRIPE_UNAVAILABLE};
use payments::failure::Failure;
use payments::gateway::{DeclineCode, GatewayKey, NoAnswer};
use payments::id::Mode;
use payments::token::PresentedCard;
use serde_json::{Value, json};

/// Stripe, which says this.
struct Says(Result<Presented, NoAnswer>);

impl PresentCard for Says {
    async fn present(&self, _: &GatewayKey, _: Mode, _: &PresentedCard) -> Result<Presented, NoAnswer> {
        self.0.clone()
    }
}

impl CheckKey for Says {
    async fn check(&self, _: Mode) -> Result<(), NoAnswer> {
        self.0.clone().map(|_| ())
    }
}

fn present() -> Value {
    let sealed = json!({
        "token_id": "tok_00000000000000000000000000000000", "merchant_id": "mer_sample", "number": "AA==", "data_key": "AA==",
    });
    let card = json!({ "sealed": sealed, "verification": null, "expiry": { "year": 2034, "month": 12 } });
    json!({ "present": { "key": "pay_00000000000000000000000000000000:authorize:1", "mode": "test", "card": card } })
}

async fn ask(says: Result<Presented, NoAnswer>, order: Value) -> Result<Value, (&'static str, bool)> {
    let order: Order = serde_json::from_value(order).unwrap();
    let answer = present_card::handle(&Says(says), order).await;
    answer.map(|answer| serde_json::to_value(answer).unwrap()).map_err(|error| (error.name(), error.transient()))
}

#[tokio::test]
async fn an_answer_is_read_back_as_it_was_given() {
    for (says, wire) in [
        (Presented::Method("pm_1".to_owned()), json!({ "method": "pm_1" })),
        (Presented::Declined(DeclineCode::IncorrectCvc), json!({ "declined": "incorrect_cvc" })),
    ] {
        let answer = ask(Ok(says.clone()), present()).await.unwrap();
        assert_eq!(answer, wire);
        assert_eq!(serde_json::from_value::<Presented>(answer).unwrap(), says);
    }
}

#[tokio::test]
async fn no_answer_has_two_names() {
    for order in [present(), json!({ "check": { "mode": "live" } })] {
        let unavailable = Err(NoAnswer::Unavailable(String::new()));
        assert_eq!(ask(unavailable, order.clone()).await, Err((STRIPE_UNAVAILABLE, true)));
        assert_eq!(ask(Err(NoAnswer::Unknown(String::new())), order).await, Err(("StripeAnswerLost", true)));
    }
}

#[tokio::test]
async fn the_sample_asks_whether_the_key_is_taken() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../events/present-card.json");
    let sample = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(ask(Ok(Presented::Method(String::new())), sample).await.unwrap(), json!({ "taken": "test" }));
}
