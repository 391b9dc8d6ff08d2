//! Books that agree, and each way in which they would not.

use serde_json::json;

use super::client::Told;
use super::evidence::{Evidence, Shown};
use super::reconciler::differences;
use crate::demo::books::Hold;
use crate::topics::Record;

const ID: &str = "pay_1";

/// A payment that was captured and in part given back.
fn good() -> Evidence {
    let shown: Shown = serde_json::from_value(json!({
        "id": ID, "status": "succeeded", "amount": 1000, "currency": "EUR",
        "amount_captured": 1000, "amount_capturable": 0, "amount_refunded": 300,
        "captures": [{ "id": "cap_1", "status": "succeeded", "amount": 1000, "settlement": { "net": 941 } }],
        "refunds": [{ "id": "ref_1", "status": "succeeded", "amount": 300, "deduction": { "fee": 1 } }],
    }))
    .unwrap();
    let told = Told {
        key: "order-1".into(),
        id: ID.into(),
        status: "succeeded".into(),
        captured: 1000,
        refunded: 300,
        ..Told::default()
    };
    Evidence {
        told: vec![told],
        shown: vec![shown],
        history: [(ID.to_owned(), vec![format!("{ID}:1"), format!("{ID}:2")])].into(),
        holds: vec![hold("pay_1:authorize:1", 1000, 300)],
        records: vec![record(1, "processing"), record(1, "processing"), record(2, "succeeded")],
        balances: [("EUR".to_owned(), 640)].into(),
    }
}

fn hold(key: &str, captured: u64, refunded: u64) -> Hold {
    let hold = json!({ "hold_key": key, "amount": 1000, "currency": "EUR", "captured": captured, "refunded": refunded, "approved": true });
    serde_json::from_value(hold).unwrap()
}

fn record(version: u64, status: &str) -> Record {
    let event = json!({ "id": format!("{ID}:{version}"), "data": { "status": status } });
    Record { partition: 3, key: ID.to_owned(), value: event.to_string() }
}

#[test]
fn books_that_agree_show_no_difference() {
    assert_eq!(differences(&good()), Vec::<String>::new());
}

#[test]
fn each_disagreement_is_named() {
    let check = |name: &str, spoil: &dyn Fn(&mut Evidence)| {
        let mut evidence = good();
        spoil(&mut evidence);
        let found = differences(&evidence);
        assert!(found.iter().any(|difference| difference.contains(name)), "{name}: {found:?}");
    };
    check("the client complains: tired", &|books| books.told[0].complaint = Some("tired".into()));
    check("the client was told (\"canceled\"", &|books| books.told[0].status = "canceled".into());
    check("the client was told", &|books| books.told[0].refunded = 0);
    check("listed 0 times", &|books| books.told[0].id = "pay_2".into());
    check("listed 2 times", &|books| books.shown.push(books.shown[0].clone()));
    check("no client knows it", &|books| books.told.clear());
    check("not at rest", &|books| books.shown[0].status = "processing".into());
    check("not at rest", &|books| books.shown[0].refunds[0].status = "processing".into());
    check("its operations took 1000", &|books| books.shown[0].amount_captured = 900);
    check("canceled, captured 1000", &|books| books.shown[0].status = "canceled".into());
    check("refunded 300 of 1000", &|books| books.shown[0].amount_capturable = 1);
    check("the acquirer has (1000, 0, 0)", &|books| books.holds[0].refunded = 0);
    check("the acquirer has (2000, 300, 0)", &|books| books.holds.push(hold("pay_1:authorize:2", 1000, 0)));
    check("the acquirer has (1000, 300, 1000)", &|books| books.holds.push(hold("pay_1:authorize:2", 0, 0)));
    check("captured 2000 and released 0 of 1000", &|books| books.holds[0].captured = 2000);
    check("of a hold that does not stand", &|books| books.holds[0].voided = true);
    check("the API shows no such payment", &|books| books.holds.push(hold("pay_9:authorize:1", 0, 0)));
    check("2 versions, on the topic", &|books| books.records.truncate(2));
    check("2 versions, on the topic", &|books| books.records.reverse());
    check("2 versions, on the topic", &|books| books.records.push(record(3, "succeeded")));
    check("the API's events are", &|books| drop(books.history.get_mut(ID).unwrap().remove(0)));
    check("by its last event Some(\"failed\")", &|books| books.records[2] = record(2, "failed"));
    check("with another content", &|books| books.records[1] = record(1, "declined"));
    check("on the partitions {2, 3}", &|books| books.records[0].partition = 2);
    check("balances", &|books| *books.balances.get_mut("EUR").unwrap() += 1);
    check("balances", &|books| books.balances.clear());
}
