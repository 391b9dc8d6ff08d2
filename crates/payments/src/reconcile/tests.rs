//! Planted differences, one by one and many at once in random books: exactly the planted ones are found.

mod planted;

use super::*;
use crate::timestamp::Timestamp;
use planted::{Books, Found, OF_FUNDINGS, OF_MOVEMENTS, Plant, book, currency, day};
use std::collections::{BTreeMap, BTreeSet};

/// A month's worth of numbers that look random and are always the same.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn each_planted_difference_is_found_by_its_name_and_nothing_else() {
    let (first, last) = (day("2026-11-02"), day("2026-11-06"));
    let plants = OF_MOVEMENTS.map(Some).into_iter().chain([None]);
    for plant in plants {
        for number in [3, 4] {
            let mut books = Books::new(last);
            books.movement(0, first, 1999, "EUR", None);
            books.movement(number, first, 500, "EUR", plant);
            let (found, ..) = books.run(first);
            assert_eq!(found, books.expected, "{plant:?} on movement {number}");
        }
    }
    for plant in OF_FUNDINGS {
        let mut books = Books::new(last);
        books.funding(first, 1980, "EUR", None);
        books.funding(first.next(), 1500, "EUR", Some(plant));
        let (found, ..) = books.run(first);
        assert_eq!(found, books.expected, "{plant:?}");
    }
}

#[test]
fn random_books_give_exactly_the_planted_exceptions() {
    for seed in 0..300 {
        let mut chance = Chance(seed);
        let (first, last) = (day("2026-11-02"), day("2026-11-12"));
        let mut books = Books::new(last);
        let mut number = 0;
        let mut now = first;
        while now.days_until(last) > 3 {
            for _ in 0..chance.below(12) {
                let code = ["EUR", "JPY", "KWD"][chance.below(3) as usize];
                let planted = chance.below(6) == 0;
                let plant = planted.then(|| OF_MOVEMENTS[chance.below(8) as usize]);
                books.movement(number, now, 100 + chance.below(10_000), code, plant);
                number += 1;
            }
            for code in ["EUR", "JPY", "KWD"] {
                let planted = chance.below(6) == 0;
                let plant = planted.then(|| OF_FUNDINGS[chance.below(6) as usize]);
                books.funding(now, 1000 + chance.below(100_000), code, plant);
            }
            now = now.next();
        }
        let (found, raised, _) = books.run(first);
        assert_eq!(found, books.expected, "seed {seed}");
        let ids: BTreeSet<_> = raised.iter().map(|exception| exception.id.clone()).collect();
        assert_eq!(ids.len(), raised.len(), "seed {seed}: each exception has an id of its own");
    }
}

#[test]
fn books_that_agree_close_at_the_same_receivable() {
    let (first, last) = (day("2026-11-02"), day("2026-11-06"));
    let mut books = Books::new(last);
    books.movement(0, first, 2000, "EUR", None);
    books.movement(4, first, 500, "EUR", None);
    books.funding(first, 1480, "EUR", None);
    books.movement(1, last, 3000, "EUR", None);
    let (found, _, done) = books.run(first);
    assert_eq!(found, Found::new());
    let totals = done.totals[&currency("EUR")];
    assert_eq!((totals.receivable_by_ledger, totals.receivable_by_report), (2970, 2970));
    assert_eq!((totals.funded, totals.open, totals.explained), (0, 2970, 0));
}

#[test]
fn a_second_row_or_credit_on_a_later_day_is_a_duplicate() {
    let (first, last) = (day("2026-11-02"), day("2026-11-06"));
    let mut books = Books::new(last);
    books.funding(first, 1000, "EUR", None);
    let (.., done) = books.run(first);
    let side = Side { amount: 1000, cost: 0, currency: currency("EUR") };
    let reference = format!("FUND-{}-EUR", first.compact());
    let credit = BankCredit { id: "again".to_owned(), reference, side };
    let mut books = Books::new(last);
    books.movement(0, last, 700, "EUR", None);
    let rows = &books.said.rows[&last];
    let report = DailyReport { rows: rows.clone(), ..DailyReport::default() };
    let completed = BTreeSet::from([movement_reference(&rows[0].key).1]);
    let evidence = Evidence { report: &report, ledger: &[], bank: &[credit], completed: &completed };
    let done = reconcile(&book(), last.next(), evidence, &done.closing).expect("few are open");
    let kinds: Vec<_> = done.raised.iter().map(|exception| (exception.kind, exception.subject)).collect();
    assert_eq!(kinds.len(), 2);
    assert!(kinds.iter().all(|(kind, _)| *kind == ExceptionKind::Duplicate), "{kinds:?}");
    assert_eq!(done.totals[&currency("EUR")].unexplained, 0);
}

#[test]
fn a_report_with_one_bad_line_is_refused_whole_with_line_and_reason() {
    let on = day("2026-11-03");
    let mut books = Books::new(on);
    books.movement(0, on, 1999, "EUR", None);
    books.movement(1, on, 500, "JPY", None);
    books.funding(on, 100, "EUR", None);
    let rows = books.said.rows[&on].clone();
    let mut report = DailyReport { rows, fundings: books.said.fundings[&on].clone(), balances: BTreeMap::new() };
    report.balances = report.sums(&BTreeMap::new());
    let good = report.write(&book(), on);
    assert_eq!(DailyReport::read(&good, &book(), on), Ok(report));
    let check = |from: &str, to: &str, line: usize, reason: &str| {
        assert!(good.contains(from), "{from}");
        let bad = good.replacen(from, to, 1);
        let error = DailyReport::read(&bad, &book(), on).expect_err(reason);
        assert_eq!((error.line, error.reason.contains(reason)), (line, true), "{from} as {to}: {error}");
    };
    check("\"version\":1", "\"version\":2", 1, "version: expected 1");
    check("2026-11-03", "2026-11-04", 1, "expected the report of test#simulated for 2026-11-03");
    check("\"mode\":\"test\"", "\"mode\":\"live\"", 1, "it is of live#simulated");
    check("\"amount\":1999", "\"amount\":-1999", 2, "amount: expected whole minor units");
    check("\"amount\":1999", "\"amount\":19.99", 2, "amount: expected whole minor units");
    check("\"cost\":19,", "\"cost\":\"19\",", 2, "cost: expected whole minor units");
    check("\"currency\":\"EUR\"", "\"currency\":\"EUX\"", 2, "currency: unknown currency");
    check("\"kind\":\"capture\"", "\"kind\":\"gift\"", 2, "unknown variant `gift`");
    check("\"kind\":\"capture\",", "\"kind\":\"capture\",\"tip\":1,", 2, "unknown field `tip`");
    check("\"row-1\"", "\"row-0\"", 3, "id: row-0 is there twice");
    check("\"booked_on\":\"2026-11-03\"", "\"booked_on\":\"2026-11-31\"", 2, "booked_on: expected a date");
    check(
        "\"booked_on\":\"2026-11-03\"",
        "\"booked_on\":\"2026-11-04\"",
        2,
        "booked_on: expected 2026-11-03 or earlier",
    );
    check(
        "\"value_date\":\"2026-11-04\"",
        "\"value_date\":\"2026-11-02\"",
        4,
        "value_date: expected 2026-11-03 or later",
    );
    check("\"amount\":1999", "\"amount\":1998", 5, "balances, EUR: the trailer says");
    check("\"rows\":2", "\"rows\":3", 5, "the trailer counts 3 rows");
    check("\"line\":\"trailer\",", "", 5, "missing field `line`");
    check("{\"line\":\"funding\"", "{\"line\":\"funding\"\n", 4, "the line is not JSON");
    let cut: String = good.lines().take(3).map(|line| format!("{line}\n")).collect();
    let error = DailyReport::read(&cut, &book(), on).expect_err("cut off");
    assert_eq!(error.to_string(), "line 4: expected the trailer: the report is cut off");
    let more = format!("{good}{{}}\n");
    assert!(DailyReport::read(&more, &book(), on).expect_err("more").reason.contains("nothing after the trailer"));
    assert_eq!(DailyReport::read("", &book(), on).expect_err("empty").line, 1);
    assert_eq!(refused_report(&book(), on, &error).kind, ExceptionKind::RefusedReport);
}

#[test]
fn an_exception_is_resolved_once_and_ages_by_both_calendars() {
    let (first, last) = (day("2026-11-05"), day("2026-11-06"));
    let mut books = Books::new(last);
    books.movement(0, first, 700, "EUR", Some(Plant::NotInReport));
    let (_, raised, _) = books.run(first);
    let exception = raised[0].clone();
    assert_eq!(exception.age(day("2026-11-10")), (5, 3)); // from Thursday to Tuesday
    assert_eq!(exception.id.as_str().parse(), Ok(exception.id.clone()));
    assert_eq!(exception.state(), State::Open);
    let now = Timestamp::from_millis(1_795_000_000_000);
    let decide = |kind, note: &str, by: &str| Resolution::try_new(kind, note, by, now).expect("a note");
    let resolved = exception.clone().resolved(decide(ResolutionKind::Accepted, "known", "ann")).expect("open");
    assert_eq!(resolved.state(), State::Resolved);
    let again = resolved.clone().resolved(decide(ResolutionKind::Accepted, "known", "bob"));
    assert_eq!(again.as_ref(), Ok(&resolved));
    for (kind, note) in [(ResolutionKind::WrittenOff, "known"), (ResolutionKind::Accepted, "another")] {
        let refused = resolved.clone().resolved(decide(kind, note, "ann")).expect_err("another decision");
        assert_eq!(refused.how, Some(ResolutionKind::Accepted));
    }
    let item = Open {
        subject: exception.subject,
        reference: exception.reference.clone(),
        payment_id: exception.payment_id.clone(),
        since: first,
        expected_on: first,
        report: exception.ledger,
        bank: None,
        ledger: exception.ledger,
        exception: Some(exception.id.clone()),
    };
    let found_again = resolved.clone().found_again(exception.clone());
    assert_eq!(found_again, resolved, "a run that finds it again keeps the decision");
    let closed = exception.appeared(&item, last);
    assert_eq!((closed.kind, closed.state()), (ExceptionKind::Late, State::Closed));
    assert!(closed.resolved(decide(ResolutionKind::Accepted, "known", "ann")).is_err());
    assert_eq!(Resolution::try_new(ResolutionKind::Accepted, "  ", "ann", now), None);
}
