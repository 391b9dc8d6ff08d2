//! Books in which differences are planted, each with what has to be found of it.

use super::super::*;
use crate::currency::Currency;
use crate::gateway::{GatewayKey, GatewayName, GatewayOperation};
use crate::id::{IdempotencyKey, Mode, OperationId, OperationKind, Owner, PaymentId};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn book() -> Book {
    Book { gateway: GatewayName("simulated".to_owned()), mode: Mode::Test }
}

pub(super) fn day(text: &str) -> Day {
    text.parse().expect(text)
}

pub(super) fn currency(code: &str) -> Currency {
    code.parse().expect(code)
}

/// What the witnesses will say, by day.
#[derive(Clone, Debug, Default)]
pub(super) struct Testimony {
    pub(super) rows: BTreeMap<Day, Vec<Row>>,
    pub(super) fundings: BTreeMap<Day, Vec<Funding>>,
    pub(super) ledger: BTreeMap<Day, Vec<Movement>>,
    pub(super) bank: BTreeMap<Day, Vec<BankCredit>>,
}

/// What is planted on a movement or a funding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Plant {
    NotInLedger,
    NotInReport,
    OtherAmount,
    OtherCost,
    OtherCurrency,
    RowTwice,
    RowLater,
    LedgerLater,
    NeverCredited,
    CreditedLess,
    NotAnnounced,
    CreditedTwice,
    CreditedLater,
    CreditNotPosted,
}

pub(super) const OF_MOVEMENTS: [Plant; 8] = [
    Plant::NotInLedger,
    Plant::NotInReport,
    Plant::OtherAmount,
    Plant::OtherCost,
    Plant::OtherCurrency,
    Plant::RowTwice,
    Plant::RowLater,
    Plant::LedgerLater,
];
pub(super) const OF_FUNDINGS: [Plant; 6] = [
    Plant::NeverCredited,
    Plant::CreditedLess,
    Plant::NotAnnounced,
    Plant::CreditedTwice,
    Plant::CreditedLater,
    Plant::CreditNotPosted,
];

/// What has to be found: kind, reference, day. For what comes late, both findings.
pub(super) type Found = BTreeSet<(String, String, Day)>;

pub(super) fn expect(found: &mut Found, kind: ExceptionKind, reference: &str, on: Day) {
    found.insert((kind.to_string(), reference.to_owned(), on));
}

pub(super) struct Books {
    pub(super) said: Testimony,
    pub(super) expected: Found,
    pub(super) last: Day,
}

impl Books {
    pub(super) fn new(last: Day) -> Self {
        Self { said: Testimony::default(), expected: Found::new(), last }
    }

    pub(super) fn movement(&mut self, number: u64, on: Day, minor: u64, code: &str, plant: Option<Plant>) {
        let owner = Owner { merchant_id: "mer_a".parse().expect("an id"), mode: Mode::Test };
        let name: IdempotencyKey = format!("payment-{number}").parse().expect("a key");
        let payment = PaymentId::derive(&owner, &name);
        let is_refund = number % 5 == 4;
        let operation =
            if is_refund { OperationId::derive(&payment, OperationKind::Refund, &name) } else { OperationId::pay() };
        let asked =
            if is_refund { GatewayOperation::Refund(&operation) } else { GatewayOperation::Capture(&operation) };
        let key = GatewayKey::new(&payment, asked, 1);
        let (payment_id, reference) = movement_reference(&key);
        let kind = if is_refund { RowKind::Refund } else { RowKind::Capture };
        let cost = if is_refund { 0 } else { minor / 100 };
        let currency = currency(code);
        let id = format!("row-{number}");
        let row = Row { id, key, kind, amount: minor, cost, currency, booked_on: on, reference: String::new() };
        let movement = Movement {
            event_id: format!("{payment}:6"),
            subject: row.subject(),
            reference: reference.clone(),
            payment_id,
            side: row.side(),
        };
        self.say(row, movement, on, plant);
    }

    pub(super) fn say(&mut self, mut row: Row, movement: Movement, on: Day, plant: Option<Plant>) {
        let reference = movement.reference.clone();
        let later = self.last.min(on.next().next());
        let (mut row_on, mut ledger_on) = (Some(on), Some(on));
        let mut found = |kind, on| expect(&mut self.expected, kind, &reference, on);
        match plant {
            None => {}
            Some(Plant::NotInLedger) => {
                ledger_on = None;
                found(ExceptionKind::MissingHere, on);
            }
            Some(Plant::NotInReport) => {
                row_on = None;
                found(ExceptionKind::MissingThere, on);
            }
            Some(Plant::OtherAmount) => {
                row.amount += 1;
                found(ExceptionKind::Amount, on);
            }
            Some(Plant::OtherCost) => {
                row.cost += 1;
                found(ExceptionKind::Amount, on);
            }
            Some(Plant::OtherCurrency) => {
                row.currency = currency("SEK");
                found(ExceptionKind::Currency, on);
            }
            Some(Plant::RowTwice) => {
                let again = Row { id: format!("{}-again", row.id), ..row.clone() };
                self.said.rows.entry(on).or_default().push(again);
                found(ExceptionKind::Duplicate, on);
            }
            Some(Plant::RowLater) => {
                row_on = Some(later);
                found(ExceptionKind::MissingThere, on);
                found(ExceptionKind::Late, later);
            }
            Some(Plant::LedgerLater) => {
                ledger_on = Some(later);
                found(ExceptionKind::MissingHere, on);
                found(ExceptionKind::Late, later);
            }
            Some(other) => panic!("{other:?} is for fundings"),
        }
        if let Some(on) = row_on {
            self.said.rows.entry(on).or_default().push(row);
        }
        if let Some(on) = ledger_on {
            self.said.ledger.entry(on).or_default().push(movement);
        }
    }

    pub(super) fn funding(&mut self, on: Day, minor: u64, code: &str, plant: Option<Plant>) {
        let reference = format!("FUND-{}-{code}", on.compact());
        let value_date = on.next();
        let currency = currency(code);
        let mut funding = Some(Funding { reference: reference.clone(), amount: minor, currency, value_date });
        let mut side = Side { amount: i64::try_from(minor).expect("small"), cost: 0, currency };
        let mut credited_on = Some(value_date);
        let mut found = |kind, on| expect(&mut self.expected, kind, &reference, on);
        match plant {
            Some(Plant::NeverCredited) => {
                credited_on = None;
                found(ExceptionKind::MissingHere, value_date);
            }
            Some(Plant::CreditedLess) => {
                side.amount -= 1;
                found(ExceptionKind::Amount, value_date);
            }
            Some(Plant::NotAnnounced) => {
                funding = None;
                found(ExceptionKind::MissingThere, value_date);
            }
            Some(Plant::CreditedTwice) => found(ExceptionKind::Duplicate, value_date),
            Some(Plant::CreditedLater) => {
                credited_on = Some(value_date.next());
                found(ExceptionKind::MissingHere, value_date);
                found(ExceptionKind::Late, value_date.next());
            }
            Some(Plant::CreditNotPosted) => found(ExceptionKind::MissingHere, value_date),
            Some(other) => panic!("{other:?} is for movements"),
            None => {}
        }
        self.said.fundings.entry(on).or_default().extend(funding);
        let Some(on) = credited_on else { return };
        for time in 0..if plant == Some(Plant::CreditedTwice) { 2 } else { 1 } {
            let id = format!("bank:{reference}:{time}");
            let credit = BankCredit { id: id.clone(), reference: reference.clone(), side };
            self.said.bank.entry(on).or_default().push(credit);
            if plant != Some(Plant::CreditNotPosted) {
                let subject = Subject::Funding;
                let movement = Movement { event_id: id, subject, reference: reference.clone(), payment_id: None, side };
                self.said.ledger.entry(on).or_default().push(movement);
            }
        }
    }

    /// Reconciles every day from `first` on; returns what was found.
    pub(super) fn run(&self, first: Day) -> (Found, Vec<Exception>, Reconciled) {
        let mut found = Found::new();
        let mut raised = Vec::new();
        let mut closing = Closing::default();
        let mut opening = BTreeMap::new();
        let mut now = first;
        loop {
            let mut report = DailyReport {
                rows: self.said.rows.get(&now).cloned().unwrap_or_default(),
                fundings: self.said.fundings.get(&now).cloned().unwrap_or_default(),
                balances: BTreeMap::new(),
            };
            report.balances = report.sums(&opening);
            opening = report.balances.iter().map(|(currency, balance)| (*currency, balance.closing)).collect();
            let read = DailyReport::read(&report.write(&book(), now), &book(), now).expect("a good report");
            assert_eq!(read, report);
            let evidence = Evidence {
                report: &read,
                ledger: self.said.ledger.get(&now).map(Vec::as_slice).unwrap_or_default(),
                bank: self.said.bank.get(&now).map(Vec::as_slice).unwrap_or_default(),
                completed: &BTreeSet::new(),
            };
            let done = reconcile(&book(), now, evidence, &closing).expect("few are open");
            assert_eq!(reconcile(&book(), now, evidence, &closing).as_ref(), Ok(&done), "a day gives the same again");
            for (currency, totals) in &done.totals {
                assert_eq!(totals.unexplained, 0, "{now}, {currency}: {totals:?}");
                assert_eq!(totals.receivable_by_report, totals.funded + totals.open, "{now}, {currency}");
            }
            for exception in &done.raised {
                expect(&mut found, exception.kind, &exception.reference, now);
            }
            for late in &done.late {
                assert!(raised.iter().any(|exception: &Exception| exception.id == late.id), "{late:?}");
                expect(&mut found, ExceptionKind::Late, &late.item.reference, now);
            }
            raised.extend(done.raised.clone());
            if now == self.last {
                return (found, raised, done);
            }
            closing = done.closing;
            now = now.next();
        }
    }
}
