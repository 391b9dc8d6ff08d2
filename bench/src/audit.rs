//! Whether everything that was sent is in the books once, in order, to the minor unit.

use crate::tables::Tables;
use crate::traffic::{Traffic, payment_id};
use payments::ledger::audit::{Finding, Journal, compare, trial_balance};
use std::collections::{BTreeMap, BTreeSet};

/// What was found.
#[derive(Debug, Default)]
pub struct Audit {
    /// Entries that count.
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

/// Looks through the tables, after all of `sent` was delivered.
pub fn audit(tables: &Tables, traffic: &Traffic, sent: &BTreeSet<(u32, u8)>) -> Audit {
    let journal = tables.read_journal();
    let mut audit = Audit { blocks: journal.blocks(), ..Audit::default() };
    for finding in journal.verify() {
        match finding {
            Finding::Twice { .. } => audit.twice += 1,
            other => audit.findings.push(other.to_string()),
        }
    }
    let posted: BTreeSet<&str> = journal.committed().map(|(_, entry)| entry.event_id.as_str()).collect();
    audit.posted = posted.len();
    let money = sent.iter().filter(|(payment, event)| traffic.moves_money(*payment, *event));
    let due: BTreeSet<String> =
        money.map(|(payment, event)| format!("{}:{}", payment_id(*payment), event + 1)).collect();
    audit.lost = due.iter().filter(|event_id| !posted.contains(event_id.as_str())).count();
    let foreign = posted.iter().filter(|event_id| !due.contains(**event_id)).count();
    if foreign > 0 {
        audit.findings.push(format!("{foreign} entries of events that move no money, or were never sent"));
    }
    audit.out_of_order = out_of_order(tables);
    check_balances(tables, &journal, &mut audit);
    let dead = tables.dead.borrow().len();
    if dead > 0 {
        audit.findings.push(format!("{dead} records were buried"));
    }
    audit
}

/// In the order in which blocks were committed, each payment's versions go up.
fn out_of_order(tables: &Tables) -> usize {
    let (blocks, order) = (tables.blocks.borrow(), tables.order.borrow());
    let mut latest = BTreeMap::<&str, u32>::new();
    let mut count = 0;
    for event_id in order.iter().flat_map(|place| &blocks[place].event_ids) {
        let Some((payment, version)) = event_id.rsplit_once(':') else { continue };
        let version = version.parse().unwrap_or_default();
        let before = latest.insert(payment, version);
        count += usize::from(before.is_some_and(|before| before >= version));
    }
    count
}

fn check_balances(tables: &Tables, journal: &Journal, audit: &mut Audit) {
    let stored = tables.balances.borrow();
    audit.shards = stored.len();
    let (_, unbalanced) = trial_balance(&stored);
    let wrong = compare(&stored, &journal.rebuild());
    audit.findings.extend(unbalanced.iter().chain(&wrong).map(ToString::to_string));
}
