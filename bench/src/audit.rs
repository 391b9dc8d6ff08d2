//! Whether everything that was sent is in the books once, in order, to the minor unit.

use crate::topic::Sent;
use crate::traffic::Traffic;
use payments::ledger::audit::{Finding, Journal, Shards, compare, trial_balance};
use std::collections::{BTreeMap, BTreeSet};

/// What was found.
#[derive(Debug, Default)]
pub struct Audit {
    /// Entries of what was sent that count.
    pub posted: usize,
    /// Events that moved money and are in no block.
    pub lost: usize,
    /// Events that are in more than one block, or twice in one.
    pub twice: usize,
    /// Events of a payment that were posted before an earlier one of it.
    pub out_of_order: usize,
    /// Everything else, in words.
    pub findings: Vec<String>,
    /// Blocks.
    pub blocks: usize,
    /// Balances' shards.
    pub shards: usize,
}

impl Audit {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.lost == 0 && self.twice == 0 && self.out_of_order == 0 && self.findings.is_empty()
    }
}

/// Looks through journal and balances, after all of `sent` was delivered. What other traffic left there may be sound, and is
/// not counted.
pub fn audit(journal: &Journal, stored: &Shards, traffic: &Traffic, sent: &BTreeSet<Sent>) -> Audit {
    let mut audit = Audit { blocks: journal.blocks(), shards: stored.len(), ..Audit::default() };
    for finding in journal.verify() {
        match finding {
            Finding::Twice { .. } => audit.twice += 1,
            other => audit.findings.push(other.to_string()),
        }
    }
    let money = sent.iter().filter(|(payment, event)| traffic.moves_money(*payment, *event));
    let due: BTreeSet<String> = money.map(|(payment, event)| traffic.event_id(*payment, *event)).collect();
    let posted: BTreeSet<&str> = journal.committed().map(|(_, entry)| entry.event_id.as_str()).collect();
    audit.posted = due.iter().filter(|event_id| posted.contains(event_id.as_str())).count();
    audit.lost = due.len() - audit.posted;
    audit.out_of_order = out_of_order(journal);
    let (_, unbalanced) = trial_balance(stored);
    let wrong = compare(stored, &journal.rebuild());
    audit.findings.extend(unbalanced.iter().chain(&wrong).map(ToString::to_string));
    audit
}

/// A payment's events are in one partition, and there, block after block, its versions go up.
fn out_of_order(journal: &Journal) -> usize {
    let mut latest = BTreeMap::<&str, u32>::new();
    let mut count = 0;
    for (_, entry) in journal.committed() {
        let Some((payment, version)) = entry.event_id.rsplit_once(':') else { continue };
        let version = version.parse().unwrap_or_default();
        let before = latest.insert(payment, version);
        count += usize::from(before.is_some_and(|before| before >= version));
    }
    count
}
