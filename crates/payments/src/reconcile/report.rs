//! A gateway's report of a day, as JSON lines: a header, its rows, what it funds, and a trailer with the sums.
//!
//! A report is taken whole or not at all: one line that is not as it should be, and nothing of it counts.

use super::side::{Book, Day, Side, Subject};
use crate::amount::MAX_MINOR;
use crate::currency::Currency;
use crate::gateway::{GatewayKey, GatewayName};
use crate::id::{Mode, OperationId, OperationKind, PaymentId};
use crate::secret::blot_digits;
use crate::view::capture_id;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The version of the form.
pub const REPORT_VERSION: u32 = 1;
/// The most rows and fundings of a report.
pub const MAX_ROWS: usize = 1_000_000;
/// The longest line.
pub const MAX_LINE_BYTES: usize = 4096;

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// Money was taken.
    Capture,
    /// Money was given back.
    Refund,
}

/// A booking of the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The gateway's own name for the row; no other has it.
    pub id: String,
    /// Our key of the order.
    pub key: GatewayKey,
    /// What it did.
    pub kind: RowKind,
    /// How much, in minor units.
    pub amount: u64,
    /// What the gateway keeps for itself.
    pub cost: u64,
    /// Both are in this.
    pub currency: Currency,
    /// When it was booked: on the report's day, or before it if it was forgotten.
    pub booked_on: Day,
    /// The gateway's name for the effect.
    pub reference: String,
}

/// What the gateway pays to our bank account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Funding {
    /// What the bank statement will say.
    pub reference: String,
    /// How much, in minor units.
    pub amount: u64,
    /// In what.
    pub currency: Currency,
    /// When it is to be on the account.
    pub value_date: Day,
}

/// What a gateway owes us in one currency, in minor units: opening + captured - refunded - cost - funded = closing.
/// Below zero, we owe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Balance {
    /// At the day's beginning.
    pub opening: i64,
    /// Taken on the day.
    pub captured: i64,
    /// Given back.
    pub refunded: i64,
    /// Kept.
    pub cost: i64,
    /// Paid out.
    pub funded: i64,
    /// At the day's end.
    pub closing: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    gateway: GatewayName,
    mode: Mode,
    day: Day,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trailer {
    rows: usize,
    fundings: usize,
    balances: BTreeMap<Currency, Balance>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
enum Line {
    Header(Header),
    Row(Row),
    Funding(Funding),
    Trailer(Trailer),
}

/// A report that was found to be right in itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DailyReport {
    /// What was booked.
    pub rows: Vec<Row>,
    /// What is paid out.
    pub fundings: Vec<Funding>,
    /// The gateway's balances.
    pub balances: BTreeMap<Currency, Balance>,
}

/// Why a report is refused whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct BadReport {
    /// Which line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl DailyReport {
    /// Reads the report of that book and day, or says in which line it is wrong.
    pub fn read(text: &str, book: &Book, day: Day) -> Result<Self, BadReport> {
        let mut report = Self::default();
        let mut ids = BTreeSet::new();
        let mut last = 0;
        let mut ended = false;
        for (line, text) in (1..).zip(text.lines()) {
            let bad = |reason: String| BadReport { line, reason: blot_digits(&reason) };
            last = line;
            if ended {
                return Err(bad("expected nothing after the trailer".to_owned()));
            }
            match (line, read_line(text).map_err(bad)?) {
                (1, Line::Header(header)) => header.check(book, day).map_err(bad)?,
                (1, _) => return Err(bad("expected the header".to_owned())),
                (_, Line::Header(_)) => return Err(bad("expected a row, a funding or the trailer".to_owned())),
                (_, Line::Row(row)) => {
                    row.check(day, &mut ids).map_err(bad)?;
                    report.rows.push(row);
                }
                (_, Line::Funding(funding)) => {
                    funding.check(day, &mut ids).map_err(bad)?;
                    report.fundings.push(funding);
                }
                (_, Line::Trailer(trailer)) => {
                    report.check(&trailer).map_err(bad)?;
                    report.balances = trailer.balances;
                    ended = true;
                }
            }
            if report.rows.len() + report.fundings.len() > MAX_ROWS {
                return Err(bad(format!("expected at most {MAX_ROWS} rows")));
            }
        }
        let cut = || BadReport { line: last + 1, reason: "expected the trailer: the report is cut off".to_owned() };
        if ended { Ok(report) } else { Err(cut()) }
    }

    /// The report as text, with its header and its trailer.
    pub fn write(&self, book: &Book, day: Day) -> String {
        let (gateway, mode) = (book.gateway.clone(), book.mode);
        let header = Line::Header(Header { version: REPORT_VERSION, gateway, mode, day });
        let (rows, fundings) = (self.rows.len(), self.fundings.len());
        let trailer = Line::Trailer(Trailer { rows, fundings, balances: self.balances.clone() });
        let rows = self.rows.iter().cloned().map(Line::Row);
        let fundings = self.fundings.iter().cloned().map(Line::Funding);
        let lines = std::iter::once(header).chain(rows).chain(fundings).chain(std::iter::once(trailer));
        lines.map(|line| serde_json::to_string(&line).expect("a line is plain data") + "\n").collect()
    }

    /// What its rows and fundings sum to, after `opening`.
    pub fn sums(&self, opening: &BTreeMap<Currency, i64>) -> BTreeMap<Currency, Balance> {
        let mut balances: BTreeMap<Currency, Balance> =
            opening.iter().map(|(currency, minor)| (*currency, Balance::opened(*minor))).collect();
        for row in &self.rows {
            let balance = balances.entry(row.currency).or_insert(Balance::opened(0));
            let moved = match row.kind {
                RowKind::Capture => &mut balance.captured,
                RowKind::Refund => &mut balance.refunded,
            };
            *moved = moved.saturating_add(signed(row.amount));
            balance.cost = balance.cost.saturating_add(signed(row.cost));
        }
        for funding in &self.fundings {
            let funded = &mut balances.entry(funding.currency).or_insert(Balance::opened(0)).funded;
            *funded = funded.saturating_add(signed(funding.amount));
        }
        for balance in balances.values_mut() {
            balance.closing = balance.owed().saturating_sub(balance.funded);
        }
        balances
    }

    fn check(&self, trailer: &Trailer) -> Result<(), String> {
        let (rows, fundings) = (self.rows.len(), self.fundings.len());
        if (trailer.rows, trailer.fundings) != (rows, fundings) {
            let (said, funded) = (trailer.rows, trailer.fundings);
            return Err(format!(
                "the trailer counts {said} rows and {funded} fundings, there are {rows} and {fundings}"
            ));
        }
        let opening = trailer.balances.iter().map(|(currency, balance)| (*currency, balance.opening)).collect();
        for (currency, summed) in self.sums(&opening) {
            let said = trailer.balances.get(&currency).ok_or(format!("balances: {currency} is missing"))?;
            if *said != summed {
                return Err(format!("balances, {currency}: the trailer says {said:?}, the lines sum to {summed:?}"));
            }
        }
        Ok(())
    }
}

impl Balance {
    fn opened(opening: i64) -> Self {
        Self { opening, captured: 0, refunded: 0, cost: 0, funded: 0, closing: opening }
    }

    /// What is owed before anything is paid out.
    pub fn owed(&self) -> i64 {
        let taken = self.opening.saturating_add(self.captured);
        taken.saturating_sub(self.refunded).saturating_sub(self.cost)
    }
}

impl Header {
    fn check(&self, book: &Book, day: Day) -> Result<(), String> {
        let there = Book { gateway: self.gateway.clone(), mode: self.mode };
        if self.version != REPORT_VERSION {
            return Err(format!("version: expected {REPORT_VERSION}"));
        }
        if (&there, self.day) != (book, day) {
            return Err(format!("expected the report of {book} for {day}, it is of {there} for {}", self.day));
        }
        Ok(())
    }
}

impl Row {
    /// What it says, as a witness.
    pub fn side(&self) -> Side {
        let sign = if self.kind == RowKind::Capture { 1 } else { -1 };
        Side { amount: sign * signed(self.amount), cost: signed(self.cost), currency: self.currency }
    }

    /// What it is.
    pub fn subject(&self) -> Subject {
        match self.kind {
            RowKind::Capture => Subject::Capture,
            RowKind::Refund => Subject::Refund,
        }
    }

    fn check(&self, day: Day, ids: &mut BTreeSet<String>) -> Result<(), String> {
        if self.booked_on > day {
            return Err(format!("booked_on: expected {day} or earlier"));
        }
        named_once(&self.id, "id", ids)
    }
}

impl Funding {
    /// What it says, as a witness.
    pub fn side(&self) -> Side {
        Side { amount: signed(self.amount), cost: 0, currency: self.currency }
    }

    fn check(&self, day: Day, ids: &mut BTreeSet<String>) -> Result<(), String> {
        if self.value_date < day {
            return Err(format!("value_date: expected {day} or later"));
        }
        named_once(&self.reference, "reference", ids)
    }
}

/// A row's id and a funding's reference stand in one report once.
fn named_once(name: &str, field: &str, ids: &mut BTreeSet<String>) -> Result<(), String> {
    if name.is_empty() {
        return Err(format!("{field}: expected a name"));
    }
    if !ids.insert(name.to_owned()) {
        return Err(format!("{field}: {name} is there twice"));
    }
    Ok(())
}

/// One line; what is wrong with it is said by the field's name.
fn read_line(text: &str) -> Result<Line, String> {
    if text.len() > MAX_LINE_BYTES {
        return Err(format!("expected at most {MAX_LINE_BYTES} bytes"));
    }
    let value: serde_json::Value = serde_json::from_str(text).map_err(|_| "the line is not JSON".to_owned())?;
    if !value.is_object() {
        return Err("expected an object".to_owned());
    }
    for field in ["amount", "cost"] {
        let wrong = value.get(field).is_some_and(|minor| minor.as_u64().is_none_or(|minor| minor > MAX_MINOR));
        if wrong {
            return Err(format!("{field}: expected whole minor units, from 0 to {MAX_MINOR}"));
        }
    }
    for field in ["booked_on", "value_date", "day"] {
        let said = value.get(field).map(|day| day.as_str().unwrap_or_default().parse::<Day>());
        if let Some(Err(error)) = said {
            return Err(format!("{field}: {error}"));
        }
    }
    if let Some(code) = value.get("currency") {
        let code = code.as_str().unwrap_or_default().parse::<Currency>();
        code.map_err(|error| format!("currency: {error}"))?;
    }
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// An amount as a signed number; [`read_line`] has held it against [`MAX_MINOR`].
fn signed(minor: u64) -> i64 {
    i64::try_from(minor).unwrap_or(i64::MAX)
}

/// The payment of one of our keys, and the public id of its operation: what the ledger knows the movement by. A key that
/// is none of ours stands for itself.
pub fn movement_reference(key: &GatewayKey) -> (Option<PaymentId>, String) {
    let mut parts = key.as_str().split(':');
    let payment = parts.next().and_then(|text| text.parse::<PaymentId>().ok());
    let operation = parts.next().unwrap_or_default();
    let reference = match (&payment, operation.parse::<OperationId>()) {
        (Some(payment), _) if operation == "capture" => Some(capture_id(payment).to_string()),
        (Some(_), Ok(id)) if matches!(id.kind(), OperationKind::Capture | OperationKind::Refund) => {
            Some(id.to_string())
        }
        _ => None,
    };
    (payment, reference.unwrap_or_else(|| key.to_string()))
}
