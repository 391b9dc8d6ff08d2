//! Moments and dates, as arguments: nothing here knows what time it is.

use serde::{Deserialize, Serialize};
use std::fmt;
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, UtcOffset};

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment that many milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down: the unit of DynamoDB's time to live.
    pub fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment and that many seconds more.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// The UTC calendar date.
    pub fn date(self) -> Date {
        self.civil().date()
    }

    /// As in RFC 3339, in UTC with milliseconds.
    pub fn to_rfc3339(self) -> String {
        self.civil().format(&Rfc3339).expect("a moment within four-digit years has an RFC 3339 form")
    }

    /// Reads an RFC 3339 moment, whatever its offset.
    pub fn parse_rfc3339(text: &str) -> Result<Self, time::error::Parse> {
        let moment = OffsetDateTime::parse(text, &Rfc3339)?.to_offset(UtcOffset::UTC);
        Ok(Self((moment.unix_timestamp_nanos() / 1_000_000) as i64))
    }

    fn civil(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// `2026-11-23`.
pub fn iso_date(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// Reads a date as [`iso_date`] writes it; `None` for any other text.
pub fn parse_iso_date(text: &str) -> Option<Date> {
    let month = Month::try_from(text.get(5..7)?.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(text.get(..4)?.parse().ok()?, month, text.get(8..)?.parse().ok()?).ok()?;
    (iso_date(date) == text).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).expect(text)
    }

    #[test]
    fn rfc3339_round_trips_in_utc() {
        assert_eq!(moment("2026-11-23T01:30:00.5+02:00").to_rfc3339(), "2026-11-22T23:30:00.5Z");
    }

    #[test]
    fn a_date_is_read_in_one_spelling_only() {
        assert_eq!(parse_iso_date("2028-02-29").map(iso_date).as_deref(), Some("2028-02-29"));
        for wrong in
            ["", "2026-02-29", "2026-13-01", "2026-1-01", "2026/01/01", "2026-01-1", "2026-01-01T", "+026-01-01"]
        {
            assert_eq!(parse_iso_date(wrong), None, "{wrong}");
        }
    }
}
