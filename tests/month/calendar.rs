//! The month's days and the clock of the world.

use crate::world::World;
use payments::reconcile::Day;
use payments::timestamp::Timestamp;

/// The days of one month.
pub struct Days(Vec<Day>);

impl Days {
    /// All days of the month that begins on that day.
    pub fn of(first: &str) -> Self {
        let first: Day = first.parse().unwrap();
        let month = first.date().month();
        let days = std::iter::successors(Some(first), |day| Some(day.next()));
        Self(days.take_while(|day| day.date().month() == month).collect())
    }

    /// All, in order.
    pub fn all(&self) -> impl Iterator<Item = Day> {
        self.0.iter().copied()
    }

    /// The day of that number, from 1.
    pub fn nth(&self, number: usize) -> Day {
        self.0[number - 1]
    }

    /// The last one.
    pub fn last(&self) -> Day {
        self.0[self.0.len() - 1]
    }
}

/// Monday to Friday: the bank's own working days. A currency's holidays are known to the handlers.
pub fn is_working(day: Day) -> bool {
    day.previous().business_days_until(day, None) == 1
}

/// Puts the world's clock to that hour of that day, in UTC.
pub fn set_clock(world: &World, day: Day, hour: u8) {
    let moment = Timestamp::parse_rfc3339(&format!("{day}T{hour:02}:00:00Z")).unwrap();
    world.now.set(moment.as_millis());
}
