//! No card number and no verification code is anywhere but in the vault's ciphertext: not in tables, logs, topics or
//! histories.

use crate::logs::every_line;
use crate::machines::{Kind, Machine};
use crate::numbers::{fresh, unique};
use crate::shop::{Shop, healthy, payment_body};
use crate::topics::read_all;
use payments::stage::{Created, Stage};
use serde_json::{Value, json};
use xtask::Stack;

/// The codes that this test's cards are presented with.
const CODE: &str = "737";

/// What must not be found. No `Debug`: it holds card numbers.
struct Secrets {
    numbers: Vec<String>,
}

impl Secrets {
    /// This run's numbers and those of the demo's file.
    fn of(stack: &Stack, mut numbers: Vec<String>) -> Self {
        let file = stack.workspace.root().join("events/payments/demo.jsonl");
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            numbers.push(line["card"]["number"].as_str().unwrap().to_owned());
        }
        numbers.sort();
        numbers.dedup();
        assert!(numbers.iter().all(|number| number.len() >= 12), "a number too short to look for");
        Self { numbers }
    }

    /// Whether the text holds a number, or a verification code by its name.
    fn are_in(&self, text: &str) -> bool {
        self.numbers.iter().any(|number| text.contains(number)) || holds_code(text)
    }
}

/// `"cvc":"737"`, with blanks, escaped quotes or without quotes around the digits; not `"cvc":true`, the issuer's check.
fn holds_code(text: &str) -> bool {
    text.match_indices("cvc\"").chain(text.match_indices("cvc\\\"")).any(|(place, name)| {
        let rest = text[place + name.len()..].trim_start_matches([' ', ':', '"', '\\']);
        rest.bytes().take_while(u8::is_ascii_digit).count() >= 3
    })
}

/// Everything that is kept, with the place where it was found.
type Places = Vec<(String, String)>;

async fn tables(shop: &Shop) -> Places {
    let mut places = Places::new();
    for table in crate::tables::ALL {
        let items = shop.tables.scan(table).await;
        places.extend(items.into_iter().map(|item| (format!("the table {table}"), item.to_string())));
    }
    places
}

async fn topics(stack: &Stack) -> Places {
    let mut places = Places::new();
    for (topic, _) in xtask::topics::TOPICS {
        let records = read_all(stack, topic).await;
        places.extend(records.into_iter().map(|record| (format!("the topic {topic}"), record.key + &record.value)));
    }
    places
}

/// The history of a payment that ran under a STANDARD machine.
async fn history(shop: &Shop, number: &str) -> Places {
    let payment = shop.plant(shop.opened(number).await, Stage::Created(Created {})).await;
    let machine = Machine::make(shop, Kind::Standard, None).await;
    let outcome = machine.run(payment.payment_id.as_str()).await;
    machine.delete().await;
    assert_eq!(outcome.output, json!({ "stage": "succeeded" }), "{:?}", outcome.error);
    vec![("an execution's history".to_owned(), outcome.history)]
}

fn assert_clean(secrets: &Secrets, places: &Places, what: &str) {
    assert!(!places.is_empty(), "{what}: nothing to search, so nothing is proved");
    let mut dirty: Vec<&str> =
        places.iter().filter(|(_, text)| secrets.are_in(text)).map(|(place, _)| place.as_str()).collect();
    dirty.dedup();
    assert!(dirty.is_empty(), "card data in {dirty:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_card_number_is_anywhere_in_the_clear() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let (sold, declined, refused) = (fresh(), "4000000000000002".to_owned(), fresh());
    for number in [&sold, &declined] {
        let token = shop.create_token_with_code(number, CODE).await;
        shop.pay(&payment_body(1500, &token), &unique()).await;
    }
    // Refused requests with a number where none belongs.
    let body = json!({ "amount": 1, "currency": "EUR", "token": refused, "reference": refused });
    let answer = shop.pay_once(&body, &unique()).await;
    let card = json!({ "number": refused, "exp_month": 13, "exp_year": 2034, "cvc": CODE });
    let second = crate::shop::send(shop.post("/v1/tokens").json(&json!({ "card": card }))).await.unwrap();
    let secrets = Secrets::of(&shop.stack, vec![sold.clone(), declined, refused]);
    for refusal in [answer, second] {
        assert_eq!(refusal.status, 400);
        assert!(!secrets.are_in(&refusal.text), "a refusal repeats the card");
    }
    let history = history(&shop, &sold).await;
    shop.stack.wait_for_consumers(std::time::Duration::from_secs(60)).await.unwrap();

    assert_clean(&secrets, &history, "histories");
    assert_clean(&secrets, &tables(&shop).await, "tables");
    assert_clean(&secrets, &topics(&shop.stack).await, "topics");
    assert_clean(&secrets, &every_line(&shop.stack).await, "logs");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_search_finds_what_is_planted() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let number = fresh();
    let secrets = Secrets { numbers: vec![number.clone()] };
    let finds = |text: &str| secrets.are_in(text);
    assert!(finds(&format!(r#"{{"message":"card {number} was declined"}}"#)));
    assert!(finds(r#"{"card":{"cvc":"737"}}"#) && finds(r#"{\"cvc\": \"737\"}"#) && finds(r#"{"cvc":737}"#));
    assert!(!finds(r#"{"checks":{"cvc":true}}"#) && !finds(r#"{"field":"card.cvc","detail":"expected 3 or 4"}"#));

    // A record of its own kind in a real table: no entry, so that audits of the journal pass it by.
    let key = json!({ "event_id": format!("planted:{}", unique()) });
    let mut planted = key.clone();
    planted["note"] = json!({ "deep": ["inside", number] });
    shop.tables.put("Journal", &planted).await;
    let found = tables(&shop).await.iter().filter(|(_, text)| finds(text)).count();
    shop.tables.delete("Journal", key).await;
    assert_eq!(found, 1, "the planted number is found once");
}
