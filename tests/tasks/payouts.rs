//! Payouts from the balance to the bank and back: nobody is paid twice, whatever fails and whatever comes again.

use crate::bank_messages::{Line, back, camt053, camt054, credit, debit, pain002};
use crate::payout_world::{Desk, OURS, currency, owner};
use crate::world::Fault;
use gateways::bank::{camt, pain002 as reports};
use payments::payout::{PayoutKey, PayoutStatus};

const DAY: &str = "2026-11-24";
const NEXT: &str = "2026-11-25";
const IBAN: &str = "NL84MOCK0000000003";
const NAME: &str = "FLORIN-T-EUR-20261124-1";

/// Three merchants: 100 euros due and 5 dollars; 20 euros due with a refund of 5; a debt.
pub fn desk() -> Desk {
    let desk = Desk::new();
    for merchant in ["mer_a", "mer_b", "mer_c"] {
        desk.merchant(merchant, IBAN);
    }
    desk.owe("mer_a", "EUR", "2026-11-23", 6_000);
    desk.owe("mer_a", "EUR", DAY, 4_000);
    desk.owe("mer_a", "EUR", NEXT, 700);
    desk.owe("mer_a", "USD", DAY, 500);
    desk.owe("mer_b", "EUR", DAY, 2_000);
    desk.owe("mer_b", "EUR", "2026-11-20", -500);
    desk.owe("mer_c", "EUR", DAY, -300);
    desk
}

fn reference(desk: &Desk, merchant: &str) -> String {
    let key = PayoutKey::new(&owner(merchant), currency("EUR"), 1);
    desk.payouts.borrow()[&key].reference.clone()
}

/// What must be true after every test.
fn check(desk: &Desk, what: &str) {
    desk.post();
    assert_eq!(desk.sum(), 0, "{what}: the ledger");
    let mut versions: Vec<_> = desk.versions.borrow().iter().map(|it| (it.payout_id.clone(), it.version)).collect();
    let count = versions.len();
    versions.sort();
    versions.dedup();
    assert_eq!(versions.len(), count, "{what}: a version was made twice");
    // Every payout that left is in exactly one file that the bank took.
    let files = desk.files.borrow();
    for payout in desk.payouts.borrow().values().filter(|it| it.stage.status() != PayoutStatus::Created) {
        let within = files.values().filter(|file| file.payouts.contains(&payout.key)).count();
        assert_eq!(within, 1, "{what}: files of {}", payout.payout_id);
        let taken = desk.taken.borrow();
        let named = taken.values().filter(|(bytes, _)| String::from_utf8_lossy(bytes).contains(&payout.reference));
        assert_eq!(named.count(), 1, "{what}: files of {} at the bank", payout.payout_id);
    }
}

#[tokio::test]
async fn what_is_due_is_paid_once_and_a_debt_is_carried_forward() {
    let desk = desk();
    for _ in 0..2 {
        assert!(desk.run(DAY).await);
        desk.post();
    }
    let amounts: Vec<_> = desk.payouts.borrow().values().map(|it| (it.amount.to_string(), it.lines.len())).collect();
    assert_eq!(amounts, [("100.00 EUR".to_owned(), 2), ("5.00 USD".to_owned(), 1), ("15.00 EUR".to_owned(), 2)]);
    assert_eq!(desk.taken.borrow().len(), 2, "one file per account");
    assert_eq!(desk.balance("test:merchant:mer_a:payable"), -700, "what is due tomorrow stays");
    assert_eq!(desk.balance("test:merchant:mer_c:payable"), 300, "the debt stays");
    assert_eq!(desk.balance("test:own:payouts-in-transit"), -11_500);
    check(&desk, "twice");
    // The debt is set off against what comes.
    desk.owe("mer_c", "EUR", NEXT, 1_000);
    assert!(desk.run(NEXT).await);
    let key = PayoutKey::new(&owner("mer_c"), currency("EUR"), 1);
    assert_eq!(desk.payouts.borrow()[&key].amount.to_string(), "7.00 EUR");
    check(&desk, "the next day");
    assert!(desk.run(DAY).await, "a day that is over changes nothing");
    assert_eq!(desk.payouts.borrow().len(), 5);
}

#[tokio::test]
async fn nothing_is_paid_before_the_payout_before_is_in_the_ledger() {
    let desk = desk();
    assert!(desk.run(DAY).await);
    assert!(!desk.run(NEXT).await, "the balances still have what was paid");
    assert_eq!(desk.payouts.borrow().len(), 3);
    desk.post();
    assert!(desk.run(NEXT).await);
    assert_eq!(desk.payouts.borrow().len(), 4);
    check(&desk, "posted");
}

#[tokio::test]
async fn on_a_holiday_nobody_is_paid() {
    let desk = desk();
    assert!(desk.run("2026-12-25").await, "Christmas, a Friday");
    assert!(desk.run("2026-11-28").await, "a Saturday");
    assert_eq!(desk.payouts.borrow().len(), 0);
}

#[tokio::test]
async fn a_failure_before_or_after_any_call_pays_nobody_twice() {
    let run = async |fault: Option<(u32, Fault)>| {
        let desk = desk();
        desk.fault.set(fault);
        desk.settle(DAY).await;
        let (a, b) = (reference(&desk, "mer_a"), reference(&desk, "mer_b"));
        // A merchant that a failure kept out of the first file is in the second.
        let files: Vec<_> = desk.files.borrow().values().filter(|file| file.account == "test#EUR").cloned().collect();
        for (index, file) in files.iter().enumerate() {
            let within = |merchant| file.payouts.contains(&PayoutKey::new(&owner(merchant), currency("EUR"), 1));
            let said = [("mer_a", (a.as_str(), "ACCP", None)), ("mer_b", (b.as_str(), "RJCT", Some("AC04")))];
            let said: Vec<_> = said.into_iter().filter(|(merchant, _)| within(merchant)).map(|(_, it)| it).collect();
            desk.arrives(reports::MESSAGE, &pain002(&format!("R{index}"), &file.name, "<GrpSts>PART</GrpSts>", &said));
        }
        let lines = || [debit("M1", 10_000, &a), credit("M2", 9_000, "FUND-SIMULATED-test-20261124-EUR")];
        desk.arrives(camt::NOTIFICATION, &camt054("N1", OURS, &lines()));
        desk.arrives(camt::STATEMENT, &camt053("S1", 50_000, 49_000, &lines()));
        desk.settle(DAY).await;
        desk.settle(DAY).await;
        desk
    };
    let calls = run(None).await.calls.get();
    assert!(calls > 60, "{calls} calls");
    for fault in [Fault::Before, Fault::After] {
        for call in 0..calls {
            let what = format!("{fault:?} {call}");
            let desk = run(Some((call, fault))).await;
            check(&desk, &what);
            let expected = [PayoutStatus::Paid, PayoutStatus::Sent, PayoutStatus::Failed];
            assert_eq!(desk.statuses(), expected, "{what}");
            assert_eq!(desk.balance("test:own:bank"), -1_000, "{what}");
            assert_eq!(desk.balance("test:own:payouts-in-transit"), 0, "{what}");
            assert_eq!(desk.balance("test:merchant:mer_b:payable"), -1_500, "{what}");
        }
    }
}

#[tokio::test]
async fn a_payout_that_comes_back_is_due_again_and_paid_the_next_day() {
    let desk = desk();
    assert!(desk.run(DAY).await);
    desk.post();
    let a = reference(&desk, "mer_a");
    desk.arrives(camt::NOTIFICATION, &camt054("N1", OURS, &[debit("M1", 10_000, &a)]));
    desk.arrives(camt::NOTIFICATION, &camt054("N2", OURS, &[back("M2", 10_000, &a)]));
    assert_eq!(desk.listen().await, Some((2, 0)));
    check(&desk, "returned");
    assert_eq!(desk.statuses()[0], PayoutStatus::Returned);
    assert_eq!(desk.balance("test:own:bank"), 0);
    assert_eq!(desk.balance("test:merchant:mer_a:payable"), -10_700);
    assert!(desk.run(NEXT).await);
    check(&desk, "paid again");
    let key = PayoutKey::new(&owner("mer_a"), currency("EUR"), 2);
    assert_eq!(desk.payouts.borrow()[&key].amount.to_string(), "107.00 EUR");
}

#[tokio::test]
async fn a_report_on_a_duplicate_file_or_on_a_whole_file_is_understood() {
    let rows = [
        ("<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>DUPL</Cd></Rsn></StsRsnInf>", PayoutStatus::Sent),
        ("<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf>", PayoutStatus::Failed),
        ("<GrpSts>ACCP</GrpSts>", PayoutStatus::Accepted),
        ("<GrpSts>RCVD</GrpSts>", PayoutStatus::Sent),
    ];
    for (group, expected) in rows {
        let desk = desk();
        assert!(desk.run(DAY).await);
        desk.arrives(reports::MESSAGE, &pain002("R1", NAME, group, &[]));
        assert_eq!(desk.listen().await, Some((1, 0)), "{group}");
        assert_eq!(desk.statuses(), [expected, PayoutStatus::Sent, expected], "{group}");
        check(&desk, group);
    }
}

#[tokio::test]
async fn money_that_nobody_knows_waits_in_suspense() {
    let desk = desk();
    assert!(desk.run(DAY).await);
    let a = reference(&desk, "mer_a");
    let lines = [
        credit("M1", 1_234, "thank you"),
        debit("M2", 9_999, &a), // not its amount
        debit("M3", 50, "fee"),
        back("M4", 10_000, &a), // it was never paid
    ];
    desk.arrives(camt::NOTIFICATION, &camt054("N1", OURS, &lines));
    assert_eq!(desk.listen().await, Some((1, 0)));
    check(&desk, "suspense");
    assert_eq!(desk.balance("test:own:suspense"), -1_234 + 9_999 + 50 - 10_000);
    assert_eq!(desk.statuses()[0], PayoutStatus::Sent);
}

#[tokio::test]
async fn a_bad_message_is_refused_whole_with_the_line_and_the_reason() {
    let good = || [debit("M1", 10_000, "{a}"), credit("M2", 100, "FUND-SIMULATED-x")];
    let statement = |opening, closing, lines: &[Line<'_>]| camt053("S1", opening, closing, lines);
    let notified = camt054("N1", OURS, &good());
    let reported = pain002("R1", NAME, "", &[("{a}", "ACCP", None), ("{b}", "RJCT", Some("AC04"))]);
    let rows = [
        ("not well formed", camt::NOTIFICATION, notified.replacen("</Ntry>", "", 1), 7, "not well formed"),
        ("cut off", camt::NOTIFICATION, notified[..notified.len() - 30].to_owned(), 7, "not well formed"),
        (
            "a document type",
            camt::NOTIFICATION,
            notified.replacen("<b:Doc", "<!DOCTYPE x><b:Doc", 1),
            2,
            "document type",
        ),
        ("another message", camt::STATEMENT, notified.clone(), 2, "expected Document of camt.053"),
        ("a foreign element", camt::NOTIFICATION, notified.replacen("<Sts>", "<Tip>1</Tip><Sts>", 1), 5, "Tip"),
        ("a missing element", camt::NOTIFICATION, notified.replacen("<BkTxCd></BkTxCd>", "", 1), 5, "no BkTxCd"),
        ("another account", camt::NOTIFICATION, notified.replace(OURS, IBAN), 3, "not an account of ours"),
        ("another currency", camt::NOTIFICATION, notified.replacen("\"EUR\"", "\"USD\"", 1), 5, "Ccy"),
        ("a third decimal", camt::NOTIFICATION, notified.replacen("100.00", "100.001", 1), 5, "expected an amount"),
        ("no date", camt::NOTIFICATION, notified.replacen("2026-11-25</Dt>", "2026-11-31</Dt>", 1), 5, "date"),
        ("sums", camt::STATEMENT, statement(50_000, 40_000, &good()), 6, "closing balance"),
        ("another file", reports::MESSAGE, reported.replace(NAME, "OTHER"), 1, "no file of ours"),
        ("another transfer", reports::MESSAGE, reported.replace("{b}", "0123"), 7, "no transfer of that reference"),
        ("an unknown status", reports::MESSAGE, reported.replace("ACCP", "FINE"), 6, "FINE"),
        ("twice", reports::MESSAGE, reported.replace("{b}", "{a}"), 7, "two things"),
        ("an unknown message", "camt.029.001.09", notified.clone(), 1, "no message that we read"),
    ];
    for (what, kind, body, line, reason) in rows {
        let desk = desk();
        assert!(desk.run(DAY).await);
        let before = (desk.versions.borrow().len(), desk.balance("test:own:bank"));
        let body = body.replace("{a}", &reference(&desk, "mer_a")).replace("{b}", &reference(&desk, "mer_b"));
        desk.arrives(kind, &body);
        assert_eq!(desk.listen().await, Some((0, 1)), "{what}");
        assert_eq!(desk.listen().await, Some((0, 0)), "{what}, again");
        let refused = desk.read.borrow()["1"].refused.clone().unwrap();
        assert!(refused.reason.contains(reason), "{what}: {refused:?}");
        assert_eq!(refused.line, line, "{what}: {refused:?}");
        desk.post();
        assert_eq!((desk.versions.borrow().len(), desk.balance("test:own:bank")), before, "{what}");
        assert!(desk.movements.borrow().is_empty() && desk.names.borrow().is_empty(), "{what}");
    }
}

#[tokio::test]
async fn a_message_that_was_seen_before_is_refused() {
    let desk = desk();
    assert!(desk.run(DAY).await);
    let a = reference(&desk, "mer_a");
    let first = camt054("N1", OURS, &[debit("M1", 10_000, &a)]);
    desk.arrives(camt::NOTIFICATION, &first);
    desk.arrives(camt::NOTIFICATION, &first.replace("M1", "M9"));
    desk.arrives(camt::NOTIFICATION, &first.replace("<b:MsgId>N1", "<b:MsgId>N2").replace("M1", "M9"));
    assert_eq!(desk.listen().await, Some((1, 2)));
    check(&desk, "seen before");
    assert_eq!(desk.balance("test:own:bank"), -10_000);
}
