//! Bad input, whoever sent it: refused whole, and one exception that grows old until its owner decides, however often it
//! comes again. It is listed, on the page of the day and in its document.

use crate::bank_messages::{camt054, debit};
use crate::exceptions_kept::KeptExceptions;
use crate::invoicing;
use crate::payout_world::{Desk, OURS, owner};
use crate::payouts;
use crate::reconcile_world::Books;
use crate::reconciliation;
use crate::world::{Fault, World};
use gateways::bank::camt;
use payments::id::{InvoiceId, Mode};
use payments::ports::Clock;
use payments::reconcile::{Book, Day, Exception, ExceptionKind, MAX_DETAIL, State};
use serde_json::{Value, json};

const DAY_MILLIS: i64 = 24 * 3600 * 1000;

/// The one exception there is.
fn only(kept: &KeptExceptions) -> Exception {
    let kept = kept.borrow();
    assert_eq!(kept.len(), 1, "{kept:?}");
    kept.values().next().unwrap().clone()
}

/// The exception is listed and told of by the day's document and page, grows old, and is resolved once.
async fn shown_and_resolved(exception: &Exception) {
    let books = Books { world: World::new(), ..Books::default() };
    books.exceptions.borrow_mut().insert(exception.id.clone(), exception.clone());
    invoicing::at(&books.world, "2026-12-05T06:00:00Z");
    let later = Day::of(books.now());
    let list = json!({ "list": { "mode": exception.mode } });
    assert_eq!(books.ask(list.clone()).await.unwrap().exceptions, std::slice::from_ref(exception));
    let answer = books.ask(json!({ "run": { "day": later.previous() } })).await.unwrap();
    let of_mode = |mode: Mode| answer.days.iter().find(|day| day.document.mode == mode).unwrap();
    let told = &of_mode(exception.mode).document;
    assert_eq!((told.own.len(), told.open()), (1, 1));
    assert_eq!(told.own[0].age_days, exception.first_seen.days_until(later));
    assert!(told.own[0].age_days > 0 && told.own[0].age_business_days > 0);
    let other = if exception.mode == Mode::Test { Mode::Live } else { Mode::Test };
    assert!(of_mode(other).document.own.is_empty(), "another world's");
    let files = books.files.borrow().clone();
    let page = &files[&of_mode(exception.mode).page_name];
    let words = exception.kind.to_string().replace('_', " ");
    assert!(page.contains(&words) && page.contains(exception.id.as_str()) && page.contains("1 open"), "{page}");
    let document: Value = serde_json::from_str(&files[&of_mode(exception.mode).document_name]).unwrap();
    assert_eq!(document["own"][0]["kind"], json!(exception.kind));
    assert_eq!(document["own"][0]["state"], "open");
    for _ in 0..2 {
        let decision =
            json!({ "exception": exception.id, "kind": "corrected_there", "note": "sent again", "by": "ann" });
        let answer = books.ask(json!({ "resolve": decision })).await.unwrap();
        assert_eq!(answer.exceptions[0].state(), State::Resolved);
    }
    assert!(books.ask(list).await.unwrap().exceptions.is_empty());
    let answer = books.ask(json!({ "run": { "day": later.previous() } })).await.unwrap();
    assert!(answer.days.iter().all(|day| day.document.own.is_empty()), "it is of an earlier day, and over");
}

/// The bank's messages that are wrong, with what is said of them.
fn messages(desk: &Desk) -> [(String, &'static str); 3] {
    let key = payments::payout::PayoutKey::new(&owner("mer_a"), "EUR".parse().unwrap(), 1);
    let reference = desk.payouts.borrow()[&key].reference.clone();
    let good = camt054("N1", OURS, &[debit("M1", 10_000, &reference)]);
    [
        (good.replacen("</Ntry>", "", 1), "camt.054.001.08, line 6: not well formed"),
        (good.replacen("<Sts>", "<Tip>1</Tip><Sts>", 1), "camt.054.001.08, line 5: Tip"),
        (good.replace(OURS, "NL84MOCK0000000003"), "camt.054.001.08, line 3: Acct: this is not an account of ours"),
    ]
}

#[tokio::test]
async fn a_refused_bank_file_is_one_exception_with_its_line_and_reason() {
    for row in 0..3 {
        let desk = payouts::desk();
        assert!(desk.run("2026-11-24").await);
        let versions = desk.versions.borrow().len();
        let (body, said) = &messages(&desk)[row];
        desk.arrives(camt::NOTIFICATION, body);
        for _ in 0..3 {
            desk.listen().await.unwrap();
            desk.now.set(desk.now.get() + DAY_MILLIS);
        }
        let exception = only(&desk.exceptions);
        assert_eq!((exception.kind, exception.state()), (ExceptionKind::RefusedBankFile, State::Open));
        assert_eq!((exception.reference.as_str(), exception.revision), ("message 1", 1));
        assert_eq!(exception.first_seen.to_string(), "2026-11-24", "the day on which it was read");
        assert!(exception.detail.starts_with(said), "{}", exception.detail);
        assert!(!exception.detail.contains("MOCK00"), "no account's number");
        assert_eq!(desk.versions.borrow().len(), versions);
        assert!(desk.movements.borrow().is_empty() && desk.names.borrow().is_empty());
        shown_and_resolved(&exception).await;
    }
}

#[tokio::test]
async fn a_bank_file_that_was_seen_before_is_an_exception_of_its_own() {
    let desk = payouts::desk();
    assert!(desk.run("2026-11-24").await);
    let good = camt054("N1", OURS, &[debit("M1", 100, "x")]);
    desk.arrives(camt::NOTIFICATION, &good);
    desk.arrives(camt::NOTIFICATION, &good.replace("M1", "M9"));
    assert_eq!(desk.listen().await, Some((1, 1)));
    let exception = only(&desk.exceptions);
    assert_eq!(exception.reference, "message 2");
    assert!(exception.detail.ends_with("message N1 was seen before, in another message"), "{}", exception.detail);
    assert_eq!(desk.movements.borrow().len(), 1);
}

/// A run that breaks off anywhere, and the next one on the day after.
#[tokio::test]
async fn a_failure_before_or_after_any_call_leaves_one_exception_of_a_bank_file() {
    for fault in [Fault::Before, Fault::After] {
        for call in 0.. {
            let desk = payouts::desk();
            assert!(desk.run("2026-11-24").await);
            desk.arrives(camt::NOTIFICATION, &messages(&desk)[2].0);
            desk.calls.set(0);
            desk.fault.set(Some((call, fault)));
            desk.listen().await;
            let reached = desk.calls.get() > call;
            desk.fault.set(None);
            desk.now.set(desk.now.get() + DAY_MILLIS);
            assert!(desk.listen().await.is_some());
            let exception = only(&desk.exceptions);
            let read_at = desk.read.borrow()["1"].read_at;
            assert_eq!((exception.revision, exception.first_seen), (1, Day::of(read_at)), "call {call} {fault:?}");
            if !reached {
                assert!(call > 5, "{call} calls");
                break;
            }
        }
    }
}

/// A world whose November lacks a fee line.
async fn without_a_line() -> World {
    let world = invoicing::world().await;
    drop(world.kept.fee_lines.borrow_mut().remove(0));
    world
}

#[tokio::test]
async fn a_refused_invoice_is_one_exception_until_the_month_is_mended() {
    let world = without_a_line().await;
    let by_hand = json!({ "month": "2026-11", "owner": "mer_test#test" });
    for request in [json!({ "detail-type": "Scheduled Event" }), json!({}), by_hand] {
        assert_eq!(invoicing::make(&world, request).await.unwrap().refused.len(), 1);
        world.now.set(world.now.get() + DAY_MILLIS);
    }
    let exception = only(&world.kept.exceptions);
    assert_eq!((exception.kind, exception.revision), (ExceptionKind::RefusedInvoice, 1));
    assert_eq!(exception.first_seen.to_string(), "2026-11-30", "what is open since the month's end");
    let reason = "EUR: the fee lines sum to 175, the ledger's fee account earned 450";
    assert_eq!(exception.detail, format!("mer_test#test has no invoice of 2026-11: {reason}"));
    let id = InvoiceId::derive(&crate::world::owner(), "2026-11".parse().unwrap());
    assert_eq!(exception.reference, id.to_string());
    assert!(world.kept.invoices.borrow().is_empty() && world.kept.files.borrow().is_empty());
    shown_and_resolved(&exception).await;
    // Still wrong, in another way: the same exception.
    drop(world.kept.fee_lines.borrow_mut().remove(0));
    invoicing::make(&world, json!({ "month": "2026-11" })).await.unwrap();
    let changed = only(&world.kept.exceptions);
    assert_eq!((&changed.id, changed.revision), (&exception.id, 2));
    assert!(changed.detail.contains("the fee lines sum to 100"), "{}", changed.detail);
    world.keep_books();
    for _ in 0..2 {
        invoicing::make(&world, json!({ "month": "2026-11" })).await.unwrap();
        let mended = only(&world.kept.exceptions);
        assert_eq!((mended.state(), mended.revision), (State::Withdrawn, 3));
    }
    assert_eq!(world.kept.invoices.borrow().len(), 1);
}

#[tokio::test]
async fn an_open_month_is_an_error_and_no_exception() {
    let world = without_a_line().await;
    let refused = invoicing::make(&world, json!({ "month": "2026-12" })).await.unwrap_err();
    assert_eq!(refused.to_string(), "2026-12 is not over: expected a month before this one");
    assert!(world.kept.exceptions.borrow().is_empty());
}

#[tokio::test]
async fn a_failure_before_or_after_any_call_leaves_one_exception_of_an_invoice() {
    for fault in [Fault::Before, Fault::After] {
        for call in 0.. {
            let world = without_a_line().await;
            world.fault.set(Some((call, 1, fault)));
            let _ = invoicing::make(&world, json!({ "month": "2026-11" })).await;
            let reached = world.calls.get() > call;
            world.fault.set(None);
            invoicing::make(&world, json!({ "month": "2026-11" })).await.unwrap();
            assert_eq!(only(&world.kept.exceptions).revision, 1, "call {call} {fault:?}");
            assert!(world.kept.invoices.borrow().is_empty());
            if !reached {
                assert!(call > 5, "{call} calls");
                break;
            }
        }
    }
}

/// What the machine hands over when `close-payout` has failed for good, on the day given.
fn not_closed(day: &str, error: &str, cause: &str) -> Value {
    let not_closed = json!({ "merchant_id": "mer_a", "mode": "test", "day": day, "error": error, "cause": cause });
    json!({ "not_closed": not_closed })
}

#[tokio::test]
async fn a_payout_that_is_not_closed_is_one_exception_for_its_day() {
    let desk = Desk::new();
    desk.merchant("mer_a", "NL84MOCK0000000003");
    desk.merchant("mer_b", "NL84MOCK0000000003");
    desk.owe("mer_a", "USD", "2026-11-24", 10_000_000_000);
    desk.owe("mer_b", "USD", "2026-11-24", 500);
    assert!(!desk.run("2026-11-24").await);
    let paid: Vec<_> = desk.payouts.borrow().values().map(|payout| payout.owner.clone()).collect();
    assert_eq!(paid, [owner("mer_b")], "the others are paid");
    let accounts = Desk::accounts();
    let ports = close_payout::Ports {
        profiles: &desk,
        balances: &desk,
        posted: &desk,
        payouts: &desk,
        accounts: &accounts,
        clock: &desk,
    };
    let request = json!({ "merchant_id": "mer_a", "mode": "test", "day": "2026-11-24" });
    let error = close_payout::handle(&ports, serde_json::from_value(request).unwrap()).await.unwrap_err();
    let cause = json!({ "errorType": "PayoutTooLarge", "errorMessage": error.to_string() }).to_string();

    let books = Books { world: World::new(), ..Books::default() };
    for _ in 0..2 {
        let answer = books.ask(not_closed("2026-11-24", "PayoutTooLarge", &cause)).await.unwrap();
        assert_eq!(answer.exceptions, [only(&books.exceptions)]);
    }
    let exception = only(&books.exceptions);
    assert_eq!((exception.kind, exception.revision), (ExceptionKind::PayoutNotClosed, 1));
    assert_eq!((exception.first_seen.to_string().as_str(), exception.book()), ("2026-11-24", Book::own(Mode::Test)));
    assert_eq!(
        exception.detail,
        format!("what is due to mer_a#test on 2026-11-24 is not in payouts: PayoutTooLarge: {error}")
    );
    shown_and_resolved(&exception).await;
    // The same day again with another error is the same case; the next day is another.
    books.ask(not_closed("2026-11-24", "States.Timeout", "")).await.unwrap();
    assert!(only(&books.exceptions).detail.ends_with("States.Timeout"));
    books.ask(not_closed("2026-11-25", "Lambda.Unknown", "1234567890123456")).await.unwrap();
    assert_eq!(books.exceptions.borrow().len(), 2);
    let long = json!({ "errorMessage": format!("4242424242424242 {}", "x".repeat(9_000)) }).to_string();
    let long = books.ask(not_closed("2026-11-26", "StoreUnavailable", &long)).await.unwrap();
    let detail = &long.exceptions[0].detail;
    assert!(detail.chars().count() == MAX_DETAIL && detail.contains("[digits]"), "{detail}");
}

#[tokio::test]
async fn a_failure_before_or_after_any_call_leaves_one_exception_of_a_payout() {
    for call in 0..2 {
        for fault in [Fault::Before, Fault::After] {
            let books = Books { world: World::new(), ..Books::default() };
            books.fails.set(Some((call, fault)));
            assert!(
                books.ask(not_closed("2026-11-24", "StoreUnavailable", "{}")).await.is_err(),
                "the machine asks again"
            );
            books.ask(not_closed("2026-11-24", "StoreUnavailable", "{}")).await.unwrap();
            assert_eq!(only(&books.exceptions).revision, 1, "call {call} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_refused_gateway_report_is_one_exception_and_nothing_of_it_counts() {
    let (books, days) = reconciliation::books().await;
    let bad = books.original(Mode::Test, days[0]).await.unwrap().replacen("\"amount\":1", "\"amount\":-1", 1);
    books.replaced.borrow_mut().insert(days[0], bad);
    for _ in 0..3 {
        books.ask(json!({ "run": { "day": days[0] } })).await.unwrap();
        books.world.now.set(books.world.now.get() + DAY_MILLIS);
    }
    let exception = only(&books.exceptions);
    assert_eq!((exception.kind, exception.revision), (ExceptionKind::RefusedReport, 1));
    assert!(exception.detail.starts_with("line 2: amount: expected whole minor units"), "{}", exception.detail);
    assert!(exception.age(Day::of(books.now())).0 > 3);
    let record =
        books.days.borrow().values().find(|it| it.day == days[0] && it.book.mode == Mode::Test).unwrap().clone();
    assert_eq!((record.counts, record.closing, record.totals.len()), (Default::default(), Default::default(), 0));
    let decision = json!({ "exception": exception.id, "kind": "corrected_there", "note": "sent again", "by": "ann" });
    let answer = books.ask(json!({ "resolve": decision })).await.unwrap();
    assert_eq!(answer.exceptions[0].state(), State::Resolved);
}
