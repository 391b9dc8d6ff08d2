//! The ledger's tables: journal, blocks, balances, with DynamoDB's conditions and its transaction.

use crate::service::Service;
use crate::world::{Process, World};
use payments::currency::Currency;
use payments::failure::Unavailable;
use payments::ledger::audit::{Journal, Shards};
use payments::ledger::block::{Block, Place, PlacedEntry};
use payments::ledger::{BalanceKey, Dead, Delta};
use payments::ports::{CommitBlock, DeadLetters, EntryPut, JournalEntries, LedgerBlocks, Saved};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Ledger {
    pub entries: RefCell<BTreeMap<String, PlacedEntry>>,
    pub blocks: RefCell<BTreeMap<Place, Block>>,
    pub balances: RefCell<Shards>,
    pub dead: RefCell<Vec<Dead>>,
}

impl Ledger {
    pub fn journal(&self) -> Journal {
        Journal::new(self.blocks.borrow().values().cloned(), self.entries.borrow().values().cloned())
    }

    /// The account's balance by currency, over all its shards.
    pub fn balance(&self, account: &str) -> BTreeMap<Currency, i64> {
        let mut sums = BTreeMap::new();
        for ((_, shard), total) in self.balances.borrow().iter().filter(|((name, _), _)| name == account) {
            if let Some(currency) = shard.split('#').next().and_then(|currency| currency.parse().ok()) {
                *sums.entry(currency).or_default() += i64::try_from(total.minor).unwrap_or(i64::MAX);
            }
        }
        sums
    }

    fn put(&self, entry: &PlacedEntry, was: Option<Place>) -> EntryPut {
        let mut entries = self.entries.borrow_mut();
        match entries.get(&entry.entry.event_id) {
            Some(there) if Some(there.place) != was => EntryPut::Refused(Box::new(there.clone())),
            _ => {
                entries.insert(entry.entry.event_id.clone(), entry.clone());
                EntryPut::Done
            }
        }
    }

    fn commit(&self, block: &Block, changes: &[((String, String), i64, u64)]) -> Saved {
        let mut blocks = self.blocks.borrow_mut();
        if blocks.contains_key(&block.place()) {
            return Saved::Conflict;
        }
        blocks.insert(block.place(), block.clone());
        let mut balances = self.balances.borrow_mut();
        for (item, minor, postings) in changes {
            let total = balances.entry(item.clone()).or_default();
            total.minor += i128::from(*minor);
            total.postings += postings;
        }
        Saved::Done
    }
}

impl JournalEntries for Process {
    async fn put_entry(&self, entry: &PlacedEntry) -> Result<EntryPut, Unavailable> {
        let entry = entry.clone();
        Ok(self.call(Service::Journal, move |world| world.ledger.put(&entry, None)).await?)
    }

    async fn put_entry_over(&self, entry: &PlacedEntry, was: Place) -> Result<EntryPut, Unavailable> {
        let entry = entry.clone();
        Ok(self.call(Service::Journal, move |world| world.ledger.put(&entry, Some(was))).await?)
    }
}

impl LedgerBlocks for Process {
    async fn head(&self, chain: u32) -> Result<Option<Block>, Unavailable> {
        let places = Place { chain, block: 0 }..=Place { chain, block: u64::MAX };
        let head = move |world: &World| {
            let blocks = world.ledger.blocks.borrow();
            blocks.range(places.clone()).next_back().map(|(_, block)| block.clone())
        };
        Ok(self.call(Service::Journal, head).await?)
    }

    async fn block(&self, place: Place) -> Result<Option<Block>, Unavailable> {
        Ok(self.call(Service::Journal, move |world| world.ledger.blocks.borrow().get(&place).cloned()).await?)
    }
}

impl CommitBlock for Process {
    async fn commit(&self, block: &Block, changes: &BTreeMap<BalanceKey<'_>, Delta>) -> Result<Saved, Unavailable> {
        let items = changes
            .iter()
            .map(|(key, delta)| ((key.account.to_string(), key.shard(block.chain)), delta.minor, delta.postings));
        let (block, items) = (block.clone(), items.collect::<Vec<_>>());
        if items.len() > 99 {
            self.world.violate("1 ledger", None, format!("{} actions in one transaction", items.len() + 1));
        }
        // A transaction that is sent again has the same token, and is told what came of it the first time.
        let token = Cell::new(None);
        let commit = move |world: &World| {
            let saved = token.get().unwrap_or_else(|| world.ledger.commit(&block, &items));
            token.set(Some(saved));
            saved
        };
        Ok(self.call(Service::Journal, commit).await?)
    }
}

impl DeadLetters for Process {
    async fn bury(&self, record: &Dead) -> Result<(), Unavailable> {
        let record = record.clone();
        Ok(self.call(Service::DeadLetters, move |world| world.ledger.dead.borrow_mut().push(record.clone())).await?)
    }
}
