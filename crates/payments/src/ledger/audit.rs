//! The journal, read back: whether its chains hold, what its balances must be, and what happened on an account.
//!
//! An entry counts if the block that it names lists it. Everything here is worked out from the blocks and the entries;
//! the balances are only what it is compared with.

use super::block::{Block, BlockHash, Place, PlacedEntry, hash};
use super::{Account, BalanceKey, JournalEntry};
use crate::currency::Currency;
use crate::timestamp::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong with a journal, or with the balances beside it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Finding {
    /// A number is left out, or there twice.
    #[error("{found} follows on {expected} - 1")]
    Gap {
        /// The place that had to come.
        expected: Place,
        /// The one that did.
        found: Place,
    },
    /// It names another block before it than the one that is there.
    #[error("{0} does not name the hash of the block before")]
    Unchained(Place),
    /// Its hash is not that of its entries.
    #[error("{0}: its hash does not follow from its entries as they are now")]
    Changed(Place),
    /// An entry that it lists is gone.
    #[error("{place} lists {event_id}, which is not in the journal")]
    Missing {
        /// The block.
        place: Place,
        /// The entry.
        event_id: String,
    },
    /// An entry that it lists names another block.
    #[error("{place} lists {event_id}, which names {named}")]
    Elsewhere {
        /// The block.
        place: Place,
        /// The entry.
        event_id: String,
        /// Where the entry says that it is.
        named: Place,
    },
    /// An entry is in two blocks, or twice in one.
    #[error("{event_id} is listed twice, the second time by {place}")]
    Twice {
        /// The second block.
        place: Place,
        /// The entry.
        event_id: String,
    },
    /// An entry does not sum to zero.
    #[error("{event_id}: its postings in {currency} sum to {sum}")]
    Unbalanced {
        /// The entry.
        event_id: String,
        /// In which currency.
        currency: Currency,
        /// By how much.
        sum: i128,
    },
    /// All balances together do not sum to zero.
    #[error("the balances in {currency} sum to {sum}")]
    TrialBalance {
        /// In which currency.
        currency: Currency,
        /// By how much.
        sum: i128,
    },
    /// A balance is not the fold of its postings.
    #[error("{account} {shard}: the balance is {is}, its postings make {should}")]
    WrongBalance {
        /// The account's text.
        account: String,
        /// Its shard.
        shard: String,
        /// What is stored.
        is: Total,
        /// What the journal says.
        should: Total,
    },
}

/// The sum of postings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Total {
    /// Minor units, signed.
    pub minor: i128,
    /// How many postings it is made of.
    pub postings: u64,
}

impl std::fmt::Display for Total {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} postings", self.minor, self.postings)
    }
}

/// Totals by account and shard, as the balances' table has them.
pub type Shards = BTreeMap<(String, String), Total>;

/// A journal: every block, by place, and every entry, by event.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    blocks: BTreeMap<Place, Block>,
    entries: BTreeMap<String, PlacedEntry>,
}

/// A line of an account's statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When the event happened (RFC 3339).
    pub occurred_at: String,
    /// The event.
    pub event_id: String,
    /// The block that it was posted in.
    #[serde(flatten)]
    pub place: Place,
    /// The currency.
    pub currency: Currency,
    /// Minor units, signed: debits are positive.
    pub minor: i64,
    /// When it is due, if it waits for a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// The account's balance in that currency after it.
    pub balance: i128,
}

impl Journal {
    /// Of those blocks and entries, in whatever order.
    pub fn new(blocks: impl IntoIterator<Item = Block>, entries: impl IntoIterator<Item = PlacedEntry>) -> Self {
        Self {
            blocks: blocks.into_iter().map(|block| (block.place(), block)).collect(),
            entries: entries.into_iter().map(|placed| (placed.entry.event_id.clone(), placed)).collect(),
        }
    }

    /// How many blocks there are.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The entries that count, block by block, with their places.
    pub fn committed(&self) -> impl Iterator<Item = (Place, &JournalEntry)> {
        self.blocks.iter().flat_map(|(place, block)| {
            let entries = block.event_ids.iter().filter_map(|event_id| self.entries.get(event_id));
            entries.filter(|placed| placed.place == *place).map(|placed| (*place, &placed.entry))
        })
    }

    /// Walks every chain: numbers without gaps, each block sealed to the one before, every listed entry there, listed once
    /// and unchanged, each summing to zero.
    pub fn verify(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut listed = BTreeSet::new();
        let mut before: Option<&Block> = None;
        for (place, block) in &self.blocks {
            let head = before.filter(|head| head.chain == block.chain);
            let expected = Block::next(head, block.chain);
            if *place != expected {
                found.push(Finding::Gap { expected, found: *place });
            }
            if block.previous != head.map_or(BlockHash::NONE, |head| head.hash) {
                found.push(Finding::Unchained(*place));
            }
            self.verify_entries(block, &mut listed, &mut found);
            before = Some(block);
        }
        found
    }

    fn verify_entries<'a>(&'a self, block: &'a Block, listed: &mut BTreeSet<&'a str>, found: &mut Vec<Finding>) {
        let place = block.place();
        let mut entries = Vec::with_capacity(block.event_ids.len());
        for event_id in &block.event_ids {
            if !listed.insert(event_id) {
                found.push(Finding::Twice { place, event_id: event_id.clone() });
            }
            let Some(placed) = self.entries.get(event_id) else {
                found.push(Finding::Missing { place, event_id: event_id.clone() });
                continue;
            };
            if placed.place != place {
                found.push(Finding::Elsewhere { place, event_id: event_id.clone(), named: placed.place });
            }
            let sums = sums(&placed.entry);
            found.extend(sums.into_iter().filter(|(_, sum)| *sum != 0).map(|(currency, sum)| Finding::Unbalanced {
                event_id: event_id.clone(),
                currency,
                sum,
            }));
            entries.push(&placed.entry);
        }
        if hash(place, block.previous, &entries) != block.hash {
            found.push(Finding::Changed(place));
        }
    }

    /// The balances that follow from the entries that count.
    pub fn rebuild(&self) -> Shards {
        let mut shards = Shards::new();
        // Shards are named once per key, not once per posting.
        let mut totals = BTreeMap::<(BalanceKey<'_>, u32), Total>::new();
        for (place, entry) in self.committed() {
            for posting in &entry.postings {
                let total = totals.entry((posting.key(), place.chain)).or_default();
                total.minor += i128::from(posting.minor);
                total.postings += 1;
            }
        }
        for ((key, chain), total) in totals {
            shards.insert((key.account.to_string(), key.shard(chain)), total);
        }
        shards
    }

    /// The account's lines that happened from `from` until before `until`, in the order in which they happened; each with
    /// the balance after it, which begins with everything before.
    pub fn statement(&self, account: &Account, from: Option<Timestamp>, until: Option<Timestamp>) -> Vec<Line> {
        let mut balances = BTreeMap::<Currency, i128>::new();
        let mut lines = Vec::new();
        for (at, place, entry) in self.by_time() {
            if until.is_some_and(|until| at >= until) {
                break;
            }
            for posting in entry.postings.iter().filter(|posting| posting.account == *account) {
                let balance = balances.entry(posting.currency).or_default();
                *balance += i128::from(posting.minor);
                if from.is_some_and(|from| at < from) {
                    continue;
                }
                lines.push(Line {
                    occurred_at: entry.occurred_at.clone(),
                    event_id: entry.event_id.clone(),
                    place,
                    currency: posting.currency,
                    minor: posting.minor,
                    due: posting.due.clone(),
                    balance: *balance,
                });
            }
        }
        lines
    }

    /// The account's balance by currency of all that happened until `at`, that moment included.
    pub fn balance_at(&self, account: &Account, at: Timestamp) -> BTreeMap<Currency, i128> {
        let mut balances = BTreeMap::new();
        for (_, _, entry) in self.by_time().into_iter().filter(|(happened, _, _)| *happened <= at) {
            for posting in entry.postings.iter().filter(|posting| posting.account == *account) {
                *balances.entry(posting.currency).or_default() += i128::from(posting.minor);
            }
        }
        balances
    }

    /// The entries that count, in the order in which their events happened.
    fn by_time(&self) -> Vec<(Timestamp, Place, &JournalEntry)> {
        let moment = |text: &str| Timestamp::parse_rfc3339(text).unwrap_or(Timestamp::from_millis(0));
        let mut entries: Vec<_> =
            self.committed().map(|(place, entry)| (moment(&entry.occurred_at), place, entry)).collect();
        // Stable: at one moment, the order of the journal.
        entries.sort_by_key(|(at, place, _)| (*at, *place));
        entries
    }
}

/// Every account's balance by currency, and what they sum to: zero in each, or the ledger is wrong.
pub fn trial_balance(shards: &Shards) -> (BTreeMap<(String, String), i128>, Vec<Finding>) {
    let mut accounts = BTreeMap::<(String, String), i128>::new();
    let mut sums = BTreeMap::<&str, i128>::new();
    for ((account, shard), total) in shards {
        let currency = shard.split('#').next().unwrap_or_default();
        *accounts.entry((currency.to_owned(), account.clone())).or_default() += total.minor;
        *sums.entry(currency).or_default() += total.minor;
    }
    let known = |code: &str| code.parse::<Currency>().ok();
    let found = sums.into_iter().filter(|(_, sum)| *sum != 0);
    let found =
        found.filter_map(|(code, sum)| known(code).map(|currency| Finding::TrialBalance { currency, sum })).collect();
    (accounts, found)
}

/// Every balance that is not what the journal makes it; one that is absent is zero.
pub fn compare(stored: &Shards, rebuilt: &Shards) -> Vec<Finding> {
    let keys: BTreeSet<_> = stored.keys().chain(rebuilt.keys()).collect();
    let total = |shards: &Shards, key| shards.get(key).copied().unwrap_or_default();
    let wrong = keys.into_iter().filter(|key| total(stored, key) != total(rebuilt, key));
    wrong
        .map(|key| Finding::WrongBalance {
            account: key.0.clone(),
            shard: key.1.clone(),
            is: total(stored, key),
            should: total(rebuilt, key),
        })
        .collect()
}

fn sums(entry: &JournalEntry) -> BTreeMap<Currency, i128> {
    let mut sums = BTreeMap::new();
    for posting in &entry.postings {
        *sums.entry(posting.currency).or_default() += i128::from(posting.minor);
    }
    sums
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
