//! One day of one book: the three witnesses, what is open from before, and what becomes of it.

use super::exception::{Exception, ExceptionId, ExceptionKind};
use super::journal::Movement;
use super::matching::{Matched, Statement, Witness, put_together, repeats};
use super::report::DailyReport;
use super::side::{BankCredit, Book, Day, Side, Subject};
use super::totals::{Position, Sums, Totals, add};
use crate::currency::Currency;
use crate::id::PaymentId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The most items that one day hands to the next: with them its record stays below the 400 KB of a DynamoDB item.
pub const MAX_CARRIED: usize = 800;
/// How long a complete funding is remembered, so that a second one is known for what it is.
const REMEMBERED_DAYS: u32 = 92;

/// Something that not all its witnesses have seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// What it is.
    pub subject: Subject,
    /// By what all know it.
    pub reference: String,
    /// The payment, unless it is a funding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// The day on which it was seen first.
    pub since: Day,
    /// The day on which all should have seen it.
    pub expected_on: Day,
    /// What the report says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Side>,
    /// What the bank says, of a funding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank: Option<Side>,
    /// What the ledger says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Side>,
    /// The exception that was raised about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<ExceptionId>,
}

/// What a reconciled day hands to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// Sums by currency.
    pub positions: BTreeMap<Currency, Position>,
    /// What is not complete.
    pub open: Vec<Open>,
    /// Fundings that became complete lately, with the day.
    pub funded: BTreeMap<String, Day>,
}

impl Open {
    /// What is wrong with it, as a sentence.
    fn detail(&self, kind: ExceptionKind) -> String {
        let subject = self.subject;
        let having = [("report", self.report), ("bank statement", self.bank), ("ledger", self.ledger)];
        let names = |there: bool| {
            let needed = having.iter().filter(|(name, _)| subject == Subject::Funding || *name != "bank statement");
            let chosen = needed.filter(|(_, side)| side.is_some() == there).map(|(name, _)| format!("the {name}"));
            chosen.collect::<Vec<_>>().join(" and ")
        };
        match kind {
            ExceptionKind::MissingHere | ExceptionKind::MissingThere | ExceptionKind::Late => {
                format!("a {subject} that {} has, and {} has not", names(true), names(false))
            }
            ExceptionKind::Amount => format!("a {subject} with different amounts or costs"),
            ExceptionKind::Currency => format!("a {subject} in different currencies"),
            ExceptionKind::Duplicate => format!("a {subject} that {} has once more", names(true)),
            ExceptionKind::RefusedReport
            | ExceptionKind::RefusedBankFile
            | ExceptionKind::RefusedInvoice
            | ExceptionKind::PayoutNotClosed => format!("a {subject} that was refused"),
        }
    }
}

/// What the three witnesses say of a day.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The gateway.
    pub report: &'a DailyReport,
    /// The ledger.
    pub ledger: &'a [Movement],
    /// The bank.
    pub bank: &'a [BankCredit],
    /// Captures and refunds of the report that were complete on an earlier day: here they are duplicates.
    pub completed: &'a BTreeSet<String>,
}

/// What was missing, and is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Late {
    /// The exception that said so.
    pub id: ExceptionId,
    /// With all its sides.
    pub item: Open,
}

/// A reconciled day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// What does not agree, found on this day, in a stable order.
    pub raised: Vec<Exception>,
    /// What did not agree on an earlier day, and is complete now.
    pub late: Vec<Late>,
    /// For the next day.
    pub closing: Closing,
    /// By currency.
    pub totals: BTreeMap<Currency, Totals>,
}

/// So much does not agree that the day cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} items are open at the end of {1}: expected at most {MAX_CARRIED}; is it the report of another account?")]
pub struct TooManyOpen(pub usize, pub Day);

/// Holds the witnesses of a day against one another. The same arguments give the same answer.
pub fn reconcile(book: &Book, day: Day, evidence: Evidence<'_>, opening: &Closing) -> Result<Reconciled, TooManyOpen> {
    let mut work = Work::new(book, day, opening);
    let statements = statements(evidence);
    statements.iter().for_each(|statement| work.count(statement));
    let mut groups = BTreeMap::<(bool, String), (Option<Open>, Vec<Statement>)>::new();
    for open in &opening.open {
        groups.entry(group(open.subject, &open.reference)).or_default().0 = Some(open.clone());
    }
    for statement in statements {
        groups.entry(group(statement.subject, &statement.reference)).or_default().1.push(statement);
    }
    for (_, (open, statements)) in groups {
        let known = statements.first().is_some_and(|first| work.was_complete(first, evidence.completed));
        if open.is_none() && known {
            work.duplicates(statements);
        } else if let Some(matched) = put_together(open, statements, day) {
            work.matched(matched);
        }
    }
    work.finish()
}

fn statements(evidence: Evidence<'_>) -> Vec<Statement> {
    let rows = evidence.report.rows.iter().map(Statement::from);
    let fundings = evidence.report.fundings.iter().map(Statement::from);
    let ledger = evidence.ledger.iter().map(Statement::from);
    rows.chain(fundings).chain(evidence.bank.iter().map(Statement::from)).chain(ledger).collect()
}

/// Captures and refunds are matched by their ids, fundings among themselves.
fn group(subject: Subject, reference: &str) -> (bool, String) {
    (subject == Subject::Funding, reference.to_owned())
}

struct Work<'a> {
    book: &'a Book,
    day: Day,
    sums: Sums,
    done: Reconciled,
}

impl<'a> Work<'a> {
    fn new(book: &'a Book, day: Day, opening: &Closing) -> Self {
        let positions = opening.positions.clone();
        let totals = positions.keys().map(|currency| (*currency, Totals::default())).collect();
        let mut done = Reconciled::default();
        let remembered = opening.funded.iter().filter(|(_, complete)| complete.days_until(day) <= REMEMBERED_DAYS);
        done.closing.funded = remembered.map(|(reference, complete)| (reference.clone(), *complete)).collect();
        Self { book, day, sums: Sums { positions, totals }, done }
    }

    /// Adds one statement to the sums.
    fn count(&mut self, statement: &Statement) {
        let Side { amount, cost, currency } = statement.side;
        let net = statement.side.net();
        let is_funding = statement.subject == Subject::Funding;
        match (statement.witness, is_funding) {
            (Witness::Report, true) => {
                add(&mut self.sums.position(currency).announced, amount);
                add(&mut self.sums.total(currency).announced, amount);
            }
            (Witness::Bank, _) => add(&mut self.sums.total(currency).credited, amount),
            (Witness::Ledger, true) => add(&mut self.sums.position(currency).ledger, -amount),
            (Witness::Ledger, false) => {
                add(&mut self.sums.position(currency).ledger, net);
                let total = self.sums.total(currency);
                add(&mut total.captured_by_ledger, amount.max(0));
                add(&mut total.refunded_by_ledger, amount.min(0).saturating_neg());
                add(&mut total.cost_by_ledger, cost);
            }
            (Witness::Report, false) => {
                add(&mut self.sums.position(currency).reported, net);
                let total = self.sums.total(currency);
                add(&mut total.captured_by_report, amount.max(0));
                add(&mut total.refunded_by_report, amount.min(0).saturating_neg());
                add(&mut total.cost_by_report, cost);
            }
        }
    }

    fn was_complete(&self, statement: &Statement, completed: &BTreeSet<String>) -> bool {
        let reference = &statement.reference;
        let is_funding = statement.subject == Subject::Funding;
        if is_funding { self.done.closing.funded.contains_key(reference) } else { completed.contains(reference) }
    }

    fn matched(&mut self, Matched { mut item, arrived_before, extra }: Matched) {
        self.duplicates(extra);
        if !arrived_before {
            self.note_arrival(&item);
        }
        if !item.is_complete() {
            if let (None, Some(kind)) = (&item.exception, item.lack(self.day)) {
                item.exception = Some(self.raise(kind, &item, ""));
            }
            self.done.closing.open.push(item);
            return;
        }
        if item.subject == Subject::Funding {
            self.done.closing.funded.insert(item.reference.clone(), self.day);
        }
        if let Some(kind) = item.disagreement() {
            self.raise(kind, &item, "");
            self.explain(&item);
        }
        if let Some(id) = item.exception.clone() {
            self.done.late.push(Late { id, item });
        }
    }

    /// An announced funding that the bank has is on its way no more.
    fn note_arrival(&mut self, item: &Open) {
        if let (Some(_), Some(announced)) = (item.bank, item.report) {
            add(&mut self.sums.position(announced.currency).arrived, announced.amount);
        }
    }

    fn duplicates(&mut self, statements: Vec<Statement>) {
        for (name, item) in repeats(statements, self.day) {
            self.raise(ExceptionKind::Duplicate, &item, &name);
            self.note_arrival(&item);
            self.explain(&item);
        }
    }

    /// Nothing is waited for any more: the difference stays.
    fn explain(&mut self, item: &Open) {
        for (currency, effect) in item.effect() {
            add(&mut self.sums.position(currency).explained, effect);
        }
    }

    /// Raises an exception about the item; `name` tells it from others of its kind under the same reference.
    fn raise(&mut self, kind: ExceptionKind, item: &Open, name: &str) -> ExceptionId {
        let subject = item.subject.to_string();
        let id = ExceptionId::derive(self.book, self.day, kind, &[&subject, &item.reference, name]);
        let exception = Exception {
            id: id.clone(),
            gateway: self.book.gateway.clone(),
            mode: self.book.mode,
            kind,
            subject: item.subject,
            reference: item.reference.clone(),
            payment_id: item.payment_id.clone(),
            first_seen: self.day,
            ledger: item.ledger,
            report: item.report,
            bank: item.bank,
            detail: item.detail(kind),
            appeared: None,
            withdrawn: false,
            resolution: None,
            revision: 1,
        };
        self.done.raised.push(exception);
        id
    }

    fn finish(mut self) -> Result<Reconciled, TooManyOpen> {
        let open = self.done.closing.open.len();
        if open > MAX_CARRIED {
            return Err(TooManyOpen(open, self.day));
        }
        let mut carried = BTreeMap::<Currency, i64>::new();
        for (currency, effect) in self.done.closing.open.iter().flat_map(Open::effect) {
            add(carried.entry(currency).or_default(), effect);
            self.sums.total(currency);
        }
        for (currency, total) in &mut self.sums.totals {
            let position = self.sums.positions.get(currency).copied().unwrap_or_default();
            total.close(&position, carried.get(currency).copied().unwrap_or(0));
        }
        self.done.closing.positions = self.sums.positions;
        self.done.totals = self.sums.totals;
        self.done.raised.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(self.done)
    }
}
