//! Cardholders who have to authenticate: asked, waited for, and found out about by whoever asks first, with a failure before
//! and after each call; and Stripe's events, which are believed in nothing.

use crate::machine::{Answer, Call, bring_to_rest, call, let_time_pass, run, sweep_until_it_rests};
use crate::operations::{Posted, check_account, post};
use crate::states::at;
use crate::world::{Fault, World};
use payments::authentication::MAX_CONFIRMATIONS;
use payments::event::Event;
use payments::failure::Unavailable;
use payments::gateway::{Capabilities, GatewayOperation};
use payments::id::{Mode, PaymentId};
use payments::payment::{CaptureMethod, Status};
use payments::ports::{Clock, GatewaySecret};
use payments::secret::Secret;
use payments::stage::StageName;
use serde_json::{Value, json};

const AUTHENTICATES: &str = "4000002500003155";
const FAILS: &str = "4000009900000806";
const STAYS_AWAY: &str = "4000009900000905";
/// What each cardholder's payment comes to.
const CARDHOLDERS: [(&str, Status); 3] =
    [(AUTHENTICATES, Status::Succeeded), (FAILS, Status::Declined), (STAYS_AWAY, Status::Declined)];
/// Longer than the simulated cardholders take.
const A_WHILE: i64 = 5_000;

const WEBHOOK_SECRET: &str = "whsec_of_the_tests";

/// The secret of Stripe's endpoint, if there is one.
struct EndpointSecret;

impl GatewaySecret for EndpointSecret {
    fn is_there(&self, mode: Mode) -> bool {
        mode == Mode::Test
    }

    async fn secret(&self, _: Mode) -> Result<Secret, Unavailable> {
        Ok(Secret::new(WEBHOOK_SECRET.to_owned()))
    }

    fn forget(&self, _: Mode) {}
}

/// The header that Stripe would send.
fn signature(secret: &str, seconds: i64, body: &str) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let tag = ring::hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={digits}")
}

/// An event about the payment's hold.
fn event(world: &World, id: &PaymentId, status: &str) -> String {
    let key = world.payment(id).gateway_key(GatewayOperation::Authorize, 1);
    let object =
        json!({ "id": "pi_1", "object": "payment_intent", "status": status, "metadata": { "florin_key": key } });
    json!({ "id": "evt_1", "type": "payment_intent.amount_capturable_updated", "data": { "object": object } })
        .to_string()
}

async fn deliver(world: &World, secrets: Option<&EndpointSecret>, header: &str, body: &str) -> (u16, Value) {
    let request = json!({
        "httpMethod": "POST",
        "resource": "/v1/gateways/stripe/events",
        "headers": { "stripe-signature": header, "content-type": "application/json; charset=utf-8" },
        "body": body,
        "requestContext": { "requestId": "request-1" },
    });
    let ports = hear_stripe::Ports { payments: world, workflow: world, secrets, system: world };
    let answer = hear_stripe::handle(&ports, serde_json::from_value(request).unwrap()).await.unwrap();
    (answer.status_code, serde_json::from_str(&answer.body).unwrap())
}

/// Stripe tells that something happened to the payment's hold.
pub async fn hear(world: &World, id: &PaymentId) -> u16 {
    let body = event(world, id, "requires_capture");
    let header = signature(WEBHOOK_SECRET, world.now().as_seconds(), &body);
    deliver(world, Some(&EndpointSecret), &header, &body).await.0
}

/// Runs what was started.
async fn run_started(world: &World) {
    for (id, operation) in world.started.take() {
        run(world, &id, &operation).await;
    }
}

/// How somebody finds out what the cardholder did.
#[derive(Clone, Copy, Debug)]
enum FoundBy {
    Confirm,
    Event,
    Expiry,
}

async fn find_out(world: &World, id: &PaymentId, by: FoundBy) {
    match by {
        FoundBy::Confirm => drop(post(world, id, Posted::Confirm, "k").await),
        FoundBy::Event => {
            hear(world, id).await;
            run_started(world).await;
        }
        FoundBy::Expiry => {}
    }
    sweep_until_it_rests(world, id).await;
    let_time_pass(world, id).await;
}

fn world_of(drafts: bool) -> World {
    let world = World::new();
    world.runs.set(true);
    world.can.set(drafts.then_some(Capabilities { drafts: true, ..gateways::simulated::CAPABILITIES }));
    world
}

#[tokio::test]
async fn whatever_breaks_a_cardholder_is_asked_once_and_the_payment_ends_as_they_did() {
    for (number, status) in CARDHOLDERS {
        for (by, drafts) in [FoundBy::Confirm, FoundBy::Event, FoundBy::Expiry].into_iter().zip([false, true, false]) {
            let life = async |fault: Option<(u32, u32, Fault)>| {
                let world = world_of(drafts);
                world.fault.set(fault);
                let id = world.open_online("p", number, 1999, CaptureMethod::Automatic);
                bring_to_rest(&world, &id).await;
                let context = format!("{number}, {by:?}, {fault:?}");
                // Where the answer was lost for so long, the cardholder may have come before we knew of it.
                let known = [Status::RequiresAction, if fault.is_some() { status } else { Status::RequiresAction }];
                assert!(known.contains(&world.payment(&id).status()), "{context}: {:?}", world.payment(&id).stage);
                check_account(&world, &id, &context);
                world.now.set(world.now.get() + A_WHILE);
                find_out(&world, &id, by).await;
                assert_eq!(world.payment(&id).status(), status, "{context}");
                check_account(&world, &id, &context);
                let counted = world.counted.borrow().values().flatten().count();
                assert_eq!(counted, 1, "{context}");
                assert!(!world.codes.borrow().contains_key(&world.payment(&id).token_id), "{context}");
                world.calls.get()
            };
            let calls = life(None).await;
            for call in 0..calls {
                for (count, fault) in [(1, Fault::Before), (1, Fault::After), (8, Fault::Before), (8, Fault::After)] {
                    life(Some((call, count, fault))).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn the_first_answer_sends_the_cardholder_away_and_is_the_same_for_ever() {
    let world = world_of(false);
    let token = {
        let id = world.open("card", AUTHENTICATES, 1, CaptureMethod::Automatic);
        world.payment(&id).token_id
    };
    let create = || Call {
        method: "POST",
        resource: "/v1/payments",
        key: Some("order"),
        body: json!({
            "amount": 1999, "currency": "EUR", "token": token, "return_url": "https://shop.example/return?order=7",
        }),
        ..Call::default()
    };
    let first = call(&world, &create()).await;
    let document = first.json();
    assert_eq!((first.status, &document["status"]), (201, &json!("requires_action")), "{}", first.body);
    let action = &document["next_action"];
    assert_eq!(action["type"], "redirect_to_url");
    assert_eq!(action["redirect_to_url"]["return_url"], "https://shop.example/return?order=7");
    assert!(action["redirect_to_url"]["url"].as_str().unwrap().starts_with("https://"), "{action}");
    assert_eq!((&document["gateway"], &document["screening"]), (&json!("simulated"), &Value::Null));
    let id: PaymentId = serde_json::from_value(document["id"].clone()).unwrap();
    let listed = async |status: &str| {
        let query = json!({ "status": status });
        call(&world, &Call { query, ..Call::default() }).await.json()["data"].as_array().unwrap().len()
    };
    assert_eq!(listed("requires_action").await, 1);

    // Too early: the cardholder is still at it.
    let early = post(&world, &id, Posted::Confirm, "early").await;
    assert_eq!((early.status, &early.json()["status"]), (200, &json!("requires_action")), "{}", early.body);
    assert_eq!(early.json()["next_action"], *action);
    world.now.set(world.now.get() + A_WHILE);
    let done = post(&world, &id, Posted::Confirm, "back").await;
    let view = done.json();
    assert_eq!((done.status, &view["status"]), (200, &json!("succeeded")), "{}", done.body);
    assert_eq!((&view["liability_shift"], &view["next_action"]), (&json!("issuer"), &Value::Null));
    post(&world, &id, Posted::Refund(None), "refund").await;
    for (asked, answer) in [("early", early), ("back", done)] {
        let again = post(&world, &id, Posted::Confirm, asked).await;
        assert_eq!(again, Answer { replayed: true, ..answer });
    }
    assert_eq!(call(&world, &create()).await, Answer { replayed: true, ..first });
    assert_eq!(listed("requires_action").await, 0);
    let kinds: Vec<String> = world
        .versions
        .borrow()
        .iter()
        .filter(|version| version.payment_id == id)
        .map(|version| Event::of(version).kind.to_string())
        .collect();
    let expected = "payment.processing payment.processing payment.requires_action \
        payment.processing payment.requires_action \
        payment.processing payment.authorized payment.processing payment.processing payment.succeeded \
        refund.processing refund.succeeded";
    assert_eq!(kinds.join(" "), expected);
}

#[tokio::test]
async fn the_first_answer_stays_whatever_becomes_of_the_payment() {
    for (number, posted) in [(FAILS, Posted::Confirm), (STAYS_AWAY, Posted::Cancel), (AUTHENTICATES, Posted::Cancel)] {
        let world = world_of(false);
        let id = world.open_online("p", number, 1999, CaptureMethod::Automatic);
        bring_to_rest(&world, &id).await;
        let rest = world.payment(&id).first_rest.unwrap();
        let first = payments::view::PaymentView::when(&world.payment(&id), rest);
        world.now.set(world.now.get() + A_WHILE);
        assert_eq!(post(&world, &id, posted, "k").await.status, 200);
        assert_eq!(payments::view::PaymentView::when(&world.payment(&id), rest), first, "{posted:?}");
        let status = if posted == Posted::Cancel { Status::Canceled } else { Status::Declined };
        assert_eq!(world.payment(&id).status(), status);
        check_account(&world, &id, "over");
    }
}

#[tokio::test]
async fn confirming_again_and_again_leaves_room_for_a_cancel() {
    let world = world_of(false);
    let id = world.open_online("p", STAYS_AWAY, 1999, CaptureMethod::Automatic);
    bring_to_rest(&world, &id).await;
    for number in 0..MAX_CONFIRMATIONS {
        let answer = post(&world, &id, Posted::Confirm, &format!("k{number}")).await;
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("requires_action")));
    }
    let refused = post(&world, &id, Posted::Confirm, "more").await;
    assert_eq!((refused.status, refused.problem().as_str()), (422, "too-many-operations"), "{}", refused.body);
    assert_eq!(post(&world, &id, Posted::Cancel, "cancel").await.json()["status"], "canceled");
    assert!(world.hold(&id).unwrap().voided);
}

#[tokio::test]
async fn a_page_that_no_browser_may_be_sent_to_is_as_good_as_none() {
    let payment = || {
        let world = World::new();
        let id = world.open_online("p", AUTHENTICATES, 1999, CaptureMethod::Automatic);
        (world.payment(&id), world.now())
    };
    let gateway = payments::gateway::GatewayName("a".to_owned());
    for url in [None, Some("http://acs.example/"), Some("https://a:b@acs.example/"), Some("javascript:alert(1)")] {
        let (payment, now) = payment();
        assert!(!payment.ask(&gateway, url, now).awaits_cardholder(now), "{url:?}");
    }
    let (payment, now) = payment();
    let asked = payment.ask(&gateway, Some("https://acs.example/1"), now);
    assert!(asked.awaits_cardholder(now));
    let later = now.plus_seconds(10);
    assert_eq!(
        asked.clone().ask(&gateway, Some("https://acs.example/2"), later),
        asked,
        "what they were shown first stays"
    );
    assert!(!asked.awaits_cardholder(now.plus_seconds(payments::authentication::AUTHENTICATION_SECONDS)));
}

#[tokio::test]
async fn an_event_has_the_gateway_asked_and_decides_nothing() {
    for (number, status) in CARDHOLDERS {
        let world = world_of(false);
        let id = world.open_online("p", number, 1999, CaptureMethod::Automatic);
        bring_to_rest(&world, &id).await;
        world.now.set(world.now.get() + A_WHILE);
        // Whatever the event claims: the gateway knows better.
        for _ in 0..2 {
            assert_eq!(hear(&world, &id).await, 200);
            run_started(&world).await;
        }
        let expected = if number == STAYS_AWAY { Status::RequiresAction } else { status };
        assert_eq!(world.payment(&id).status(), expected, "{number}");
        check_account(&world, &id, number);
    }
}

#[tokio::test]
async fn an_event_resolves_what_a_run_left_open_and_disturbs_none_that_is_alive() {
    for stage in [StageName::Authorizing, StageName::Capturing, StageName::Voiding, StageName::Refunding] {
        let (world, id) = at(stage).await;
        let before = world.writes.get();
        assert_eq!(hear(&world, &id).await, 200);
        assert_eq!(world.started.take(), [], "{stage}: its run is taken to be alive");
        world.now.set(world.now.get() + A_WHILE);
        assert_eq!(hear(&world, &id).await, 200);
        assert_eq!((world.started.borrow().len(), world.writes.get()), (1, before), "{stage}");
        let operation = world.started.borrow()[0].1.clone();
        assert_eq!(Some(operation), world.payment(&id).next_operation());
    }
    for stage in [StageName::RequiresCapture, StageName::Succeeded, StageName::Declined, StageName::Canceled] {
        let (world, id) = at(stage).await;
        let before = world.payment(&id);
        world.now.set(world.now.get() + A_WHILE);
        assert_eq!(hear(&world, &id).await, 200);
        assert_eq!((world.started.take(), world.payment(&id)), (Vec::new(), before), "{stage}: it rests");
    }
}

#[tokio::test]
async fn an_event_that_stripe_did_not_sign_is_refused_and_one_without_news_is_ignored() {
    let (world, id) = at(StageName::Authenticating).await;
    let before = (world.payment(&id), world.writes.get());
    let seconds = world.now().as_seconds();
    let body = event(&world, &id, "requires_capture");
    let check = async |secrets: Option<&EndpointSecret>, header: String, body: &str, expected: u16| {
        let (status, document) = deliver(&world, secrets, &header, body).await;
        assert_eq!(status, expected, "{document}");
        assert!(!document.to_string().contains("whsec"), "{document}");
    };
    let there = Some(&EndpointSecret);
    check(there, String::new(), &body, 400).await;
    check(there, signature("whsec_another", seconds, &body), &body, 400).await;
    check(there, signature(WEBHOOK_SECRET, seconds - 301, &body), &body, 400).await;
    check(there, signature(WEBHOOK_SECRET, seconds, &body), &format!("{body} "), 400).await;
    let long = " ".repeat(64 * 1024 + 1);
    check(there, signature(WEBHOOK_SECRET, seconds, &long), &long, 413).await;
    check(there, signature(WEBHOOK_SECRET, seconds, "{}"), "{}", 400).await;
    check(None, signature(WEBHOOK_SECRET, seconds, &body), &body, 404).await;
    let waits = event(&world, &id, "requires_action");
    check(there, signature(WEBHOOK_SECRET, seconds, &waits), &waits, 200).await;
    let stranger = body.replace(id.as_str(), &format!("pay_{}", "0".repeat(32)));
    check(there, signature(WEBHOOK_SECRET, seconds, &stranger), &stranger, 200).await;
    assert_eq!((world.payment(&id), world.writes.get(), world.started.take()), (before.0, before.1, Vec::new()));
    // A table that does not answer: Stripe has to tell it again.
    world.fault.set(Some((world.calls.get(), 1, Fault::Before)));
    check(there, signature(WEBHOOK_SECRET, seconds, &body), &body, 503).await;
    check(there, signature(WEBHOOK_SECRET, seconds, &body), &body, 200).await;
    assert_eq!(world.started.borrow().len(), 1);
}
