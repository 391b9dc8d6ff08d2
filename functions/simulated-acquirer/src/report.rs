//! The network's report of a day: what it booked, and what it pays out of it.
//!
//! Of today, it says what was booked so far. Each day's net is paid out on the next business day. What is below zero is taken off the next days; a debt that is older
//! than [`CARRIED_DAYS`] is forgiven.

use crate::Error;
use crate::account::{Account, Booking, Entry};
use gateways::simulated::ReportPage;
use payments::calendar::business_days_after;
use payments::currency::Currency;
use payments::gateway::{CaptureAnswer, Effect, GatewayName, RefundAnswer};
use payments::id::{Mode, digest};
use payments::reconcile::{Book, DailyReport, Day, Funding, Row, RowKind};
use payments::timestamp::iso_date;
use std::collections::BTreeMap;

/// How long a day's report can be asked for.
const KEPT_DAYS: u32 = 62;
/// How long a debt is taken off what is paid out.
const CARRIED_DAYS: u32 = 31;
/// Lines of one answer: of 300 bytes each, they are half of what an answer holds.
const PAGE_LINES: usize = 10_000;

/// A part of the report.
pub(crate) async fn page(
    account: &impl Account,
    mode: Mode,
    day: Day,
    today: Day,
    from_line: usize,
) -> Result<ReportPage, Error> {
    if day > today || day.days_until(today) > KEPT_DAYS {
        let earliest = (0..KEPT_DAYS).fold(today, |day, _| day.previous());
        return Err(Error::NoReport { day, earliest, latest: today });
    }
    let report = report(account, mode, day, today).await?;
    let text = report.write(&Book { gateway: GatewayName("simulated".to_owned()), mode }, day);
    let lines = text.split_inclusive('\n').skip(from_line);
    let more = text.lines().count() > from_line.saturating_add(PAGE_LINES);
    Ok(ReportPage { text: lines.take(PAGE_LINES).collect(), next: more.then_some(from_line + PAGE_LINES) })
}

async fn report(account: &impl Account, mode: Mode, day: Day, today: Day) -> Result<DailyReport, Error> {
    let first = (0..CARRIED_DAYS).fold(day, |day, _| day.previous());
    let mut rows = BTreeMap::<Day, Vec<Row>>::new();
    let mut looked_at = first;
    // An entry is found by its latest booking; it may have others before.
    while looked_at <= today {
        for entry in account.booked_last_on(looked_at).await?.into_iter().filter(|entry| entry.mode == mode) {
            for booking in entry.bookings.iter().filter(|booking| (first..=day).contains(&booking.on)) {
                rows.entry(booking.on).or_default().push(row(&entry, booking));
            }
        }
        looked_at = looked_at.next();
    }
    let mut opening = BTreeMap::<Currency, i64>::new();
    let mut now = first;
    loop {
        let mut report = DailyReport { rows: rows.remove(&now).unwrap_or_default(), ..DailyReport::default() };
        report.rows.sort_by(|one, other| one.id.cmp(&other.id));
        let owed = report.sums(&opening);
        report.fundings = owed.iter().filter_map(|(currency, it)| funding(mode, now, *currency, it.owed())).collect();
        report.balances = report.sums(&opening);
        if now == day {
            return Ok(report);
        }
        opening = report.balances.iter().map(|(currency, balance)| (*currency, balance.closing)).collect();
        opening.retain(|_, closing| *closing != 0);
        now = now.next();
    }
}

fn row(entry: &Entry, booking: &Booking) -> Row {
    Row {
        id: format!("bk_{}", hex(&digest(&[b"booking", booking.key.as_str().as_bytes()])[..8])),
        key: booking.key.clone(),
        kind: booking.kind,
        amount: booking.minor,
        cost: booking.cost,
        currency: entry.amount.currency(),
        booked_on: booking.on,
        reference: reference(entry, booking),
    }
}

/// The name that the order's answer gave.
fn reference(entry: &Entry, booking: &Booking) -> String {
    match (entry.effects.get(booking.key.as_str()), booking.kind) {
        (Some(Effect::Captured(CaptureAnswer::Captured { reference })), RowKind::Capture)
        | (Some(Effect::Refunded(RefundAnswer::Refunded { reference })), RowKind::Refund) => reference.clone(),
        _ => String::new(),
    }
}

/// What is paid out of what is owed, under a reference that fits a bank's 35 characters.
fn funding(mode: Mode, day: Day, currency: Currency, owed: i64) -> Option<Funding> {
    let amount = u64::try_from(owed).ok().filter(|amount| *amount > 0)?;
    let mode = mode.as_str().to_uppercase();
    let reference = format!("FUND-SIMULATED-{mode}-{}-{currency}", day.compact());
    let value_date = iso_date(business_days_after(currency, day.date(), 1)).parse().unwrap_or(day);
    Some(Funding { reference, amount, currency, value_date })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
