//! The journal in blocks: one chain per Kafka partition, each block sealed by a hash over the one before and over every
//! byte of its entries.
//!
//! An entry names the block that it wants to be in, and counts only if that block exists and lists it. The block's item
//! is therefore the one write that decides; it is put together with the balances that follow from it.

use super::{BalanceKey, Delta, Deltas, JournalEntry, fold_into, unfold};
use crate::id::{InvalidId, string_serde};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// Entries of one block: more than 6 MB of events make, so that a batch is one block per partition, and few enough for the
/// block's item, which lists them in 40 bytes each and may have 400 KB.
pub const MAX_ENTRIES: usize = 4000;
/// Balances that one block changes: with the block itself, the hundred actions of a DynamoDB transaction.
pub const MAX_BALANCES: usize = 99;

/// A block's place: chains are Kafka partitions, blocks are numbered from 1 without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The chain.
    pub chain: u32,
    /// The number of the block in it. (`block` is a reserved word of DynamoDB's expressions.)
    #[serde(rename = "block_number")]
    pub block: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {} of chain {}", self.block, self.chain)
    }
}

/// An entry as it is stored: with the block that it wants to be in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedEntry {
    /// The entry.
    #[serde(flatten)]
    pub entry: JournalEntry,
    /// The block that it names. That block need not exist, and if it does, need not list the entry.
    #[serde(flatten)]
    pub place: Place,
}

/// The hash of a block; its text is 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BlockHash([u8; 32]);

impl BlockHash {
    /// What stands before the first block of a chain.
    pub const NONE: Self = Self([0; 32]);
}

impl fmt::Display for BlockHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for BlockHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BlockHash {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidId("64 hexadecimal digits"))?;
        Ok(Self(bytes))
    }
}

string_serde!(BlockHash);

/// A block: which entries count, in which order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Its chain.
    pub chain: u32,
    /// Its number.
    pub number: u64,
    /// The hash of the block before.
    pub previous: BlockHash,
    /// Its own hash.
    pub hash: BlockHash,
    /// The lowest offset of its entries' records.
    pub first_offset: i64,
    /// The highest.
    pub last_offset: i64,
    /// The event ids of its entries, in the order of the records.
    pub event_ids: Vec<String>,
}

impl Block {
    /// The block behind `head`, of these entries, at least one.
    pub fn after(head: Option<&Self>, chain: u32, entries: &[&JournalEntry]) -> Self {
        let place = Self::next(head, chain);
        let previous = head.map_or(BlockHash::NONE, |head| head.hash);
        let offsets = || entries.iter().map(|entry| entry.position.offset);
        Self {
            chain,
            number: place.block,
            previous,
            hash: hash(place, previous, entries),
            first_offset: offsets().min().unwrap_or_default(),
            last_offset: offsets().max().unwrap_or_default(),
            event_ids: entries.iter().map(|entry| entry.event_id.clone()).collect(),
        }
    }

    /// The place behind `head`.
    pub fn next(head: Option<&Self>, chain: u32) -> Place {
        Place { chain, block: head.map_or(0, |head| head.number) + 1 }
    }

    /// Its own place.
    pub fn place(&self) -> Place {
        Place { chain: self.chain, block: self.number }
    }

    /// The event ids that it lists.
    pub fn listed(&self) -> BTreeSet<&str> {
        self.event_ids.iter().map(String::as_str).collect()
    }
}

/// SHA-256 over the place, the hash of the block before, and the entries' bytes, each behind its length.
pub fn hash(place: Place, previous: BlockHash, entries: &[&JournalEntry]) -> BlockHash {
    let mut hasher = Sha256::new();
    hasher.update(b"florin block 1");
    hasher.update(place.chain.to_be_bytes());
    hasher.update(place.block.to_be_bytes());
    hasher.update(previous.0);
    hasher.update((entries.len() as u64).to_be_bytes());
    let mut bytes = Vec::with_capacity(1024);
    for entry in entries {
        bytes.clear();
        write_entry(&mut bytes, entry);
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(&bytes);
    }
    BlockHash(hasher.finalize().into())
}

/// An entry's canonical bytes: texts behind their lengths, numbers with their highest byte first. Two entries have the
/// same bytes only if they are the same.
fn write_entry(bytes: &mut Vec<u8>, entry: &JournalEntry) {
    write_text(bytes, &entry.event_id);
    write_text(bytes, entry.reference.as_deref().unwrap_or_default());
    write_text(bytes, &entry.occurred_at);
    bytes.extend(entry.position.partition.to_be_bytes());
    bytes.extend(entry.position.offset.to_be_bytes());
    bytes.extend((entry.postings.len() as u32).to_be_bytes());
    for posting in &entry.postings {
        // The account is written behind a place for its length, so that no text is made of it first.
        let length_at = bytes.len();
        bytes.extend([0; 4]);
        posting.account.write_to(bytes);
        let length = (bytes.len() - length_at - 4) as u32;
        bytes[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
        bytes.extend(posting.currency.letters());
        bytes.extend(posting.minor.to_be_bytes());
        write_text(bytes, posting.due.as_deref().unwrap_or_default());
    }
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u32).to_be_bytes());
    bytes.extend(text.as_bytes());
}

/// Each event's first entry, in their order: the same event twice would be the same item twice.
pub fn once_each(mut entries: Vec<JournalEntry>) -> Vec<JournalEntry> {
    let mut seen = FxHashSet::default();
    let first: Vec<bool> = entries.iter().map(|entry| seen.insert(entry.event_id.as_str())).collect();
    let mut first = first.into_iter();
    entries.retain(|_| first.next() == Some(true));
    entries
}

/// Folds the entries, from the first on, that fit one block: how many they are, none if there are none and else at least
/// one, and what they change.
pub fn fold_that_fit<'a>(
    entries: impl IntoIterator<Item = &'a JournalEntry>,
) -> (usize, BTreeMap<BalanceKey<'a>, Delta>) {
    let mut deltas = Deltas::default();
    let mut count = 0;
    for entry in entries.into_iter().take(MAX_ENTRIES) {
        fold_into(&mut deltas, entry);
        if deltas.len() > MAX_BALANCES && count > 0 {
            unfold(&mut deltas, entry);
            break;
        }
        count += 1;
    }
    (count, deltas.into_iter().collect())
}

#[cfg(test)]
#[path = "block_tests.rs"]
mod tests;
