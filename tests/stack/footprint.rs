//! What one approved payment costs: counted from the calls that were made, never from what the code should do.
//!
//! The counted table stands in docs/architecture.md; `UPDATE_EXPECT=1` writes it there.

use crate::capacity::{Units, is_write, tables_of, write_units};
use crate::machines::{Kind, Machine};
use crate::numbers::{fresh, unique};
use crate::recording::{Record, Recording, Seen};
use crate::shop::{Shop, alone, payment_body, until};
use payments::key::ApiKey;
use payments::stage::{Created, Stage};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// A write unit covers this much of an item.
const WRITE_UNIT_BYTES: usize = 1024;
/// Writes to the payments table and its indexes that one payment may cost.
const MOST_PAYMENT_UNITS: u64 = 10;
/// Another payment's work in the same seconds, such as a sweep's, spoils a count: it is taken anew so often.
const COUNTS: usize = 10;

/// Functions that take what has gathered, whosever it is: how often they are invoked for one payment is chance.
const IN_BATCHES: [&str; 5] = ["bill", "notify", "post-ledger", "publish", "sweep"];
/// What such a function reads once per batch and owner, however many events share it.
const READ_PER_BATCH: &str = "webhook-endpoints";

/// Where the counted table begins and ends.
const BEGIN: &str = "<!-- Counted by tests/stack/footprint.rs; UPDATE_EXPECT=1 writes it. -->\n";
const END: &str = "<!-- End of the count. -->\n";

/// An item's size: names and values (Developer Guide, "DynamoDB item sizes and formats").
fn size(fields: &Value) -> usize {
    fields.as_object().unwrap().iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(attribute: &Value) -> usize {
    let (kind, value) = attribute.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "S" => value.as_str().unwrap().len(),
        "N" => value.as_str().unwrap().trim_start_matches('-').len().div_ceil(2) + 1,
        "M" => 3 + value.as_object().unwrap().len() + size(value),
        "L" => 3 + value.as_array().unwrap().iter().map(|item| 1 + value_size(item)).sum::<usize>(),
        _ => 1,
    }
}

/// From the request until its ledger entry and fee line are there; its payment's id, and what names it in calls.
async fn sell(shop: &Shop, token: &str) -> (String, Vec<String>) {
    let answer = shop.pay_once(&payment_body(1999, token), &unique()).await;
    assert_eq!(answer.body["status"], "succeeded", "{}", answer.text);
    let id = answer.body["id"].as_str().unwrap().to_owned();
    let item = shop.tables.payment(&id).await.unwrap();
    let event = format!("{id}:{}", item["version"]);
    until("the journal entry", 60, || async { shop.tables.get("Journal", json!({ "event_id": event })).await }).await;
    until("the fee line", 60, || async { shop.tables.fee_line(&item).await }).await;
    shop.stack.wait_for_consumers(Duration::from_secs(60)).await.unwrap();
    let key = ApiKey::hash(&shop.key).unwrap().to_string();
    (id.clone(), vec![id, token.to_owned(), shop.owner.merchant_id.to_string(), key])
}

/// Whether the text names another payment than this one.
fn names_another(text: &str, id: &str) -> bool {
    text.match_indices("pay_").any(|(place, _)| {
        let digits = text[place + 4..].bytes().take_while(u8::is_ascii_hexdigit).count();
        digits == id.len() - 4 && !text[place..].starts_with(id)
    })
}

/// The record of one payment by a merchant whom no function remembers, while nothing else was paid.
async fn record(shop: &Shop) -> (String, Record) {
    for _ in 0..COUNTS {
        // What others paid before is out of the way.
        shop.stack.wait_for_consumers(Duration::from_secs(60)).await.unwrap();
        let shop = Shop::open_in(&shop.stack).await;
        let token = shop.create_token(&fresh()).await;
        let recording = Recording::start(&shop.stack).await;
        let (id, names) = sell(&shop, &token).await;
        let mut record = recording.stop().await;
        let ours = |text: &str| names.iter().any(|name| text.contains(name)) && !names_another(text, &id);
        // A function's payload is no JSON to the record; a sweep looks for due payments whether or not there is one.
        let (named, others): (Vec<Seen>, Vec<Seen>) =
            record.calls.into_iter().partition(|call| call.action == "Invoke" || ours(&call.parameters.to_string()));
        if others.iter().all(|call| call.action == "Query") {
            record.calls = named;
            record.commands.retain(|line| ours(line) && !line.contains(" lua]"));
            return (id, record);
        }
        others.iter().filter(|call| call.action != "Query").take(1).for_each(|call| {
            let resource = call.resource.as_deref().unwrap_or_default();
            eprintln!("disturbed by {} {} {resource}", call.service, call.action);
        });
    }
    panic!("{COUNTS} counts were all disturbed by other payments");
}

/// Calls by what they are called on. Events count by themselves: how many share a call is chance.
fn calls(record: &Record, prefix: &str) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for call in &record.calls {
        let mut add = |what: String, times| *counted.entry(what).or_default() += times;
        let Seen { service, action, resource, parameters } = call;
        if is_write(call) {
            tables_of(parameters)
                .into_iter()
                .for_each(|table| add(format!("{service} {action}, {}", table.trim_start_matches(prefix)), 1));
        } else if action == "PutEvents" {
            add(format!("{service} {action}, entries"), parameters["Entries"].as_array().unwrap().len());
        } else if resource.as_ref().is_some_and(|resource| resource.ends_with(READ_PER_BATCH)) {
            continue;
        } else if let Some(resource) = resource {
            add(format!("{service} {action}, {}", resource.trim_start_matches(prefix)), 1);
        } else {
            add(format!("{service} {action}"), 1);
        }
    }
    let invoked =
        record.invocations.iter().filter(|(folder, times)| **times > 0 && !IN_BATCHES.contains(&folder.as_str()));
    counted.extend(invoked.map(|(folder, times)| (format!("lambda, {folder} runs"), *times)));
    for line in &record.commands {
        let command = line.split('"').nth(1).unwrap().to_uppercase();
        *counted.entry(format!("valkey {command}")).or_default() += 1;
    }
    counted
}

/// The states that an approved payment enters, by the history of a STANDARD run of the deployed definition.
async fn transitions(shop: &Shop) -> Vec<String> {
    let payment = shop.plant(shop.opened(&fresh()).await, Stage::Created(Created {})).await;
    let machine = Machine::make(shop, Kind::Standard, None).await;
    let outcome = machine.run(payment.payment_id.as_str()).await;
    machine.delete().await;
    assert_eq!(outcome.output, json!({ "stage": "succeeded" }), "{:?}", outcome.error);
    outcome.entered.unwrap()
}

fn table(units: &Units, calls: &BTreeMap<String, usize>, entered: &[String], prefix: &str) -> String {
    let mut text = String::from("\n| table | write units |\n|---|---|\n");
    for ((table, index), units) in units {
        let table = table.trim_start_matches(prefix);
        let index = index.as_ref().map(|index| format!(", index {index}")).unwrap_or_default();
        writeln!(text, "| {table}{index} | {units} |").unwrap();
    }
    text.push_str("\n| call | times |\n|---|---|\n");
    for (call, times) in calls {
        writeln!(text, "| {call} | {times} |").unwrap();
    }
    writeln!(text, "\nState transitions: {} ({}).\n", entered.len(), entered.join(", ")).unwrap();
    text
}

/// The document with the counted table in its place.
fn with_table(document: &str, table: &str) -> String {
    let (before, rest) = document.split_once(BEGIN).expect("docs/architecture.md has a place for the count");
    let (_, after) = rest.split_once(END).expect("the count's place has an end");
    format!("{before}{BEGIN}{table}{END}{after}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_payment_costs_what_the_architecture_says() {
    let _alone = alone().await;
    let shop = Shop::open().await;
    // Whatever a process does once, such as loading a script, is no payment's cost.
    shop.sell(1999).await;
    let (id, record) = record(&shop).await;
    let item = shop.tables.typed("Payments", json!({ "payment_id": id })).await.unwrap();
    let bytes = size(&item);
    assert!(bytes < WRITE_UNIT_BYTES, "the payment's item has {bytes} bytes");

    let writes: Vec<&Seen> = record.calls.iter().filter(|call| is_write(call)).collect();
    let units = write_units(&shop.tables, &writes).await;
    let payments = shop.tables.name("Payments");
    let payment_units: u64 = units.iter().filter(|((table, _), _)| table == payments).map(|(_, units)| units).sum();
    assert!(
        (1..=MOST_PAYMENT_UNITS).contains(&payment_units),
        "{payment_units} write units for the payment: {units:?}"
    );

    let prefix = shop.stack.function_name("");
    let counted = table(&units, &calls(&record, &prefix), &transitions(&shop).await, &prefix);
    let path = shop.stack.workspace.root().join("docs/architecture.md");
    let document = std::fs::read_to_string(&path).unwrap();
    expect_test::expect_file![path].assert_eq(&with_table(&document, &counted));
}
