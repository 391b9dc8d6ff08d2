//! What the same deliveries would cost without blocks: one transaction per event, its entry and its balances in it, two
//! write units an item.

use crate::cost::{Cost, item_bytes, units};
use payments::ledger::{JournalEntry, fold};
use std::collections::BTreeSet;

/// Counts; the tables themselves are not needed for that.
#[derive(Debug, Default)]
pub struct OneByOne {
    posted: BTreeSet<String>,
    /// What all of it cost.
    pub cost: Cost,
}

impl OneByOne {
    /// One transaction per entry. One that is there is refused; of that, only the entry's own units are counted.
    pub fn post(&mut self, entries: &[JournalEntry]) {
        for entry in entries {
            let item = serde_json::to_value(entry).expect("an entry has a JSON form");
            self.cost.entries += 2 * units(item_bytes(&item));
            if self.posted.insert(entry.event_id.clone()) {
                let balances = fold([entry]).len() as u64;
                self.cost.balances += 2 * balances;
                self.cost.balance_writes += balances;
            } else {
                self.cost.refused += 1;
            }
        }
    }

    /// How many entries were posted.
    pub fn posted(&self) -> usize {
        self.posted.len()
    }
}
