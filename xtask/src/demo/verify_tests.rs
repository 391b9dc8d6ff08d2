//! Planted books: sound ones that pass, and one row per disagreement that must be found.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::books::{Books, HeldBy, Settlement};
use super::verify::{Told, verify};

const RECEIVABLE: &str = "test:gateway:simulated:receivable";
const PAYABLE: &str = "test:merchant:mer_a:payable";
const REVENUE: &str = "test:own:fee-revenue";

fn records<T: DeserializeOwned>(value: Value) -> Vec<T> {
    serde_json::from_value(value).unwrap()
}

fn payment(id: &str, stage: &str, operations: Value) -> Value {
    json!({
        "payment_id": id, "version": 13, "owner": "mer_a#test",
        "amount": 1000, "currency": "EUR", "stage": { "name": stage }, "operations": operations,
    })
}

fn capture(id: &str, gross: u64, fee: u64, end: u32) -> Value {
    json!({
        "id": id, "do": "capture", "amount": gross, "last": true, "v": end - 2, "reference": format!("at {id}"),
        "settlement": { "gross": gross, "fee": fee, "net": gross - fee }, "end": end,
    })
}

fn refund(id: &str, amount: u64, end: u32) -> Value {
    json!({
        "id": id, "do": "refund", "amount": amount, "v": end - 1, "reference": format!("at {id}"),
        "end": end,
    })
}

fn hold(key: &str, captured: u64, released: u64, refunded: u64, voided: bool) -> Value {
    json!({
        "hold_key": key, "amount": 1000, "currency": "EUR", "captured": captured, "released": released,
        "refunded": refunded, "voided": voided, "approved": true,
    })
}

fn posting(account: &str, minor: i64) -> Value {
    json!({ "account": account, "currency": "EUR", "minor": minor })
}

/// The two captures of `pay_1` and its refund, and the capture of `pay_2`.
fn entries() -> Value {
    let captured = |event: &str, gross: i64, fee: i64| {
        let postings =
            [posting(RECEIVABLE, gross), posting(PAYABLE, -gross), posting(PAYABLE, fee), posting(REVENUE, -fee)];
        json!({ "event_id": event, "postings": postings })
    };
    json!([
        captured("pay_1:6", 600, 40),
        captured("pay_1:9", 300, 30),
        { "event_id": "pay_1:11", "postings": [posting(PAYABLE, 200), posting(RECEIVABLE, -200)] },
        captured("pay_2:6", 400, 35),
    ])
}

/// One payment with two captures, a refund and a refused one; one that waits with the rest of its hold; one that was
/// declined by risk; one that is in review.
fn sound() -> (Vec<Told>, Books) {
    let mut refused = refund("ref_2", 100, 13);
    refused.as_object_mut().unwrap().remove("reference");
    let balance = |account: &str, shard: &str, minor: i64, postings: u64| {
        let mut balance = posting(account, minor);
        balance["shard"] = json!(shard);
        balance["postings"] = json!(postings);
        balance
    };
    let line = |id: &str, fee: u64| json!({ "line_id": id, "merchant_id": "mer_a", "mode": "test", "currency": "EUR", "fee": fee });
    let of_first = json!([capture("pay", 600, 40, 6), capture("cap_2", 300, 30, 9), refund("ref_1", 200, 11), refused]);
    let books = Books {
        payments: records(json!([
            payment("pay_1", "succeeded", of_first),
            payment("pay_2", "requires_capture", json!([capture("cap_1", 400, 35, 6)])),
            payment("pay_3", "declined", json!([])),
            payment("pay_4", "in_review", json!([])),
        ])),
        entries: records(entries()),
        fee_lines: records(json!([line("pay_1:6", 40), line("pay_1:9", 30), line("pay_2:6", 35)])),
        balances: records(json!([
            balance(RECEIVABLE, "EUR#0", 1100, 4),
            balance(PAYABLE, "EUR#0", -1300, 3),
            balance(PAYABLE, "EUR#1", 305, 4),
            balance(REVENUE, "EUR#0", -105, 3),
        ])),
        holds: records(json!([
            hold("pay_1:authorize:1", 900, 100, 200, false),
            hold("pay_2:authorize:1", 400, 0, 0, false),
            hold("pay_3:authorize:1", 0, 0, 0, true),
            hold("pay_4:authorize:1", 0, 0, 0, false),
        ])),
    };
    let told = |id: &str, status: &str, captured: u64, refunded: u64| Told {
        line: format!("line of {id}"),
        payment_id: id.to_owned(),
        status: status.to_owned(),
        captured,
        refunded,
        merchant: "mer_a".to_owned(),
        amount: 1000,
        currency: "EUR".to_owned(),
    };
    let told = vec![
        told("pay_1", "succeeded", 900, 200),
        told("pay_2", "requires_capture", 400, 0),
        told("pay_3", "declined", 0, 0),
        told("pay_4", "in_review", 0, 0),
    ];
    (told, books)
}

fn check(expected: &str, plant: impl Fn(&mut Vec<Told>, &mut Books)) {
    let (mut told, mut books) = sound();
    plant(&mut told, &mut books);
    let found = verify(&told, &books);
    assert!(found.iter().any(|disagreement| disagreement == expected), "expected {expected:?} among {found:#?}");
}

fn settlement(books: &mut Books) -> &mut Settlement {
    books.payments[0].operations[0].settlement.as_mut().unwrap()
}

#[test]
fn sound_books_agree() {
    let (told, books) = sound();
    assert_eq!(verify(&told, &books), Vec::<String>::new());
}

#[test]
fn payments_that_are_not_as_told_are_found() {
    check("pay_4 (line of pay_4): 0 times in payments, not once", |_, books| {
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
    check("pay_1 (line of pay_1): still refunding, not at rest", |_, books| {
        books.payments[0].stage.name = "refunding".to_owned();
    });
    check("pay_1 (line of pay_1): told captured and refunded (900, 300), stored (900, 200)", |told, _| {
        told[0].refunded = 300;
    });
    check("pay_2 (line of pay_2): told captured and refunded (0, 0), stored (400, 0)", |told, _| {
        told[1].captured = 0;
    });
    check(r#"pay_2 (line of pay_2): asked for ("mer_a", 999, "EUR"), stored ("mer_a", 1000, "EUR")"#, |told, _| {
        told[1].amount = 999
    });
}

#[test]
fn payments_that_contradict_themselves_are_found() {
    check("pay_1: captured 1001 of 1000", |_, books| books.payments[0].operations[1].amount = 401);
    check("pay_1: refunded 901 of 900", |_, books| books.payments[0].operations[2].amount = 901);
    check("pay_3: succeeded, captured 0 of 1000", |_, books| {
        books.payments[2].stage.name = "succeeded".to_owned();
    });
    check("pay_2: canceled, captured 400 of 1000", |_, books| {
        books.payments[1].stage.name = "canceled".to_owned();
    });
    check("pay_2: requires_capture, captured 1000 of 1000", |_, books| {
        books.payments[1].operations[0].amount = 1000;
    });
    check("pay_1: refund ref_2 is under way while the payment is succeeded", |_, books| {
        books.payments[0].operations[3].end = None;
    });
    check("pay_1: capture pay took money without a settlement", |_, books| {
        books.payments[0].operations[0].settlement = None;
    });
    check("pay_1: capture pay took no money, but has a settlement", |_, books| {
        books.payments[0].operations[0].reference = None;
    });
    check("pay_1: capture pay: amount 600, gross 601, fee 40 and net 560 do not add up", |_, books| {
        settlement(books).gross = 601;
    });
    check("pay_1: capture pay: amount 600, gross 600, fee 40 and net 561 do not add up", |_, books| {
        settlement(books).net = 561;
    });
}

#[test]
fn entries_that_are_missing_extra_or_unbalanced_are_found() {
    check("pay_1:6: moved money, but is not in journal", |_, books| books.entries.clear());
    check("pay_1:11: moved money, but is not in journal", |_, books| books.entries.clear());
    check("pay_1:11: twice in journal", |_, books| books.entries.push(books.entries[2].clone()));
    check("pay_1:13: in journal, but no payment moved money with it", |_, books| {
        books.entries[2].event_id = "pay_1:13".to_owned();
    });
    check("pay_1:6: two movements of money, one event for journal", |_, books| {
        books.payments[0].operations[1].end = Some(6);
    });
    check("pay_1:6: its postings in EUR sum to 1", |_, books| {
        books.entries[0].postings[0].minor = 601;
    });
}

#[test]
fn entries_that_post_otherwise_than_money_moved_are_found() {
    let sums = |fee: u64| {
        let receivable = r#"("test:gateways:receivable", "EUR"): 600"#;
        format!(r#"{{{receivable}, ("{PAYABLE}", "EUR"): -{}, ("{REVENUE}", "EUR"): -{fee}}}"#, 600 - fee)
    };
    let expected = format!("pay_1:6: posted {}, moved {}", sums(41), sums(40));
    check(&expected, |_, books| {
        books.entries[0].postings[2].minor = 41;
        books.entries[0].postings[3].minor = -41;
    });
}

#[test]
fn balances_that_are_not_the_fold_are_found() {
    check("EUR: the balances sum to 1, not zero", |_, books| books.balances[2].minor = 306);
    check("test:merchant:mer_a:payable EUR: balance -994, the journal's fold -995", |_, books| {
        books.balances[2].minor = 306
    });
    check("the balances hold 1 postings fewer than the journal", |_, books| {
        books.balances[0].postings = 3;
    });
}

#[test]
fn fees_that_differ_are_found() {
    check("pay_1:9: moved money, but is not in fee-lines", |_, books| books.fee_lines.clear());
    check("pay_1:6: twice in fee-lines", |_, books| {
        books.fee_lines.push(books.fee_lines[0].clone());
    });
    check("pay_1:11: in fee-lines, but no payment moved money with it", |_, books| {
        books.fee_lines[0].line_id = "pay_1:11".to_owned();
    });
    check(r#"pay_1:6: fee line ("mer_a", 39, "EUR"), settlement ("mer_a", 40, "EUR")"#, |_, books| {
        books.fee_lines[0].fee = 39
    });
    check("test:own:fee-revenue EUR: fee lines 104, settlements 105", |_, books| {
        books.fee_lines[0].fee = 39;
    });
    check("test:own:fee-revenue EUR: credit balance 104, settlements' fees 105", |_, books| {
        books.balances[3].minor = -104;
    });
}

#[test]
fn payables_and_receivables_that_differ_are_found() {
    check("test:merchant:mer_a:payable EUR: credit balance 994, net less refunds 995", |_, books| {
        books.balances[2].minor = 306
    });
    check("test:gateways:receivable EUR: debit balance 1099, gross less refunds 1100", |_, books| {
        books.balances[0].minor = 1099
    });
}

#[test]
fn an_acquirer_that_moved_other_money_is_found() {
    check("pay_1: succeeded, captured 900, the acquirer captured 0", |_, books| {
        books.holds[0].captured = 0;
    });
    check("pay_1: succeeded, refunded 200, the acquirer refunded 300", |_, books| {
        books.holds[0].refunded = 300;
    });
    check("pay_4: in_review, captured 0, the acquirer captured 1000", |_, books| {
        books.holds[3].captured = 1000;
    });
    check("pay_1: succeeded, captured 900, the acquirer captured 1800", |_, books| {
        let mut second = books.holds[0].clone();
        second.hold_key = "pay_1:authorize:2".to_owned();
        books.holds.push(second);
    });
    check("pay_9: the acquirer captured 900 and refunded 200 EUR, no payment is for it", |_, books| {
        books.holds[0].hold_key = "pay_9:authorize:1".to_owned();
    });
}

#[test]
fn what_another_gateway_holds_and_took_is_not_looked_for_at_the_acquirer() {
    let elsewhere = || Some(HeldBy { gateway: "stripe".to_owned() });
    check("pay_1: succeeded, captured 0, the acquirer captured 900", |_, books| {
        books.payments[0].stage.hold = elsewhere();
    });
    check("pay_2:authorize:1: an open hold of 600 that nobody waits for", |_, books| {
        books.payments[1].stage.hold = elsewhere();
    });
    // One that waits elsewhere, without an entry at the acquirer: all is well.
    let (told, mut books) = sound();
    books.payments[3].stage.hold = elsewhere();
    books.holds.pop();
    assert_eq!(verify(&told, &books), Vec::<String>::new());
}

#[test]
fn holds_that_give_too_much_or_block_money_for_nothing_are_found() {
    check("pay_1:authorize:1: captured 900 and released 101 of 1000", |_, books| {
        books.holds[0].released = 101;
    });
    check("pay_1:authorize:1: refunded 901 of 900", |_, books| books.holds[0].refunded = 901);
    check("pay_2:authorize:1: captured 400 of a hold that does not stand", |_, books| {
        books.holds[1].voided = true;
    });
    check("pay_2:authorize:1: captured 400 of a hold that does not stand", |_, books| {
        books.holds[1].approved = false;
    });
    check("pay_3:authorize:1: an open hold of 1000 that nobody waits for", |_, books| {
        books.holds[2].voided = false;
    });
    check("pay_1:authorize:1: an open hold of 100 that nobody waits for", |_, books| {
        books.holds[0].released = 0;
    });
    check("pay_2: requires_capture, 600 not captured yet, the acquirer holds 500", |_, books| {
        books.holds[1].released = 100;
    });
    check("pay_4: in_review, 1000 not captured yet, the acquirer holds 0", |_, books| {
        books.holds.pop();
    });
}
