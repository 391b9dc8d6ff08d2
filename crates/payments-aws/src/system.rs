//! The clock and the randomness of this machine.

use payments::ports::{Clock, Randomness};
use payments::timestamp::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// This machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Clock for System {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
        Timestamp::from_millis(i64::try_from(since.as_millis()).expect("milliseconds fit for 292 million years"))
    }
}

impl Randomness for System {
    fn bits(&self) -> [u8; 16] {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).expect("Linux hands out randomness once it is up");
        bits
    }
}
