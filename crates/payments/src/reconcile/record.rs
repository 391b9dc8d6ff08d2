//! What is kept of a reconciled day.

use super::day::Closing;
use super::exception::ExceptionId;
use super::report::BadReport;
use super::side::{Book, Day};
use super::totals::Totals;
use crate::currency::Currency;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a day stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DayState {
    /// It was held against the witnesses; what does not agree has exceptions.
    Reconciled,
    /// The gateway's report was refused: the day waits for another one, and the days after it wait too.
    Refused,
    /// The day is not over: a look at it, of which nothing is kept.
    Preview,
}

/// How much each witness said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows of the report.
    pub rows: usize,
    /// Fundings of the report.
    pub fundings: usize,
    /// Movements of the ledger.
    pub movements: usize,
    /// Credits of the bank.
    pub credits: usize,
}

/// Why a report was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Which line.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl From<BadReport> for Refused {
    fn from(BadReport { line, reason }: BadReport) -> Self {
        Self { line, reason }
    }
}

/// A day of a book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRecord {
    /// Whose.
    #[serde(flatten)]
    pub book: Book,
    /// Which.
    pub day: Day,
    /// How it stands.
    pub state: DayState,
    /// Why, if it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
    /// When it was worked through last (RFC 3339, UTC).
    pub reconciled_at: String,
    /// How much was said.
    pub counts: Counts,
    /// Sums by currency.
    pub totals: BTreeMap<Currency, Totals>,
    /// The exceptions that it raised.
    pub raised: Vec<ExceptionId>,
    /// Exceptions of earlier days that it closed.
    pub late: Vec<ExceptionId>,
    /// What it hands to the next day.
    pub closing: Closing,
}
