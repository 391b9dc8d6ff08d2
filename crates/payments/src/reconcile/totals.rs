//! What a gateway owes us, by the ledger and by its reports, and how the difference is made up.

use crate::currency::Currency;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A currency's sums since the first reconciled day, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// What the ledger's receivable account moved by.
    pub ledger: i64,
    /// What the reports' rows come to, less costs.
    pub reported: i64,
    /// What the reports said was paid out.
    pub announced: i64,
    /// What of that the bank statements have.
    pub arrived: i64,
    /// How much more the ledger says than the reports, by exceptions that nothing is waited for any more.
    pub explained: i64,
}

/// A currency on one day, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Captured on the day, by the ledger.
    pub captured_by_ledger: i64,
    /// Captured, by the report.
    pub captured_by_report: i64,
    /// Refunded, by the ledger.
    pub refunded_by_ledger: i64,
    /// Refunded, by the report.
    pub refunded_by_report: i64,
    /// The gateway's cost, by the ledger.
    pub cost_by_ledger: i64,
    /// The gateway's cost, by the report.
    pub cost_by_report: i64,
    /// What the report says is paid out.
    pub announced: i64,
    /// What the bank statement has of the gateway.
    pub credited: i64,
    /// What the gateway owes us at the day's end, by the ledger.
    pub receivable_by_ledger: i64,
    /// The same by its reports: `funded` and `open`.
    pub receivable_by_report: i64,
    /// Paid out by the gateway, and not arrived yet.
    pub funded: i64,
    /// Not paid out yet.
    pub open: i64,
    /// How much more the ledger says than the reports: what the exceptions come to.
    pub explained: i64,
    /// What is left of the difference; anything but zero is a fault of the reconciliation itself.
    pub unexplained: i64,
}

impl Totals {
    /// Works out the day's end.
    pub(super) fn close(&mut self, position: &Position, carried: i64) {
        self.receivable_by_ledger = position.ledger;
        self.funded = position.announced.saturating_sub(position.arrived);
        self.open = position.reported.saturating_sub(position.announced);
        self.receivable_by_report = self.funded.saturating_add(self.open);
        self.explained = position.explained.saturating_add(carried);
        let difference = self.receivable_by_ledger.saturating_sub(self.receivable_by_report);
        self.unexplained = difference.saturating_sub(self.explained);
    }
}

/// Positions and totals while a day is worked through.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) positions: BTreeMap<Currency, Position>,
    pub(super) totals: BTreeMap<Currency, Totals>,
}

impl Sums {
    pub(super) fn position(&mut self, currency: Currency) -> &mut Position {
        self.totals.entry(currency).or_default();
        self.positions.entry(currency).or_default()
    }

    pub(super) fn total(&mut self, currency: Currency) -> &mut Totals {
        self.positions.entry(currency).or_default();
        self.totals.entry(currency).or_default()
    }
}

/// Adds without an end: sums of reports may be beyond 64 bits, and then agree with nothing.
pub(super) fn add(sum: &mut i64, minor: i64) {
    *sum = sum.saturating_add(minor);
}
