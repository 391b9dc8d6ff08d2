//! A gateway's circuit breaker: when payments that could go elsewhere are kept from a gateway that fails, and how it is found
//! well again. All processes share its state; losing that state sends payments to the gateway, and never loses one.
//!
//! ```text
//! closed ──five calls in a row failed, or half of ten seconds'──> open ──every two seconds one caller──> ping
//!   ^                                                             ^                                     │
//!   └─ that caller's payment was answered <── trial <── the ping was answered      it was not ──────────┘
//! ```

/// Calls are counted in spans of this length, and judged by the running span and the one before.
pub const SPAN_MILLIS: i64 = 5_000;
/// So many calls have to fail before anything is said of a gateway: in a row, or in two spans.
const LEAST_FAILED: u32 = 5;
/// An open breaker lets one caller try the gateway this often.
pub const COOL_OFF_MILLIS: i64 = 2_000;
/// An open breaker is forgotten when nobody tried the gateway for so long, and so are failures in a row.
pub const OPEN_MILLIS: i64 = 60_000;
/// An answer that took longer counts as none: whoever waits for it has gone, or soon will.
pub const SLOW_MILLIS: i64 = 2_000;

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// Send.
    Closed,
    /// Send it elsewhere.
    Open,
    /// This caller, and nobody else for a while, finds out whether the gateway is back.
    Probe,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// It was answered in time, whatever the answer was.
    Answered,
    /// It was not.
    Failed,
    /// A payment that was sent to try the gateway, answered in time: the breaker closes.
    TrialAnswered,
    /// A ping or a payment that tried the gateway in vain: the breaker stays open.
    TrialFailed,
}

/// What calls came to of late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Answered in time, in two spans.
    pub answered: u32,
    /// Not, in two spans.
    pub failed: u32,
    /// Failed since the last one that was answered in time.
    pub in_a_row: u32,
}

impl Window {
    /// Whether the gateway is to be left alone.
    pub fn trips(self) -> bool {
        self.in_a_row >= LEAST_FAILED || (self.failed >= LEAST_FAILED && self.failed >= self.answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_in_a_row_or_half_of_the_calls_and_five_at_least_trip_it() {
        let check = |answered, failed, in_a_row, trips| {
            assert_eq!(Window { answered, failed, in_a_row }.trips(), trips, "{answered} {failed} {in_a_row}");
        };
        check(0, 4, 4, false);
        check(0, 5, 5, true);
        check(5, 5, 1, true);
        check(6, 5, 1, false);
        check(6, 5, 5, true);
        check(1_000, 999, 4, false);
        check(999, 1_000, 4, true);
    }
}
