//! `reconcile` over ports in memory, with the real acquirer behind it: planted differences, refused reports, days again,
//! decisions, and a failure before and after each call.

use crate::machine::{bring_to_rest, run};
use crate::reconcile_world::{Books, book};
use crate::world::{Fault, World};
use payments::event::Event;
use payments::id::{IdempotencyKey, Mode, OperationId, OperationKind, PaymentId};
use payments::ledger::Position;
use payments::operation::Wanted;
use payments::payment::CaptureMethod;
use payments::ports::{Clock, Credited};
use payments::posting::journal_entry;
use payments::reconcile::{BankCredit, DailyReport, Day, Exception, ExceptionKind, Side, State};
use serde_json::{Value, json};

const CARDS: [&str; 3] = ["4242424242424242", "5555555555554444", "378282246310005"];
const DAY_MILLIS: i64 = 24 * 3600 * 1000;

/// Four payments and a refund on the first day, two payments on the second; posted as they happened. It is noon on the
/// third day.
pub async fn books() -> (Books, [Day; 3]) {
    let books = Books { world: World::new(), ..Books::default() };
    let world = &books.world;
    let mut days = Vec::new();
    for (day, payments) in [4, 2, 0].into_iter().enumerate() {
        days.push(Day::of(world.now()));
        for number in 0..payments {
            let minor = 1000 + 100 * number + u64::try_from(day).unwrap();
            let card = CARDS[usize::try_from(number).unwrap() % 3];
            let id = world.open(&format!("{day}-{number}"), card, minor, CaptureMethod::Automatic);
            bring_to_rest(world, &id).await;
            if (day, number) == (0, 3) {
                refund(world, &id).await;
            }
        }
        world.now.set(world.now.get() + DAY_MILLIS);
    }
    world.now.set(world.now.get() - DAY_MILLIS);
    post(&books);
    (books, days.try_into().unwrap())
}

async fn refund(world: &World, id: &PaymentId) {
    let key: IdempotencyKey = "refund".parse().unwrap();
    let operation = OperationId::derive(id, OperationKind::Refund, &key);
    let wanted = Wanted::Refund { amount: Some(300), reason: None };
    let next = world.payment(id).accept(operation.clone(), wanted, "0".repeat(32), world.now()).unwrap();
    payments::ports::SavePayment::save(world, &next).await.unwrap();
    run(world, id, &operation).await;
}

/// Posts every version that moves money, once.
fn post(books: &Books) {
    for (payment, offset) in books.world.versions.borrow().iter().zip(0..) {
        let event = Event::of(payment);
        let entry = journal_entry(&event, Position { partition: 0, offset }).unwrap();
        let mut journal = books.journal.borrow_mut();
        let known = |id: &str| journal.iter().any(|there| there.event_id == id);
        if let Some(entry) = entry.filter(|entry| !known(&entry.event_id)) {
            journal.push(entry);
        }
    }
}

fn found(books: &Books) -> Vec<(ExceptionKind, State, Day)> {
    books.exceptions.borrow().values().map(|it| (it.kind, it.state(), it.first_seen)).collect()
}

/// The bank has what the reports of those days announce.
async fn pay_out(books: &Books, days: &[Day]) {
    for day in days {
        let text = books.original(Mode::Test, *day).await.unwrap();
        for funding in DailyReport::read(&text, &book(Mode::Test), *day).unwrap().fundings {
            let side = Side { amount: i64::try_from(funding.amount).unwrap(), cost: 0, currency: funding.currency };
            let credit = BankCredit { id: format!("bnk-{}", funding.reference), reference: funding.reference, side };
            let credited = Credited { gateway: Some(book(Mode::Test).gateway), credit };
            books.bank.borrow_mut().entry((Mode::Test, funding.value_date)).or_default().push(credited);
        }
    }
}

#[tokio::test]
async fn books_that_agree_have_no_exception_and_only_money_on_its_way() {
    let (books, days) = books().await;
    let response = books.ask(json!({ "run": { "day": days[0] } })).await.unwrap();
    let test = &response.days[0].document;
    assert_eq!((test.counts.rows, test.counts.movements), (5, 5));
    assert_eq!(found(&books), []);
    let totals = test.totals.values().next().unwrap();
    assert_eq!((totals.captured_by_ledger, totals.refunded_by_ledger), (4600, 300));
    assert_eq!((totals.cost_by_ledger, totals.cost_by_report), (38, 38), "two tariffs, one cost");
    assert_eq!((totals.receivable_by_ledger, totals.funded, totals.open), (4300 - 38, 4300 - 38, 0));
    assert_eq!(test.on_its_way.len(), 1);
    let page = &books.files.borrow()["test/simulated/2026-11-18.html"];
    assert!(page.contains("nothing open") && page.contains("FUND-SIMULATED-TEST-20261118-EUR"), "{page}");
    assert_eq!(response.days[1].document.counts.rows, 0, "live mode has books of its own");
}

/// Reports with a row too few and a row too many, a changed amount, and a row of the first day only on the second.
fn plant(books: &Books, days: &[Day; 3]) {
    let mut altered = books.altered.borrow_mut();
    altered.insert(
        days[0],
        Box::new(|report| {
            let mut again = report.rows[1].clone();
            again.id = "bk_again".to_owned();
            report.rows.push(again);
            report.rows[2].amount += 1;
            report.rows.remove(0);
        }),
    );
}

#[tokio::test]
async fn planted_differences_are_found_and_a_day_again_finds_the_same() {
    let (books, days) = books().await;
    plant(&books, &days);
    let missing = DailyReport::read(&books.original(Mode::Test, days[0]).await.unwrap(), &book(Mode::Test), days[0]);
    let missing = missing.unwrap().rows[0].clone();
    books.altered.borrow_mut().insert(days[1], Box::new(move |report| report.rows.push(missing.clone())));
    pay_out(&books, &days[..1]).await;
    books.ask(json!({ "run": { "day": days[0] } })).await.unwrap();
    let kinds: std::collections::BTreeSet<_> = found(&books).into_iter().map(|(kind, ..)| kind).collect();
    let expected = [ExceptionKind::MissingThere, ExceptionKind::Amount, ExceptionKind::Duplicate];
    assert_eq!(kinds, expected.into_iter().collect());
    let first = books.exceptions.borrow().clone();
    let again = books.ask(json!({ "run": { "day": days[0] } })).await.unwrap();
    assert_eq!(*books.exceptions.borrow(), first, "the same ids, and nothing written");
    assert_eq!(again.days[0].document.totals.values().next().unwrap().unexplained, 0);
    // The next run takes up where this one ended; the bank's credit is not posted by anyone.
    let next = books.ask(json!({ "detail-type": "Scheduled Event" })).await.unwrap();
    assert_eq!(next.days[0].document.day, days[1]);
    let late =
        found(&books).into_iter().filter(|(kind, state, _)| (*kind, *state) == (ExceptionKind::Late, State::Closed));
    assert_eq!(late.count(), 1);
    assert_eq!(next.days[0].document.late.len(), 1);
    let here: Vec<_> = found(&books).into_iter().filter(|(kind, ..)| *kind == ExceptionKind::MissingHere).collect();
    assert_eq!(here, [(ExceptionKind::MissingHere, State::Open, days[1])], "credited, and not in the ledger");
    assert!(books.ask(json!({ "detail-type": "Scheduled Event" })).await.unwrap().days.is_empty());
    assert_eq!(next.days[0].document.totals.values().next().unwrap().unexplained, 0);
}

#[tokio::test]
async fn a_second_row_on_a_later_day_is_a_duplicate_and_no_stranger() {
    let (books, days) = books().await;
    let row = DailyReport::read(&books.original(Mode::Test, days[0]).await.unwrap(), &book(Mode::Test), days[0]);
    let mut row = row.unwrap().rows[0].clone();
    row.id = "bk_again".to_owned();
    books.altered.borrow_mut().insert(days[1], Box::new(move |report| report.rows.push(row.clone())));
    books.ask(json!({ "run": { "day": days[0] } })).await.unwrap();
    books.ask(json!({ "run": { "day": days[1] } })).await.unwrap();
    let mut kinds: Vec<_> = found(&books).into_iter().map(|(kind, ..)| kind).collect();
    kinds.retain(|kind| *kind != ExceptionKind::MissingHere);
    assert_eq!(kinds, [ExceptionKind::Duplicate]);
}

#[tokio::test]
async fn a_refused_report_holds_its_day_and_a_good_one_releases_it() {
    let (books, days) = books().await;
    let good = books.original(Mode::Test, days[0]).await.unwrap();
    let bad = good.replacen("\"amount\":1", "\"amount\":-1", 1);
    books.replaced.borrow_mut().insert(days[0], bad);
    let response = books.ask(json!({ "run": { "day": days[0] } })).await.unwrap();
    let refused = response.days[0].document.refused.as_ref().unwrap();
    assert_eq!((refused.line, refused.reason.contains("amount: expected whole minor units")), (2, true));
    assert_eq!(found(&books), [(ExceptionKind::RefusedReport, State::Open, days[0])]);
    assert!(books.files.borrow()["test/simulated/2026-11-18.html"].contains("report refused"));
    books.replaced.borrow_mut().clear();
    books.ask(json!({ "run": { "day": days[0] } })).await.unwrap();
    assert_eq!(found(&books), [(ExceptionKind::RefusedReport, State::Withdrawn, days[0])]);
    // A report of a day that was reconciled is refused and changes nothing of it.
    let record = books.days.borrow()[&(book(Mode::Test), days[0])].clone();
    books.replaced.borrow_mut().insert(days[0], "{}\n".to_owned());
    books.ask(json!({ "run": { "day": days[0] } })).await.unwrap();
    assert_eq!(books.days.borrow()[&(book(Mode::Test), days[0])], record);
}

#[tokio::test]
async fn a_failure_before_or_after_any_call_changes_nothing_in_the_end() {
    let (calm, days) = books().await;
    plant(&calm, &days);
    calm.ask(json!({ "run": { "day": days[0] } })).await.unwrap();
    let calls = calm.calls.get();
    assert!(calls > 10);
    for call in 0..calls {
        for fault in [Fault::Before, Fault::After] {
            let (books, days) = books().await;
            plant(&books, &days);
            books.fails.set(Some((call, fault)));
            let _ = books.ask(json!({ "run": { "day": days[0] } })).await;
            books.ask(json!({ "run": { "day": days[0] } })).await.unwrap();
            assert_eq!(*books.exceptions.borrow(), *calm.exceptions.borrow(), "call {call} {fault:?}");
            assert_eq!(*books.days.borrow(), *calm.days.borrow(), "call {call} {fault:?}");
            assert_eq!(*books.files.borrow(), *calm.files.borrow(), "call {call} {fault:?}");
        }
    }
}

#[tokio::test]
async fn an_exception_is_resolved_once_and_a_day_again_keeps_that() {
    let (books, days) = books().await;
    plant(&books, &days);
    books.ask(json!({ "run": { "day": days[0] } })).await.unwrap();
    let id = books.exceptions.borrow().keys().next().unwrap().clone();
    let decide =
        |kind: &str, note: &str| json!({ "resolve": { "exception": id, "kind": kind, "note": note, "by": "ann" } });
    for _ in 0..2 {
        let answer = books.ask(decide("accepted", "agreed on the phone")).await.unwrap();
        assert_eq!(answer.exceptions[0].resolution.as_ref().unwrap().by, "ann");
    }
    let refused = books.ask(decide("written_off", "agreed on the phone")).await.unwrap_err();
    assert!(matches!(refused, reconcile::Error::ExceptionAlreadyClosed(_)), "{refused}");
    assert!(matches!(books.ask(decide("accepted", " ")).await, Err(reconcile::Error::DecisionWithoutReason)));
    books.ask(json!({ "run": { "day": days[0] } })).await.unwrap();
    let kept: Exception = books.exceptions.borrow()[&id].clone();
    assert_eq!(kept.state(), State::Resolved);
    let open = books.ask(json!({ "list": { "mode": "test" } })).await.unwrap().exceptions;
    assert!(!open.is_empty() && open.iter().all(|exception| exception.id != id));
    let nobody = json!({ "resolve": { "exception": "exc_20260101_0123456789abcdef", "kind": "accepted", "note": "x", "by": "y" } });
    assert!(matches!(books.ask(nobody).await, Err(reconcile::Error::ExceptionNotFound(_))));
}

#[tokio::test]
async fn today_can_only_be_looked_at_and_days_come_in_order() {
    let (books, days) = books().await;
    let run = |day: Day| json!({ "run": { "day": day } });
    assert!(matches!(books.ask(run(days[2])).await, Err(reconcile::Error::DayNotOver(_))));
    let look: Value = json!({ "run": { "preview": true } });
    let response = books.ask(look).await.unwrap();
    assert_eq!(response.days[0].document.day, days[2]);
    assert!(books.days.borrow().is_empty() && books.exceptions.borrow().is_empty());
    assert!(books.files.borrow().contains_key("test/simulated/2026-11-20-preview.html"));
    books.ask(run(days[0])).await.unwrap();
    assert!(matches!(books.ask(run(days[0].previous())).await, Err(reconcile::Error::DayOutOfOrder { .. })));
    books.ask(run(days[1])).await.unwrap();
}
