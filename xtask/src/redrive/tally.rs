//! The letters of one place, counted: how many, how old, and why they are there.

use std::collections::BTreeMap;

/// So many different reasons are told apart; the rest are counted together.
const MOST_REASONS: usize = 12;
/// What the rest are called.
const OTHER: &str = "other reasons";

/// A count of letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub letters: u64,
    oldest: Option<i64>,
    newest: Option<i64>,
    reasons: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts a letter that was written at this moment (milliseconds since 1970).
    pub fn add(&mut self, milliseconds: i64, reason: &str) {
        self.letters += 1;
        self.oldest = Some(self.oldest.map_or(milliseconds, |oldest| oldest.min(milliseconds)));
        self.newest = Some(self.newest.map_or(milliseconds, |newest| newest.max(milliseconds)));
        let known = self.reasons.contains_key(reason) || self.reasons.len() < MOST_REASONS;
        *self.reasons.entry(if known { reason } else { OTHER }.to_owned()).or_default() += 1;
    }

    /// How old the letters are, and each reason with its count.
    pub fn lines(&self, now: i64) -> Vec<String> {
        let (Some(oldest), Some(newest)) = (self.oldest, self.newest) else { return Vec::new() };
        let (youngest, eldest) = (age(now - newest), age(now - oldest));
        let ages = if youngest == eldest { format!("{eldest} old") } else { format!("{youngest} to {eldest} old") };
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let reasons = reasons.into_iter().map(|(reason, count)| format!("{count} x {reason}"));
        std::iter::once(ages).chain(reasons).collect()
    }
}

/// A length of time in its largest whole unit.
fn age(milliseconds: i64) -> String {
    let seconds = milliseconds.max(0) / 1_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted_by_reason_and_age() {
        let mut tally = Tally::default();
        assert!(tally.lines(0).is_empty());
        let hour = 3_600_000;
        for (at, reason) in [(0, "broken"), (47 * hour, "late"), (24 * hour, "broken")] {
            tally.add(at, reason);
        }
        assert_eq!(tally.letters, 3);
        assert_eq!(tally.lines(48 * hour), ["1 h to 2 d old", "2 x broken", "1 x late"]);
        // A clock that is behind makes nothing younger than now.
        assert_eq!(tally.lines(46 * hour)[0], "0 s to 1 d old");
        let mut one = Tally::default();
        one.add(0, "broken");
        assert_eq!(one.lines(hour), ["1 h old", "1 x broken"]);
        assert_eq!((age(59_999), age(60_000)), ("59 s".to_owned(), "1 min".to_owned()));
    }

    #[test]
    fn reasons_without_number_are_counted_together() {
        let mut tally = Tally::default();
        (0..1_000).for_each(|number| tally.add(0, &format!("reason {number}")));
        let lines = tally.lines(0);
        assert_eq!((lines.len(), lines[1].as_str()), (MOST_REASONS + 2, "988 x other reasons"));
    }
}
