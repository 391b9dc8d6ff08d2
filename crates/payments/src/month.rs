//! Calendar months (UTC): what invoices and volumes are kept by.

use crate::timestamp::{Timestamp, parse_iso_date};
use std::fmt;
use std::str::FromStr;
use time::Date;

/// A month, `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    year: i32,
    month: u8,
}

/// The text is not a month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a month, such as 2026-11")]
pub struct InvalidMonth;

impl Month {
    /// The month of that moment.
    pub fn of(moment: Timestamp) -> Self {
        let date = moment.date();
        Self { year: date.year(), month: u8::from(date.month()) }
    }

    /// The one before.
    pub fn before(self) -> Self {
        match self.month {
            1 => Self { year: self.year - 1, month: 12 },
            month => Self { month: month - 1, ..self },
        }
    }

    /// Its last day.
    pub fn last_day(self) -> Date {
        let first = || Some((self.year, time::Month::try_from(self.month).ok()?));
        let day = first().and_then(|(year, month)| Date::from_calendar_date(year, month, month.length(year)).ok());
        day.expect("a month comes from a date of it")
    }

    /// Whether it is over.
    pub fn is_closed(self, now: Timestamp) -> bool {
        self < Self::of(now)
    }
}

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, InvalidMonth> {
        let first = parse_iso_date(&format!("{text}-01")).ok_or(InvalidMonth)?;
        Ok(Self { year: first.year(), month: u8::from(first.month()) })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

crate::id::string_serde!(Month);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_read_in_one_spelling_and_follow_one_another() {
        let month = |text: &str| text.parse::<Month>();
        assert_eq!(month("2026-01").map(Month::before), month("2025-12"));
        assert_eq!(month("2026-12").map(|month| month.before().to_string()).as_deref(), Ok("2026-11"));
        for wrong in ["", "2026", "2026-13", "2026-1", "2026-11-01", "11-2026"] {
            assert_eq!(month(wrong), Err(InvalidMonth), "{wrong}");
        }
        let last = |text: &str| month(text).map(|month| month.last_day().to_string());
        assert_eq!(last("2026-11").as_deref(), Ok("2026-11-30"));
        assert_eq!(last("2028-02").as_deref(), Ok("2028-02-29"));
        let at = |text| Timestamp::parse_rfc3339(text).expect(text);
        assert!(!month("2026-11").expect("a month").is_closed(at("2026-11-30T23:59:59.999Z")));
        assert!(month("2026-11").expect("a month").is_closed(at("2026-12-01T00:00:00Z")));
    }
}
