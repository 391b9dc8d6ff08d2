//! How many calls there were, and how many of them were broken how.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::call::Call;
use super::plan::Fault;

/// The counts of a plan, by the call's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// All calls.
    pub calls: BTreeMap<String, u64>,
    /// The broken ones.
    pub hits: BTreeMap<Fault, BTreeMap<String, u64>>,
}

impl Tally {
    /// Counts a call; how many of its name came before.
    pub fn count(&mut self, call: &Call) -> u64 {
        let count = self.calls.entry(call.to_string()).or_default();
        *count += 1;
        *count - 1
    }

    /// Counts a broken call.
    pub fn hit(&mut self, call: &Call, fault: Fault) {
        *self.hits.entry(fault).or_default().entry(call.to_string()).or_default() += 1;
    }

    /// How many calls were broken so.
    pub fn of(&self, fault: Fault) -> u64 {
        self.hits.get(&fault).map_or(0, |calls| calls.values().sum())
    }

    /// How many calls were broken.
    pub fn broken(&self) -> u64 {
        Fault::ALL.into_iter().map(|fault| self.of(fault)).sum()
    }

    /// How many calls there were.
    pub fn all(&self) -> u64 {
        self.calls.values().sum()
    }
}
