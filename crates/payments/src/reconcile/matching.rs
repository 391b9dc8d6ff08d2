//! What the witnesses say under one reference, put together: one of each that belong to each other, and the rest, which
//! is there once too often.

use super::day::Open;
use super::exception::ExceptionKind;
use super::journal::Movement;
use super::report::{Funding, Row, movement_reference};
use super::side::{BankCredit, Day, Side, Subject};
use crate::currency::Currency;
use crate::id::PaymentId;

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Witness {
    Report,
    Bank,
    Ledger,
}

/// What one witness says once.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) witness: Witness,
    /// The witness's own name for it.
    pub(super) id: String,
    pub(super) subject: Subject,
    pub(super) reference: String,
    pub(super) payment_id: Option<PaymentId>,
    pub(super) side: Side,
    /// For a funding: when it is to be on the account.
    pub(super) expected_on: Option<Day>,
}

impl From<&Row> for Statement {
    fn from(row: &Row) -> Self {
        let (payment_id, reference) = movement_reference(&row.key);
        let (id, subject, side) = (row.id.clone(), row.subject(), row.side());
        Self { witness: Witness::Report, id, subject, reference, payment_id, side, expected_on: None }
    }
}

impl From<&Funding> for Statement {
    fn from(funding: &Funding) -> Self {
        Self {
            witness: Witness::Report,
            id: funding.reference.clone(),
            subject: Subject::Funding,
            reference: funding.reference.clone(),
            payment_id: None,
            side: funding.side(),
            expected_on: Some(funding.value_date),
        }
    }
}

impl From<&BankCredit> for Statement {
    fn from(credit: &BankCredit) -> Self {
        let (id, reference, side) = (credit.id.clone(), credit.reference.clone(), credit.side);
        let subject = Subject::Funding;
        Self { witness: Witness::Bank, id, subject, reference, payment_id: None, side, expected_on: None }
    }
}

impl From<&Movement> for Statement {
    fn from(movement: &Movement) -> Self {
        let Movement { event_id, subject, reference, payment_id, side } = movement.clone();
        Self { witness: Witness::Ledger, id: event_id, subject, reference, payment_id, side, expected_on: None }
    }
}

/// The statements under one reference, sorted out.
pub(super) struct Matched {
    /// One of each witness, as far as there is one.
    pub(super) item: Open,
    /// Whether report and bank had it before this day.
    pub(super) arrived_before: bool,
    /// What is there once too often.
    pub(super) extra: Vec<Statement>,
}

/// Puts what is said on `day` to what is open from before. Of several statements of one witness, the one that agrees with
/// another witness belongs to the item, else the first.
pub(super) fn put_together(open: Option<Open>, statements: Vec<Statement>, day: Day) -> Option<Matched> {
    let agreed = agreed(open.as_ref(), &statements);
    let arrived_before = open.as_ref().is_some_and(|open| open.report.is_some() && open.bank.is_some());
    let mut item = open.or_else(|| statements.first().map(|first| Open::begun(first, day)))?;
    let mut extra = Vec::new();
    let mut rest: Vec<Statement> = Vec::new();
    for statement in statements {
        let fits = agreed == Some(statement.side) && item.side(statement.witness).is_none();
        if fits { item.take(&statement) } else { rest.push(statement) }
    }
    for statement in rest {
        if item.side(statement.witness).is_none() { item.take(&statement) } else { extra.push(statement) }
    }
    Some(Matched { item, arrived_before, extra })
}

/// What is there once too often, as items: statements of different witnesses that agree are one and the same. With each
/// comes a name for it.
pub(super) fn repeats(statements: Vec<Statement>, day: Day) -> Vec<(String, Open)> {
    let mut items: Vec<(String, Open)> = Vec::new();
    for statement in statements {
        let fits = |(_, item): &&mut (String, Open)| {
            let sides = [Witness::Report, Witness::Bank, Witness::Ledger].map(|witness| item.side(witness));
            item.side(statement.witness).is_none() && sides.contains(&Some(statement.side))
        };
        if let Some((_, item)) = items.iter_mut().find(fits) {
            item.take(&statement);
            continue;
        }
        let mut item = Open::begun(&statement, day);
        item.take(&statement);
        items.push((format!("{} {}", statement.witness, statement.id), item));
    }
    items
}

/// What two different witnesses say, if any two say the same.
fn agreed(open: Option<&Open>, statements: &[Statement]) -> Option<Side> {
    let known = open.into_iter().flat_map(|open| {
        let sides = [Witness::Report, Witness::Bank, Witness::Ledger].map(|witness| (witness, open.side(witness)));
        sides.into_iter().filter_map(|(witness, side)| Some((witness, side?)))
    });
    let all: Vec<(Witness, Side)> = known.chain(statements.iter().map(|it| (it.witness, it.side))).collect();
    let agrees = |(witness, side): &&(Witness, Side)| all.iter().any(|(other, said)| other != witness && said == side);
    all.iter().find(agrees).map(|(_, side)| *side)
}

impl Open {
    fn begun(first: &Statement, day: Day) -> Self {
        let reference = first.reference.clone();
        let (subject, payment_id) = (first.subject, first.payment_id.clone());
        let (report, bank, ledger) = (None, None, None);
        let (since, expected_on, exception) = (day, day, None);
        Self { subject, reference, payment_id, since, expected_on, report, bank, ledger, exception }
    }

    pub(super) fn side(&self, witness: Witness) -> Option<Side> {
        match witness {
            Witness::Report => self.report,
            Witness::Bank => self.bank,
            Witness::Ledger => self.ledger,
        }
    }

    fn take(&mut self, statement: &Statement) {
        let place = match statement.witness {
            Witness::Report => &mut self.report,
            Witness::Bank => &mut self.bank,
            Witness::Ledger => &mut self.ledger,
        };
        *place = Some(statement.side);
        self.expected_on = statement.expected_on.unwrap_or(self.expected_on);
        self.payment_id = self.payment_id.take().or_else(|| statement.payment_id.clone());
    }

    /// Whether all have seen it whose business it is: of a funding, the bank too.
    pub(super) fn is_complete(&self) -> bool {
        self.report.is_some() && self.ledger.is_some() && (self.bank.is_some() || self.subject != Subject::Funding)
    }

    /// How those who have seen it disagree.
    pub(super) fn disagreement(&self) -> Option<ExceptionKind> {
        let sides: Vec<Side> = [self.report, self.bank, self.ledger].into_iter().flatten().collect();
        let first = sides.first()?;
        if sides.iter().any(|side| side.currency != first.currency) {
            return Some(ExceptionKind::Currency);
        }
        sides.iter().any(|side| side != first).then_some(ExceptionKind::Amount)
    }

    /// What is missing on `day`, if it is time to say so.
    pub(super) fn lack(&self, day: Day) -> Option<ExceptionKind> {
        let seen_here = self.bank.is_some() || self.ledger.is_some();
        match self.report {
            None => Some(ExceptionKind::MissingThere),
            Some(_) if seen_here || self.expected_on <= day => Some(ExceptionKind::MissingHere),
            Some(_) => None,
        }
    }

    /// By how much it makes the ledger's receivable more than the reports'.
    pub(super) fn effect(&self) -> Vec<(Currency, i64)> {
        let by_ledger = self.ledger.map(|side| (side.currency, effect_of(self.subject, Witness::Ledger, side)));
        let counts = self.subject != Subject::Funding || self.bank.is_some();
        let by_report = self.report.filter(|_| counts);
        let by_report = by_report.map(|side| (side.currency, effect_of(self.subject, Witness::Report, side)));
        by_ledger.into_iter().chain(by_report).collect()
    }
}

/// By how much a statement makes the ledger's receivable more than the reports': what is owed counts for the ledger and
/// against the report, what was paid the other way round. The bank alone moves neither.
fn effect_of(subject: Subject, witness: Witness, side: Side) -> i64 {
    let is_funding = subject == Subject::Funding;
    match (witness, is_funding) {
        (Witness::Bank, _) => 0,
        (Witness::Ledger, true) => side.amount.saturating_neg(),
        (Witness::Report, true) => side.amount,
        (Witness::Ledger, false) => side.net(),
        (Witness::Report, false) => side.net().saturating_neg(),
    }
}
