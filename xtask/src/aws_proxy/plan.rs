//! Which calls are broken, and how: rules with rates, and a seed. The same seed breaks the same calls of each kind: its
//! third, its fortieth, whoever makes them.

use bench::numbers::Numbers;
use serde::{Deserialize, Serialize};

use super::call::Call;

/// Of so many calls, a rate says how many are broken.
pub const OF: u64 = 10_000;

/// How a call is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The connection ends before the request arrives.
    CutBefore,
    /// The service answers that it is broken, and has done nothing.
    Fail,
    /// The service refuses, in its own words for too much.
    Throttle,
    /// Carried out, and the connection ends instead of an answer.
    CutAfter,
    /// Carried out, and the connection ends in the middle of the answer.
    CutWithin,
    /// The request arrives late, and the answer comes in time.
    Delay,
    /// Carried out, and the answer comes when nobody waits for it any more.
    Slow,
    /// The request arrives twice, and one of the two answers is given.
    Duplicate,
    /// The request arrives once more, up to four seconds after it was answered.
    Echo,
}

impl Fault {
    /// Each.
    pub const ALL: [Self; 9] = [
        Self::CutBefore,
        Self::Fail,
        Self::Throttle,
        Self::CutAfter,
        Self::CutWithin,
        Self::Delay,
        Self::Slow,
        Self::Duplicate,
        Self::Echo,
    ];

    /// Whether it may befall every try of a call.
    pub fn may_last(self) -> bool {
        matches!(self, Self::CutBefore | Self::Fail | Self::Throttle | Self::CutAfter | Self::CutWithin)
    }

    /// Its name in a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::CutBefore => "cut-before",
            Self::Fail => "fail",
            Self::Throttle => "throttle",
            Self::CutAfter => "cut-after",
            Self::CutWithin => "cut-within",
            Self::Delay => "delay",
            Self::Slow => "slow",
            Self::Duplicate => "duplicate",
            Self::Echo => "echo",
        }
    }
}

/// So many of ten thousand calls are broken so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Calls of this service.
    pub service: String,
    /// Calls of this operation; of any if absent.
    pub operation: Option<String>,
    /// How.
    pub fault: Fault,
    /// How many of [`OF`].
    pub rate: u64,
}

impl Rule {
    fn is_for(&self, call: &Call) -> bool {
        self.service == call.service && self.operation.as_ref().is_none_or(|operation| *operation == call.operation)
    }
}

/// What befalls a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// How it is broken.
    pub fault: Fault,
    /// A number from the seed, for whatever else is open.
    pub chance: u64,
}

/// Rules and a seed; none breaks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Where chance comes from.
    pub seed: u64,
    /// At most one befalls a call; their rates add up.
    pub rules: Vec<Rule>,
}

impl Plan {
    /// What befalls the call of this name with this number.
    pub fn hit(&self, call: &Call, number: u64) -> Option<Hit> {
        let name = call.to_string().bytes().fold(self.seed, |sum, byte| Numbers::new(sum ^ u64::from(byte)).number());
        let mut numbers = Numbers::new(name.wrapping_add(number));
        let (mut drawn, chance) = (numbers.number() % OF, numbers.number());
        for rule in self.rules.iter().filter(|rule| rule.is_for(call)) {
            if drawn < rule.rate {
                return Some(Hit { fault: rule.fault, chance });
            }
            drawn -= rule.rate;
        }
        None
    }
}
