//! Which entries of the journal count: those that the block they name lists. Whoever reads the journal asks here.

use crate::config::StartError;
use crate::journal::block_at;
use crate::table::Table;
use payments::failure::Unavailable;
use payments::ledger::block::Place;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// The ledger's blocks in DynamoDB, read only.
#[derive(Clone, Debug)]
pub(crate) struct Blocks(Table);

/// What the blocks list that were asked for so far: each is read once.
pub(crate) struct Listed<'a> {
    blocks: &'a Table,
    known: BTreeMap<Place, BTreeSet<String>>,
}

impl Blocks {
    /// From `LEDGER_BLOCKS_TABLE`.
    pub(crate) async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("LEDGER_BLOCKS_TABLE", "the ledger's blocks").await?))
    }

    /// What they list, for one reading of the journal.
    pub(crate) fn listed(&self) -> Listed<'_> {
        Listed { blocks: &self.0, known: BTreeMap::new() }
    }
}

impl Listed<'_> {
    /// Whether the entry of that event, which names that block, counts.
    pub(crate) async fn counts(&mut self, event_id: &str, place: Place) -> Result<bool, Unavailable> {
        let listed = match self.known.entry(place) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let block = block_at(self.blocks, place).await?;
                unknown.insert(block.map(|block| block.event_ids.into_iter().collect()).unwrap_or_default())
            }
        };
        Ok(listed.contains(event_id))
    }
}
