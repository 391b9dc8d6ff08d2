//! What the three witnesses speak of: days, books, and an amount as one of them saw it.

use crate::calendar::is_business_day;
use crate::currency::Currency;
use crate::gateway::GatewayName;
use crate::id::{InvalidId, Mode, string_serde};
use crate::timestamp::{Timestamp, iso_date, parse_iso_date};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use time::{Date, Weekday};

/// A calendar day in UTC, `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

impl Day {
    /// The day of that moment.
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.date())
    }

    /// The date.
    pub fn date(self) -> Date {
        self.0
    }

    /// The day after.
    pub fn next(self) -> Self {
        Self(self.0.next_day().unwrap_or(self.0))
    }

    /// The day before.
    pub fn previous(self) -> Self {
        Self(self.0.previous_day().unwrap_or(self.0))
    }

    /// Calendar days from this one until `later`; 0 if that is not later.
    pub fn days_until(self, later: Self) -> u32 {
        u32::try_from((later.0 - self.0).whole_days()).unwrap_or(0)
    }

    /// Days after this one, up to `later`, on which banks move that currency; without one, Monday to Friday.
    pub fn business_days_until(self, later: Self, currency: Option<Currency>) -> u32 {
        let works = |day: &Self| match currency {
            Some(currency) => is_business_day(currency, day.0),
            None => !matches!(day.0.weekday(), Weekday::Saturday | Weekday::Sunday),
        };
        let days = std::iter::successors(Some(self.next()), |day| Some(day.next()));
        let between = days.take(self.days_until(later) as usize);
        u32::try_from(between.filter(works).count()).unwrap_or(u32::MAX)
    }

    /// `YYYYMMDD`.
    pub fn compact(self) -> String {
        self.to_string().replace('-', "")
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&iso_date(self.0))
    }
}

impl FromStr for Day {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        parse_iso_date(text).map(Self).ok_or(InvalidId("a date, YYYY-MM-DD"))
    }
}

string_serde!(Day);

impl From<Date> for Day {
    fn from(date: Date) -> Self {
        Self(date)
    }
}

/// What is reconciled by itself: one gateway in one mode. Our own book is none of a gateway's: it has exceptions, and no days.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Book {
    /// Whose report; in our own book [`OWN`].
    pub gateway: GatewayName,
    /// In which world.
    pub mode: Mode,
}

/// What stands in our own book where the others have their gateway, as in the ledger's accounts.
pub const OWN: &str = "own";

impl Book {
    /// Our own book of that mode: what was refused, and is no gateway's.
    pub fn own(mode: Mode) -> Self {
        Self { gateway: GatewayName(OWN.to_owned()), mode }
    }
}

impl fmt::Display for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.mode, self.gateway)
    }
}

/// What an item of a day is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Subject {
    /// Money taken of a card.
    Capture,
    /// Money given back to one.
    Refund,
    /// What the gateway pays to our bank account.
    Funding,
    /// The report itself.
    Report,
    /// A message of the bank.
    BankFile,
    /// A month's invoice.
    Invoice,
    /// What is due to a merchant on a day.
    Payout,
}

/// An amount as one witness saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Minor units: what was captured or paid is positive, what was refunded negative.
    pub amount: i64,
    /// What the gateway keeps of it, in minor units.
    #[serde(default)]
    pub cost: i64,
    /// Both are in this.
    pub currency: Currency,
}

impl Side {
    /// What it adds to what the gateway owes us.
    pub fn net(self) -> i64 {
        self.amount.saturating_sub(self.cost)
    }
}

/// A credit on our bank account that is not of our own doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankCredit {
    /// The bank's own name for the movement: the same whenever it is read.
    pub id: String,
    /// The payer's reference.
    pub reference: String,
    /// How much.
    pub side: Side,
}
