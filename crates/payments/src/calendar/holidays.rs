//! The holidays of the settlement systems: fixed days, days by weekday, days by Easter, and what moves when they meet.

use crate::currency::Currency;
use time::{Date, Duration, Month, Weekday};

/// Whose holidays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holidays {
    /// T2 of the Eurosystem.
    Target,
    /// The Federal Reserve Banks: a holiday on a Saturday is not made up for, one on a Sunday is on Monday.
    FederalReserve,
    /// England and Wales: what falls on a weekend is made up for on the next workday.
    England,
    /// Japan's national holidays, and the banks' days around the year's end; as they are since 2022.
    Japan,
    /// Kuwait's fixed days. The lunar ones are announced by sight of the moon and not in here.
    Kuwait,
    /// None that we know of: weekends only.
    Unknown,
}

impl Holidays {
    /// Those of a currency.
    pub(super) fn of(currency: Currency) -> Self {
        match currency.code() {
            "EUR" => Self::Target,
            "USD" => Self::FederalReserve,
            "GBP" => Self::England,
            "JPY" => Self::Japan,
            "KWD" => Self::Kuwait,
            _ => Self::Unknown,
        }
    }

    /// Whether that day is one of them.
    pub(super) fn contains(self, date: Date) -> bool {
        let day = (u8::from(date.month()), date.day());
        match self {
            Self::Target => matches!(day, (1, 1) | (5, 1) | (12, 25 | 26)) || matches!(since_easter(date), -2 | 1),
            Self::FederalReserve => federal(date) || (date.weekday() == Weekday::Monday && fixed_federal(before(date))),
            Self::England => {
                english(date)
                    || matches!(since_easter(date), -2 | 1)
                    || is_nth(date, Month::May, Weekday::Monday, 1)
                    || is_last(date, Month::May, Weekday::Monday)
                    || is_last(date, Month::August, Weekday::Monday)
            }
            Self::Japan => japanese(date) || matches!(day, (12, 31) | (1, 2 | 3)),
            Self::Kuwait => matches!(day, (1, 1) | (2, 25 | 26)),
            Self::Unknown => false,
        }
    }
}

fn before(date: Date) -> Date {
    date.previous_day().unwrap_or(date)
}

/// Days from that year's Easter Sunday to `date` (Gregorian computus, after Butcher).
fn since_easter(date: Date) -> i64 {
    let year = date.year();
    let (golden, century, rest) = (year % 19, year / 100, year % 100);
    let correction = (century - (century + 8) / 25 + 1) / 3;
    let moon = (19 * golden + century - century / 4 - correction + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - moon - rest % 4) % 7;
    let shift = (golden + 11 * moon + 22 * weekday) / 451;
    let days = moon + weekday - 7 * shift + 114;
    let month = if days / 31 == 3 { Month::March } else { Month::April };
    let day = u8::try_from(days % 31 + 1).unwrap_or(1);
    let easter = Date::from_calendar_date(year, month, day).unwrap_or(date);
    (date - easter).whole_days()
}

/// Whether `date` is that month's `nth` such weekday.
fn is_nth(date: Date, month: Month, weekday: Weekday, nth: u8) -> bool {
    date.month() == month && date.weekday() == weekday && (date.day() - 1) / 7 + 1 == nth
}

/// Whether `date` is that month's last such weekday.
fn is_last(date: Date, month: Month, weekday: Weekday) -> bool {
    date.month() == month && date.weekday() == weekday && (date + Duration::days(7)).month() != month
}

/// New Year, Juneteenth, Independence, Veterans and Christmas Day: those that may fall on a weekend.
fn fixed_federal(date: Date) -> bool {
    let day = (u8::from(date.month()), date.day());
    let made_up_for = date.weekday() == Weekday::Sunday;
    made_up_for && matches!(day, (1, 1) | (6, 19) | (7, 4) | (11, 11) | (12, 25))
}

fn federal(date: Date) -> bool {
    let day = (u8::from(date.month()), date.day());
    matches!(day, (1, 1) | (6, 19) | (7, 4) | (11, 11) | (12, 25))
        || is_nth(date, Month::January, Weekday::Monday, 3)
        || is_nth(date, Month::February, Weekday::Monday, 3)
        || is_last(date, Month::May, Weekday::Monday)
        || is_nth(date, Month::September, Weekday::Monday, 1)
        || is_nth(date, Month::October, Weekday::Monday, 2)
        || is_nth(date, Month::November, Weekday::Thursday, 4)
}

/// New Year, Christmas and Boxing Day, or the workday on which they are made up for.
fn english(date: Date) -> bool {
    use Weekday::{Monday, Tuesday};
    match (u8::from(date.month()), date.day(), date.weekday()) {
        (1, 1, _) | (12, 25 | 26, _) => true,
        (1, 2 | 3, weekday) => weekday == Monday,
        // The 25th was a Saturday or a Sunday, the 26th a Sunday.
        (12, 27, weekday) => matches!(weekday, Monday | Tuesday),
        (12, 28, weekday) => matches!(weekday, Monday | Tuesday),
        _ => false,
    }
}

/// A day with a name, the first day without one after such a Sunday, or a day between two of them.
fn japanese(date: Date) -> bool {
    if named_in_japan(date) {
        return true;
    }
    let mut earlier = before(date);
    let between = named_in_japan(earlier) && named_in_japan(date.next_day().unwrap_or(date));
    // No more than a week of days with a name stands between a Sunday and its substitute.
    for _ in 0..7 {
        if !named_in_japan(earlier) {
            break;
        }
        if earlier.weekday() == Weekday::Sunday {
            return true;
        }
        earlier = before(earlier);
    }
    between
}

fn named_in_japan(date: Date) -> bool {
    let day = (u8::from(date.month()), date.day());
    // The equinoxes, as the National Astronomical Observatory's rule of thumb has them until 2099.
    let years = i64::from(date.year()) - 1980;
    let equinox = |at_1980: i64| (at_1980 + 242_194 * years) / 1_000_000 - years / 4;
    matches!(day, (1, 1) | (2, 11 | 23) | (4, 29) | (5, 3..=5) | (8, 11) | (11, 3 | 23))
        || (date.month() == Month::March && i64::from(date.day()) == equinox(20_843_100))
        || (date.month() == Month::September && i64::from(date.day()) == equinox(23_248_800))
        || is_nth(date, Month::January, Weekday::Monday, 2)
        || is_nth(date, Month::July, Weekday::Monday, 3)
        || is_nth(date, Month::September, Weekday::Monday, 3)
        || is_nth(date, Month::October, Weekday::Monday, 2)
}
