//! Planted books: sound ones that pass, and one row per disagreement that must be found.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::books::Books;
use super::verify::{Told, verify};

fn records<T: DeserializeOwned>(value: Value) -> Vec<T> {
    serde_json::from_value(value).unwrap()
}

/// One payment that succeeded, one that waits for its capture, one that was declined by risk.
fn sound() -> (Vec<Told>, Books) {
    let payment = |id: &str, stage: Value| {
        json!({
            "payment_id": id, "version": 6, "merchant_id": "mer_a", "mode": "test",
            "amount": 1000, "currency": "EUR", "stage": stage,
        })
    };
    let succeeded = json!({ "name": "succeeded", "settlement": { "gross": 1000, "fee": 59, "net": 941 } });
    let posting = |account, minor| json!({ "account": account, "currency": "EUR", "minor": minor });
    let balance = |account, shard, minor, postings| json!({ "account": account, "shard": shard, "currency": "EUR", "minor": minor, "postings": postings });
    let hold = |key, captured, voided| {
        json!({
            "hold_key": key, "amount": 1000, "currency": "EUR",
            "captured": captured, "voided": voided, "approved": true,
        })
    };
    let books = Books {
        payments: records(json!([
            payment("pay_1", succeeded),
            payment("pay_2", json!({ "name": "requires_capture" })),
            payment("pay_3", json!({ "name": "declined", "by": "risk" })),
        ])),
        entries: records(json!([{ "event_id": "pay_1:6", "postings": [
            posting("test:gateway:simulated:receivable", 1000),
            posting("test:merchant:mer_a:payable", -1000),
            posting("test:merchant:mer_a:payable", 59),
            posting("test:own:fee-revenue", -59),
        ] }])),
        fee_lines: records(json!([{
            "line_id": "pay_1:6", "merchant_id": "mer_a", "mode": "test", "currency": "EUR", "fee": 59,
        }])),
        balances: records(json!([
            balance("test:gateway:simulated:receivable", "EUR#0", 1000, 1),
            balance("test:merchant:mer_a:payable", "EUR#0", -1000, 1),
            balance("test:merchant:mer_a:payable", "EUR#1", 59, 1),
            balance("test:own:fee-revenue", "EUR#0", -59, 1),
        ])),
        holds: records(json!([
            hold("pay_1:authorize:1", 1000, false),
            hold("pay_2:authorize:1", 0, false),
            hold("pay_3:authorize:1", 0, true),
        ])),
    };
    let told = |id: &str, status: &str| Told {
        line: format!("line of {id}"),
        payment_id: id.to_owned(),
        status: status.to_owned(),
        merchant: "mer_a".to_owned(),
        amount: 1000,
        currency: "EUR".to_owned(),
    };
    let statuses = [("pay_1", "succeeded"), ("pay_2", "requires_capture"), ("pay_3", "declined")];
    (statuses.map(|(id, status)| told(id, status)).to_vec(), books)
}

fn check(expected: &str, plant: impl Fn(&mut Vec<Told>, &mut Books)) {
    let (mut told, mut books) = sound();
    plant(&mut told, &mut books);
    let found = verify(&told, &books);
    assert!(found.iter().any(|disagreement| disagreement == expected), "expected {expected:?} among {found:#?}");
}

#[test]
fn sound_books_agree() {
    let (told, books) = sound();
    assert_eq!(verify(&told, &books), Vec::<String>::new());
}

#[test]
fn payments_that_are_not_as_told_are_found() {
    check("pay_3 (line of pay_3): 0 times in payments, not once", |_, books| {
        books.payments.pop();
    });
    check("pay_1 (line of pay_1): 2 times in payments, not once", |_, books| {
        books.payments.push(books.payments[0].clone());
    });
    check("pay_1: told for both line of pay_1 and line of pay_2", |told, _| {
        told[1].payment_id = "pay_1".to_owned();
    });
    check("pay_3 (line of pay_3): told succeeded, stored declined", |told, _| {
        told[2].status = "succeeded".to_owned();
    });
    check("pay_2 (line of pay_2): still voiding, not at rest", |_, books| {
        books.payments[1].stage.name = "voiding".to_owned();
    });
    check(r#"pay_2 (line of pay_2): asked for ("mer_a", 999, "EUR"), stored ("mer_a", 1000, "EUR")"#, |told, _| {
        told[1].amount = 999
    });
}

#[test]
fn entries_that_are_missing_extra_or_unbalanced_are_found() {
    check("pay_1:6: succeeded, but not in journal", |_, books| books.entries.clear());
    check("pay_1:6: twice in journal", |_, books| books.entries.push(books.entries[0].clone()));
    check("pay_1:5: in journal, but no payment succeeded with it", |_, books| {
        books.entries[0].event_id = "pay_1:5".to_owned();
    });
    check("pay_1:6: its postings in EUR sum to 1", |_, books| {
        books.entries[0].postings[0].minor = 1001;
    });
}

#[test]
fn balances_that_are_not_the_fold_are_found() {
    check("EUR: the balances sum to 1, not zero", |_, books| books.balances[2].minor = 60);
    check("test:merchant:mer_a:payable EUR: balance -940, the journal's fold -941", |_, books| {
        books.balances[2].minor = 60
    });
    check("the balances hold 1 postings fewer than the journal", |_, books| {
        books.balances[0].postings = 0;
    });
}

#[test]
fn fees_that_differ_are_found() {
    check("pay_1:6: succeeded, but not in fee-lines", |_, books| books.fee_lines.clear());
    check("pay_1:6: twice in fee-lines", |_, books| {
        books.fee_lines.push(books.fee_lines[0].clone());
    });
    check(r#"pay_1:6: fee line ("mer_a", 58, "EUR"), settlement ("mer_a", 59, "EUR")"#, |_, books| {
        books.fee_lines[0].fee = 58
    });
    check("test:own:fee-revenue EUR: fee lines 58, settlements 59", |_, books| {
        books.fee_lines[0].fee = 58;
    });
    check("test:own:fee-revenue EUR: credit balance 58, settlements' fees 59", |_, books| {
        books.balances[3].minor = -58;
    });
    check("pay_1: succeeded without a settlement", |_, books| {
        books.payments[0].stage.settlement = None;
    });
    check("pay_1: amount 1001, gross 1000, fee 59 and net 941 do not add up", |_, books| {
        books.payments[0].amount = 1001;
    });
}

#[test]
fn payables_that_differ_are_found() {
    check("test:merchant:mer_a:payable EUR: credit balance 940, gross less fee 941", |_, books| {
        books.balances[2].minor = 60
    });
}

#[test]
fn holds_that_disagree_with_payments_are_found() {
    check("pay_1: succeeded, due 1000, the acquirer captured 0", |_, books| {
        books.holds[0].captured = 0;
    });
    check("pay_2: requires_capture, due 0, the acquirer captured 1000", |_, books| {
        books.holds[1].captured = 1000;
    });
    check("pay_1: succeeded, due 1000, the acquirer captured 2000", |_, books| {
        let mut second = books.holds[0].clone();
        second.hold_key = "pay_1:authorize:2".to_owned();
        books.holds.push(second);
    });
    check("pay_9: the acquirer captured 1000 EUR, no payment is for it", |_, books| {
        books.holds[0].hold_key = "pay_9:authorize:1".to_owned();
    });
    check("pay_3:authorize:1: an open hold that nobody waits for", |_, books| {
        books.holds[2].voided = false;
    });
}
