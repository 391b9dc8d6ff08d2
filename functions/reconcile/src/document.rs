//! What is told of a day: the same to programs, as JSON, and to people, as a page.

use payments::currency::Currency;
use payments::gateway::GatewayName;
use payments::id::Mode;
use payments::reconcile::{
    Counts, Day, DayRecord, DayState, Exception, ExceptionKind, Open, Refused, State, Subject, Totals,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// A reconciled day.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// Whose report.
    pub gateway: GatewayName,
    /// In which world.
    pub mode: Mode,
    /// The day.
    pub day: Day,
    /// How it stands.
    pub state: DayState,
    /// Why its report was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
    /// When it was worked through (RFC 3339, UTC).
    pub reconciled_at: String,
    /// How much each witness said.
    pub counts: Counts,
    /// Sums by currency, in minor units.
    pub totals: BTreeMap<Currency, Totals>,
    /// What was first seen on this day.
    pub exceptions: Vec<Aged>,
    /// What earlier days left, and this one closed.
    pub late: Vec<Aged>,
    /// What earlier days left, and is open still.
    pub open_before: Vec<Aged>,
    /// What is no gateway's, from this day or open since an earlier one: refused files of the bank and invoices, payouts
    /// that were not closed. Every gateway's day of the mode shows them.
    pub own: Vec<Aged>,
    /// What the gateway said it paid and the bank does not have yet, with nothing wrong about it.
    pub on_its_way: Vec<Open>,
}

/// An exception with its age.
#[derive(Clone, Debug, Serialize)]
pub struct Aged {
    /// The exception.
    #[serde(flatten)]
    pub exception: Exception,
    /// Whether its owner has to look at it.
    pub state: State,
    /// Calendar days since it was first seen.
    pub age_days: u32,
    /// Business days since then.
    pub age_business_days: u32,
}

impl Aged {
    fn on(exception: Exception, today: Day) -> Self {
        let (age_days, age_business_days) = exception.age(today);
        Self { state: exception.state(), exception, age_days, age_business_days }
    }
}

impl Document {
    /// What is told of that day, of all the exceptions of the book and of our own, as of `today`.
    pub fn new(record: &DayRecord, exceptions: Vec<Exception>, own: Vec<Exception>, today: Day) -> Self {
        let (mut raised, mut late, mut open_before) = (Vec::new(), Vec::new(), Vec::new());
        for exception in exceptions {
            let before = exception.first_seen < record.day;
            let place = if record.raised.contains(&exception.id) {
                &mut raised
            } else if record.late.contains(&exception.id) {
                &mut late
            } else if before && exception.state() == State::Open {
                &mut open_before
            } else {
                continue;
            };
            place.push(Aged::on(exception, today));
        }
        let of_then =
            |it: &Exception| it.first_seen == record.day || it.first_seen < record.day && it.state() == State::Open;
        let waiting = record.closing.open.iter().filter(|open| open.exception.is_none());
        Self {
            gateway: record.book.gateway.clone(),
            mode: record.book.mode,
            day: record.day,
            state: record.state,
            refused: record.refused.clone(),
            reconciled_at: record.reconciled_at.clone(),
            counts: record.counts,
            totals: record.totals.clone(),
            exceptions: raised,
            late,
            open_before,
            own: own.into_iter().filter(of_then).map(|exception| Aged::on(exception, today)).collect(),
            on_its_way: waiting.filter(|open| open.subject == Subject::Funding).cloned().collect(),
        }
    }

    /// How many exceptions wait for their owner.
    pub fn open(&self) -> usize {
        let all = self.exceptions.iter().chain(&self.open_before).chain(&self.own);
        all.filter(|aged| aged.state == State::Open).count()
    }

    /// The kinds of the day's own exceptions, with how often.
    pub fn kinds(&self) -> BTreeMap<ExceptionKind, usize> {
        let mut kinds = BTreeMap::new();
        for aged in &self.exceptions {
            *kinds.entry(aged.exception.kind).or_default() += 1;
        }
        kinds
    }
}
