//! Exceptions: what does not agree, by name, from the day on which it was first seen until its owner says what becomes
//! of it.

use super::day::Open;
use super::side::{Book, Day, Side, Subject};
use crate::gateway::GatewayName;
use crate::id::{InvalidId, Mode, PaymentId, digest, string_serde};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The longest note of a resolution, in characters.
pub const MAX_NOTE: usize = 500;

/// What does not agree.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::Display, strum::EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ExceptionKind {
    /// The gateway has it, and our ledger or our bank account does not.
    MissingHere,
    /// Our ledger or our bank account has it, and the gateway does not.
    MissingThere,
    /// All have it, with different amounts or costs.
    Amount,
    /// All have it, in different currencies.
    Currency,
    /// One of them has it more than once.
    Duplicate,
    /// It was missing on its day and appeared on a later one.
    Late,
    /// The gateway's report was refused whole.
    RefusedReport,
    /// A message of the bank was refused whole.
    RefusedBankFile,
    /// A closed month has no invoice: the bill and the ledger differ.
    RefusedInvoice,
    /// What was due to a merchant on a day is in no payout.
    PayoutNotClosed,
}

/// An exception: `exc_`, the day on which it was first seen, and 16 hexadecimal digits derived from what it is about, so
/// that running a day again finds the same ones.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExceptionId {
    day: Day,
    text: String,
}

impl ExceptionId {
    /// The exception of that kind about `parts`, first seen on that day.
    pub fn derive(book: &Book, day: Day, kind: ExceptionKind, parts: &[&str]) -> Self {
        let (book, day_text, kind) = (book.to_string(), day.to_string(), kind.to_string());
        let mut all = vec![b"exception".as_slice(), book.as_bytes(), day_text.as_bytes(), kind.as_bytes()];
        all.extend(parts.iter().map(|part| part.as_bytes()));
        Self { day, text: format!("exc_{}_{}", day.compact(), hex::encode(&digest(&all)[..8])) }
    }

    /// When it was first seen.
    pub fn day(&self) -> Day {
        self.day
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for ExceptionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        const EXPECTED: InvalidId = InvalidId("exc_, eight digits of a date, _ and 16 lower-case hexadecimal digits");
        let (date, digits) = text.strip_prefix("exc_").and_then(|rest| rest.split_once('_')).ok_or(EXPECTED)?;
        let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if date.len() != 8 || !date.is_ascii() || digits.len() != 16 || !digits.bytes().all(hexadecimal) {
            return Err(EXPECTED);
        }
        let day = format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]).parse().map_err(|_| EXPECTED)?;
        Ok(Self { day, text: text.to_owned() })
    }
}

impl fmt::Display for ExceptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ExceptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

string_serde!(ExceptionId);

/// What its owner makes of an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ResolutionKind {
    /// It is as it should be.
    Accepted,
    /// Our books were corrected.
    CorrectedHere,
    /// The gateway or the bank corrected theirs.
    CorrectedThere,
    /// We bear the difference.
    WrittenOff,
}

/// What was decided, by whom and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// What.
    pub kind: ResolutionKind,
    /// Why, in the owner's words.
    pub note: String,
    /// Who.
    pub by: String,
    /// When (RFC 3339, UTC).
    pub at: String,
}

/// Whether anyone has to do something about an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum State {
    /// Its owner has to look at it.
    Open,
    /// What was missing has come: nobody has to do anything.
    Closed,
    /// A later run of its day did not find it any more: its books were completed meanwhile.
    Withdrawn,
    /// Its owner has decided.
    Resolved,
}

/// Something that does not agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// Its id.
    pub id: ExceptionId,
    /// Whose report it is about; `own` if it is no gateway's ([`Book::own`]).
    pub gateway: GatewayName,
    /// In which world.
    pub mode: Mode,
    /// What does not agree.
    pub kind: ExceptionKind,
    /// What it is about.
    pub subject: Subject,
    /// By what all witnesses know it: a capture's or refund's id, a funding's reference; or what was refused.
    pub reference: String,
    /// The payment, unless it is about a funding or the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// The day that was reconciled when it was found; of what is no gateway's, the day to which it belongs.
    pub first_seen: Day,
    /// What our ledger says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Side>,
    /// What the gateway's report says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Side>,
    /// What the bank statement says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank: Option<Side>,
    /// What is wrong, as a sentence.
    pub detail: String,
    /// The day on which what was missing appeared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appeared: Option<Day>,
    /// Whether a later run of the day did not find it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// What its owner decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Resolution>,
    /// One more with each change.
    pub revision: u32,
}

/// The exception was closed before: by itself, or by its owner in another way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("exception {id} is {state} already{}", how.as_ref().map(|how| format!(" ({how})")).unwrap_or_default())]
pub struct AlreadyClosed {
    /// Which.
    pub id: ExceptionId,
    /// How it stands.
    pub state: State,
    /// The owner's decision, if that is what closed it.
    pub how: Option<ResolutionKind>,
}

impl Exception {
    /// The book that it belongs to.
    pub fn book(&self) -> Book {
        Book { gateway: self.gateway.clone(), mode: self.mode }
    }

    /// How it stands. What its owner decided stays decided, whatever comes later.
    pub fn state(&self) -> State {
        match (&self.resolution, self.appeared, self.withdrawn) {
            (Some(_), ..) => State::Resolved,
            (None, Some(_), _) => State::Closed,
            (None, None, true) => State::Withdrawn,
            (None, None, false) => State::Open,
        }
    }

    /// Calendar days and business days from its first day until `on`.
    pub fn age(&self, on: Day) -> (u32, u32) {
        let currency = [self.ledger, self.report, self.bank].into_iter().flatten().next().map(|side| side.currency);
        (self.first_seen.days_until(on), self.first_seen.business_days_until(on, currency))
    }

    /// The exception with its owner's decision. The same decision again changes nothing; another one is refused, and so
    /// is one about an exception that closed by itself.
    pub fn resolved(self, resolution: Resolution) -> Result<Self, AlreadyClosed> {
        let state = self.state();
        match &self.resolution {
            Some(there) if there.kind == resolution.kind && there.note == resolution.note => Ok(self),
            None if state == State::Open => Ok(Self { resolution: Some(resolution), ..self }.changed()),
            there => Err(AlreadyClosed { how: there.as_ref().map(|there| there.kind), id: self.id, state }),
        }
    }

    /// What was missing appeared on `day`: the same exception, late, with all its sides. Saying so twice changes nothing.
    pub fn appeared(self, item: &Open, day: Day) -> Self {
        if self.appeared == Some(day) {
            return self;
        }
        let detail = format!("{}; complete on {day}", self.detail);
        let (ledger, report, bank) = (item.ledger, item.report, item.bank);
        Self { kind: ExceptionKind::Late, appeared: Some(day), detail, ledger, report, bank, ..self }.changed()
    }

    /// A later run of its day did not find it.
    pub fn withdrawn(self) -> Self {
        if self.withdrawn { self } else { Self { withdrawn: true, ..self }.changed() }
    }

    /// What is kept when a run finds again what an earlier one found: its owner's decision, and that it came late.
    pub fn found_again(self, finding: Self) -> Self {
        if self.appeared.is_some() {
            return if self.withdrawn { Self { withdrawn: false, ..self }.changed() } else { self };
        }
        let finding = Self { resolution: self.resolution.clone(), revision: self.revision, ..finding };
        if finding == self { self } else { finding.changed() }
    }

    fn changed(self) -> Self {
        Self { revision: self.revision + 1, ..self }
    }
}

impl Resolution {
    /// A decision as of `now`. `None` if the note is empty, or longer than [`MAX_NOTE`].
    pub fn try_new(kind: ResolutionKind, note: &str, by: &str, now: Timestamp) -> Option<Self> {
        let note = note.trim();
        let fits = (1..=MAX_NOTE).contains(&note.chars().count());
        fits.then(|| Self { kind, note: note.to_owned(), by: by.to_owned(), at: now.to_rfc3339() })
    }
}
