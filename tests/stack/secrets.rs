//! Stripe's keys are in Secrets Manager and nowhere else: not in a function's variables or environment, in no log, in no answer,
//! whatever goes wrong.

use crate::logs::every_line;
use crate::numbers::unique;
use crate::shop::{Shop, alone, until};
use crate::stripe::variables_of;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::Environment;
use gateways::stripe::Order;
use payments::gateway::GatewayOperation;
use payments::id::Mode;
use serde_json::{Value, json};
use std::collections::HashMap;
use xtask::aws::Call;
use xtask::fault::{self, Fault};
use xtask::{Stack, crash, gateway_keys};

/// A text, and the place where it was found.
type Places = Vec<(String, String)>;

/// A key of test mode that localstripe does not know: restricted keys are strange to it.
const REFUSED_KEY: &str = "rk_test_florin_refused_by_localstripe";

async fn secret(stack: &Stack, action: &str, body: Value) -> Value {
    let target = format!("secretsmanager.{action}");
    let body = body.to_string().into_bytes();
    let call = Call { service: "secretsmanager", method: "POST", path: "/", target: Some(&target), body };
    call.send(&stack.endpoint).await.unwrap()
}

/// Variables as they are configured, and environments as they are.
async fn environments(stack: &Stack) -> Places {
    let mut places = Places::new();
    for folder in stack.functions().await.unwrap() {
        let variables = variables_of(stack, &folder).await;
        places.extend(variables.into_iter().map(|(name, value)| (format!("{name} of {folder}"), value)));
    }
    for process in crash::function_processes(&stack.workspace) {
        // It may have ended in between.
        let environment = std::fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
        places.push(("a function's environment".to_owned(), String::from_utf8_lossy(&environment).into_owned()));
    }
    places
}

/// Every line of every log group, and the logs of the stack's servers and of SAM CLI.
async fn logs(stack: &Stack) -> Places {
    let mut places = every_line(stack).await;
    for entry in std::fs::read_dir(stack.workspace.florin().join("logs")).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        places.push((path.file_name().unwrap().to_string_lossy().into_owned(), text));
    }
    places
}

/// The places that hold a key, by their names only.
fn holding(keys: &[String], places: &Places) -> Vec<String> {
    assert!(!places.is_empty(), "nothing to search, so nothing is proved");
    let dirty = places.iter().filter(|(_, text)| keys.iter().any(|key| text.contains(key.as_str())));
    dirty.map(|(place, _)| place.clone()).collect()
}

/// What `present-card` answers, whatever it is.
async fn ask(stack: &Stack, order: &Order) -> String {
    let client = aws_sdk_lambda::Client::new(&stack.sdk_config());
    let call = client.invoke().function_name(stack.function_name("present-card"));
    let answer = call.payload(Blob::new(serde_json::to_vec(order).unwrap())).send().await.unwrap();
    String::from_utf8(answer.payload.unwrap().into_inner()).unwrap()
}

/// Goes wrong in every way that there is; what was answered, by what went wrong.
async fn everything_goes_wrong(shop: &Shop) -> Places {
    let stack = &shop.stack;
    let payment = shop.opened("4242424242424242").await;
    let mut card = crate::stripe::presented(shop, &payment).await;
    let key = payment.gateway_key(GatewayOperation::Authorize, 1);
    let present = |card| Order::Present { key: key.clone(), mode: Mode::Test, card };
    let mut answers = vec![("well".to_owned(), ask(stack, &present(card.clone())).await)];
    for fault in [Fault::Down, Fault::Slow, Fault::CutBefore, Fault::CutAfter, Fault::CutWithin] {
        // Another card to Stripe each time: a known key would be answered from memory.
        fault::set(&stack.state, fault::Gateway::Stripe, fault).await.unwrap();
        answers.push((fault.to_string(), ask(stack, &present(card.clone())).await));
        answers.push((fault.to_string(), ask(stack, &Order::Check { mode: Mode::Live }).await));
    }
    fault::set(&stack.state, fault::Gateway::Stripe, Fault::None).await.unwrap();
    let arn = variables_of(stack, "present-card").await.remove("STRIPE_TEST_SECRET_ARN").unwrap();
    let kept = secret(stack, "GetSecretValue", json!({ "SecretId": arn })).await["SecretString"].take();
    for (wrong, key) in [("a key that is refused", REFUSED_KEY), ("no key", "no key, with a line\nand more")] {
        secret(stack, "PutSecretValue", json!({ "SecretId": arn, "SecretString": key })).await;
        // The function remembers the right one until Stripe refuses it: a new process knows none.
        crash::function_processes(&stack.workspace).iter().for_each(xtask::process::Process::kill);
        answers.push((wrong.to_owned(), ask_until_it_fails(stack).await));
    }
    secret(stack, "PutSecretValue", json!({ "SecretId": arn, "SecretString": kept })).await;
    card.sealed.number.insert(0, 'A');
    answers.push(("a card that does not open".to_owned(), ask(stack, &present(card)).await));
    answers
}

/// A process that was killed is replaced in a moment.
async fn ask_until_it_fails(stack: &Stack) -> String {
    until("an answer of the function itself", 30, || async {
        let answer = ask(stack, &Order::Check { mode: Mode::Test }).await;
        answer.contains("StripeUnavailable").then_some(answer)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_in_an_environment_a_log_or_an_answer() {
    let _alone = alone().await;
    let shop = Shop::open().await;
    let mut keys = gateway_keys::read(&shop.stack.endpoint).await.unwrap();
    assert!(keys.iter().all(|key| key.len() > 30), "a key too short to look for");
    keys.push(REFUSED_KEY.to_owned());
    let answers = everything_goes_wrong(&shop).await;
    let named = |name: &str| answers.iter().filter(|(_, text)| text.contains(name)).count();
    assert!(named("StripeUnavailable") >= 4 && named("StripeAnswerLost") >= 4, "{answers:?}");
    assert!(answers[0].1.contains("pm_"), "{answers:?}");

    assert_eq!(holding(&keys, &answers), Vec::<String>::new(), "a key in an answer");
    assert_eq!(holding(&keys, &environments(&shop.stack).await), Vec::<String>::new(), "a key in an environment");
    assert_eq!(holding(&keys, &logs(&shop.stack).await), Vec::<String>::new(), "a key in a log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_planted_is_found() {
    let _alone = alone().await;
    let stack = Shop::open().await.stack;
    let planted = [format!("sk_test_planted_{}", unique())];
    let client = aws_sdk_lambda::Client::new(&stack.sdk_config());
    let function = stack.function_name("present-card");
    let configure = async |variables: HashMap<String, String>| {
        let environment = Environment::builder().set_variables(Some(variables)).build();
        client.update_function_configuration().function_name(&function).environment(environment).send().await.unwrap();
    };
    let kept = variables_of(&stack, "present-card").await;
    let mut variables = kept.clone();
    variables.insert("PLANTED".to_owned(), planted[0].clone());
    configure(variables).await;
    ask(&stack, &Order::Check { mode: Mode::Test }).await;
    let found = holding(&planted, &environments(&stack).await);
    configure(kept).await;
    assert!(found.contains(&"PLANTED of present-card".to_owned()), "{found:?}");
    assert!(found.contains(&"a function's environment".to_owned()), "{found:?}");

    let group = format!("/planted/{}", unique());
    let log = async |action: &str, body: Value| {
        let target = format!("Logs_20140328.{action}");
        let body = body.to_string().into_bytes();
        let call = Call { service: "logs", method: "POST", path: "/", target: Some(&target), body };
        call.send(&stack.endpoint).await.unwrap();
    };
    let names = json!({ "logGroupName": group, "logStreamName": "planted" });
    log("CreateLogGroup", json!({ "logGroupName": group })).await;
    log("CreateLogStream", names.clone()).await;
    let line = json!({ "timestamp": crate::shop::now().as_millis(), "message": format!("the key is {}", planted[0]) });
    let mut lines = names;
    lines["logEvents"] = json!([line]);
    log("PutLogEvents", lines).await;
    let found = holding(&planted, &logs(&stack).await);
    log("DeleteLogGroup", json!({ "logGroupName": group })).await;
    assert!(found.contains(&format!("the log {group}")), "{found:?}");
}
