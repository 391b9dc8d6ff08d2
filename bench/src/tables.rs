//! The ledger's tables in memory, with DynamoDB's conditions and prices, and with failures at a planned call.

use crate::cost::{Cost, item_bytes, units};
use payments::failure::Unavailable;
use payments::ledger::audit::{Journal, Shards, Total};
use payments::ledger::block::{Block, Place, PlacedEntry};
use payments::ledger::{BalanceKey, Dead, Delta};
use payments::ports::{CommitBlock, DeadLetters, EntryPut, JournalEntries, LedgerBlocks, Saved};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::task::Poll;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens.
    Before,
    /// It happens, and nobody learns of it.
    After,
}

/// Journal, blocks, balances and dead letters.
#[derive(Debug, Default)]
pub struct Tables {
    /// By event.
    pub journal: RefCell<BTreeMap<String, PlacedEntry>>,
    /// By place.
    pub blocks: RefCell<BTreeMap<Place, Block>>,
    /// By account and shard.
    pub balances: RefCell<Shards>,
    /// What nobody could read.
    pub dead: RefCell<Vec<Dead>>,
    /// What all of it cost.
    pub cost: RefCell<Cost>,
    /// Calls so far.
    pub calls: Cell<u64>,
    /// The call that fails, and how.
    pub fault: Cell<Option<(u64, Fault)>>,
    /// Whether each call is a point where a task may be left for another, or for ever.
    pub turns: Cell<bool>,
    /// Whether costs are counted: an item's size takes longer than the write.
    pub counts: Cell<bool>,
}

fn planned() -> Unavailable {
    Unavailable::new("a table", "planned")
}

impl Tables {
    /// Empty, with costs.
    pub fn new() -> Self {
        let tables = Self::default();
        tables.counts.set(true);
        tables
    }

    /// The `after`th call from now on fails.
    pub fn fail(&self, after: u64, fault: Fault) {
        self.fault.set(Some((self.calls.get() + after, fault)));
    }

    /// All that is in the journal.
    pub fn read_journal(&self) -> Journal {
        Journal::new(self.blocks.borrow().values().cloned(), self.journal.borrow().values().cloned())
    }

    /// One call: others may act before it takes effect.
    async fn call<T>(&self, effect: impl FnOnce() -> T) -> Result<T, Unavailable> {
        let call = self.calls.get();
        self.calls.set(call + 1);
        if self.turns.get() {
            // One turn or two, so that calls made at once do not stay in step.
            turn(1 + call % 2).await;
        }
        let fault = self.fault.get().filter(|(planned, _)| *planned == call).map(|(_, fault)| fault);
        if fault == Some(Fault::Before) {
            return Err(planned());
        }
        let answer = effect();
        if fault == Some(Fault::After) { Err(planned()) } else { Ok(answer) }
    }

    fn pay_entry(&self, entry: &PlacedEntry, refused: bool) {
        if self.counts.get() {
            let item = serde_json::to_value(entry).expect("an entry has a JSON form");
            let mut cost = self.cost.borrow_mut();
            cost.entries += units(item_bytes(&item));
            cost.refused += u64::from(refused);
        }
    }

    fn pay_block(&self, block: &Block, balances: usize, refused: bool) {
        if self.counts.get() {
            let item = serde_json::to_value(block).expect("a block has a JSON form");
            let mut cost = self.cost.borrow_mut();
            cost.blocks += 2 * units(item_bytes(&item));
            // A balance is a few numbers and two short texts: always one unit.
            cost.balances += 2 * balances as u64;
            cost.balance_writes += balances as u64;
            cost.refused += u64::from(refused);
        }
    }
}

async fn turn(times: u64) {
    let mut left = times;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl JournalEntries for Tables {
    async fn put_entry(&self, entry: &PlacedEntry) -> Result<EntryPut, Unavailable> {
        self.call(|| {
            let mut journal = self.journal.borrow_mut();
            let there = journal.get(&entry.entry.event_id).cloned();
            self.pay_entry(there.as_ref().unwrap_or(entry), there.is_some());
            match there {
                Some(there) => EntryPut::Refused(Box::new(there)),
                None => {
                    journal.insert(entry.entry.event_id.clone(), entry.clone());
                    EntryPut::Done
                }
            }
        })
        .await
    }

    async fn put_entry_over(&self, entry: &PlacedEntry, was: Place) -> Result<EntryPut, Unavailable> {
        self.call(|| {
            let mut journal = self.journal.borrow_mut();
            let there = journal.get(&entry.entry.event_id).filter(|there| there.place != was).cloned();
            self.pay_entry(entry, there.is_some());
            match there {
                Some(there) => EntryPut::Refused(Box::new(there)),
                None => {
                    journal.insert(entry.entry.event_id.clone(), entry.clone());
                    EntryPut::Done
                }
            }
        })
        .await
    }
}

impl LedgerBlocks for Tables {
    async fn head(&self, chain: u32) -> Result<Option<Block>, Unavailable> {
        let places = Place { chain, block: 0 }..=Place { chain, block: u64::MAX };
        self.call(|| self.blocks.borrow().range(places).next_back().map(|(_, block)| block.clone())).await
    }

    async fn block(&self, place: Place) -> Result<Option<Block>, Unavailable> {
        self.call(|| self.blocks.borrow().get(&place).cloned()).await
    }
}

impl CommitBlock for Tables {
    async fn commit(&self, block: &Block, changes: &BTreeMap<BalanceKey<'_>, Delta>) -> Result<Saved, Unavailable> {
        self.call(|| {
            let actions = 1 + changes.len();
            assert!(actions <= 100, "{actions} actions in one transaction");
            let mut blocks = self.blocks.borrow_mut();
            let taken = blocks.contains_key(&block.place());
            self.pay_block(block, changes.len(), taken);
            if taken {
                return Saved::Conflict;
            }
            blocks.insert(block.place(), block.clone());
            let mut written = std::collections::BTreeSet::new();
            for (key, delta) in changes {
                let item = (key.account.to_string(), key.shard(block.chain));
                assert!(written.insert(item.clone()), "{item:?} twice in one transaction");
                let mut balances = self.balances.borrow_mut();
                let total: &mut Total = balances.entry(item).or_default();
                total.minor += i128::from(delta.minor);
                total.postings += delta.postings;
            }
            Saved::Done
        })
        .await
    }
}

impl DeadLetters for Tables {
    async fn bury(&self, record: &Dead) -> Result<(), Unavailable> {
        self.call(|| self.dead.borrow_mut().push(record.clone())).await
    }
}
