//! Business days, by currency: the days on which banks move that currency. Computed, not looked up; what a government
//! announces from one year to the next (lunar holidays, days of mourning) is not in it.

mod holidays;

use crate::currency::Currency;
use holidays::Holidays;
use time::{Date, Weekday};

/// Currencies whose banks rest on Friday and Saturday instead of Saturday and Sunday.
const FRIDAY_WEEKEND: &str = "BDT BHD DZD EGP ILS IQD JOD KWD LYD OMR QAR SAR SDG SYP YER";
/// The most calendar days that are looked through for one business day.
const MAX_CLOSED_DAYS: u32 = 31;

/// Whether banks move that currency on that day.
pub fn is_business_day(currency: Currency, date: Date) -> bool {
    let friday_weekend = FRIDAY_WEEKEND.split_ascii_whitespace().any(|listed| listed == currency.code());
    let weekend = match date.weekday() {
        Weekday::Saturday => true,
        Weekday::Friday => friday_weekend,
        Weekday::Sunday => !friday_weekend,
        Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday | Weekday::Thursday => false,
    };
    !weekend && !Holidays::of(currency).contains(date)
}

/// The first business day of that currency on or after `date`.
pub fn business_day_from(currency: Currency, date: Date) -> Date {
    let mut day = date;
    for _ in 0..MAX_CLOSED_DAYS {
        if is_business_day(currency, day) {
            return day;
        }
        day = day.next_day().unwrap_or(day);
    }
    day
}

/// The business day of that currency that is `days` business days after `from`.
pub fn business_days_after(currency: Currency, from: Date, days: u32) -> Date {
    let mut day = from;
    for _ in 0..days {
        day = business_day_from(currency, day.next_day().unwrap_or(day));
    }
    day
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::{iso_date, parse_iso_date};

    fn closed(code: &str, year: i32) -> Vec<String> {
        let currency = code.parse().expect("listed");
        let mut day = Date::from_ordinal_date(year, 1).expect("a year's first day");
        let mut closed = Vec::new();
        while day.year() == year {
            // Weekends are told apart by the days before and after the year's holidays.
            let workday = !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
            if workday && !is_business_day(currency, day) {
                closed.push(iso_date(day)[5..].to_owned());
            }
            day = day.next_day().expect("within four digits");
        }
        closed
    }

    /// As the European Central Bank, the Federal Reserve, GOV.UK and the Cabinet Office of Japan publish them.
    #[test]
    fn workdays_without_banking_are_those_that_are_published() {
        let check = |code, year, expected: &str| assert_eq!(closed(code, year).join(" "), expected, "{code} {year}");
        check("EUR", 2024, "01-01 03-29 04-01 05-01 12-25 12-26");
        check("EUR", 2025, "01-01 04-18 04-21 05-01 12-25 12-26");
        check("EUR", 2026, "01-01 04-03 04-06 05-01 12-25");
        check("EUR", 2027, "01-01 03-26 03-29");
        check("USD", 2025, "01-01 01-20 02-17 05-26 06-19 07-04 09-01 10-13 11-11 11-27 12-25");
        check("USD", 2026, "01-01 01-19 02-16 05-25 06-19 09-07 10-12 11-11 11-26 12-25"); // 4 July is a Saturday
        check("USD", 2027, "01-01 01-18 02-15 05-31 07-05 09-06 10-11 11-11 11-25"); // 4 July is a Sunday
        check("GBP", 2026, "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28");
        check("GBP", 2027, "01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28");
        check("GBP", 2028, "01-03 04-14 04-17 05-01 05-29 08-28 12-25 12-26");
        check(
            "JPY",
            2026,
            "01-01 01-02 01-12 02-11 02-23 03-20 04-29 05-04 05-05 05-06 07-20 08-11 09-21 09-22 09-23 10-12 11-03 \
             11-23 12-31",
        );
        check("CHF", 2026, "");
    }

    #[test]
    fn kuwait_rests_on_fridays_and_saturdays() {
        let check = |date, open| {
            let date = parse_iso_date(date).expect(date);
            assert_eq!(is_business_day("KWD".parse().expect("listed"), date), open, "{date}");
        };
        check("2026-11-27", false); // Friday
        check("2026-11-28", false); // Saturday
        check("2026-11-29", true); // Sunday
        check("2026-02-25", false); // National Day, a Wednesday
        check("2026-02-26", false); // Liberation Day
        check("2026-01-01", false);
    }

    #[test]
    fn business_days_skip_weekends_and_holidays() {
        let check = |code: &str, from: &str, days, expected: &str| {
            let (currency, from) = (code.parse().expect("listed"), parse_iso_date(from).expect(from));
            assert_eq!(iso_date(business_days_after(currency, from, days)), expected, "{code} {from} + {days}");
        };
        check("EUR", "2026-11-23", 2, "2026-11-25"); // Monday
        check("EUR", "2026-11-26", 2, "2026-11-30"); // Thursday
        check("EUR", "2026-11-28", 2, "2026-12-01"); // Saturday
        check("EUR", "2026-12-24", 2, "2026-12-29"); // over Christmas
        check("EUR", "2026-04-02", 2, "2026-04-08"); // over Easter
        check("USD", "2026-11-25", 2, "2026-11-30"); // over Thanksgiving
        check("GBP", "2026-12-24", 1, "2026-12-29"); // Boxing Day is made up for on Monday
        check("JPY", "2026-12-30", 1, "2027-01-04");
        check("KWD", "2026-11-25", 2, "2026-11-29"); // Wednesday: Thursday, Sunday
        check("EUR", "2026-11-28", 0, "2026-11-28");
    }
}
