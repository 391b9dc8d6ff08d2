//! One partition's chain: claims entries for the next block, then commits the block. Whatever broke off before, under
//! whatever batch or offset, each event ends in exactly one block (docs/adr/0004-the-journal-is-a-chain-of-blocks.md).

use futures_util::stream::{self, StreamExt, TryStreamExt};
use payments::failure::Unavailable;
use payments::ledger::JournalEntry;
use payments::ledger::block::{Block, Place, PlacedEntry, fold_that_fit, once_each};
use payments::ports::{CommitBlock, EntryPut, JournalEntries, LedgerBlocks, Saved};
use std::collections::{BTreeMap, BTreeSet};

/// Entries that are put at once.
const AT_ONCE: usize = 32;
/// How often a batch begins anew because another consumer's block came first.
const MAX_ROUNDS: usize = 8;
/// How often an entry is looked at again that others claim meanwhile.
const MAX_CLAIMS: usize = 8;

/// How an entry stands to the block that is to be.
enum Standing {
    /// It names that block. If an earlier attempt put it, what counts is what that one put.
    Claimed(Option<Box<JournalEntry>>),
    /// A block lists it.
    Posted,
    /// It names a block of another chain that may still come.
    Waits(Place),
    /// The chain is longer than it was thought to be.
    Outrun,
}

/// Posts the entries of one partition: those that are new, in as few blocks as they fit.
///
/// Fails if a table does not answer, if other consumers of the partition are faster again and again, and if an entry waits
/// for another chain's block; then all but that payment's entries are posted.
pub(crate) async fn post(
    ledger: &(impl JournalEntries + LedgerBlocks + CommitBlock),
    chain: u32,
    entries: Vec<JournalEntry>,
) -> Result<(), Unavailable> {
    let mut left: Vec<PlacedEntry> =
        once_each(entries).into_iter().map(|entry| PlacedEntry { entry, place: Block::next(None, chain) }).collect();
    for _ in 0..MAX_ROUNDS {
        if left.is_empty() {
            return Ok(());
        }
        let head = ledger.head(chain).await?;
        post_behind(ledger, chain, head, &mut left).await?;
    }
    if left.is_empty() {
        return Ok(());
    }
    Err(Unavailable::new("the ledger", format!("other consumers of the partition were faster {MAX_ROUNDS} times")))
}

/// Commits block after block behind `head`, and takes from `left` what is posted. Stops early if another consumer's block
/// came first.
async fn post_behind(
    ledger: &(impl JournalEntries + LedgerBlocks + CommitBlock),
    chain: u32,
    mut head: Option<Block>,
    left: &mut Vec<PlacedEntry>,
) -> Result<(), Unavailable> {
    loop {
        // What comes again is most often what was just committed: that is known without a write.
        if let Some(head) = &head {
            let listed = head.listed();
            left.retain(|placed| !listed.contains(placed.entry.event_id.as_str()));
        }
        let place = Block::next(head.as_ref(), chain);
        left.iter_mut().for_each(|placed| placed.place = place);
        let (count, changes) = fold_that_fit(left.iter().map(|placed| &placed.entry));
        if count == 0 {
            return Ok(());
        }
        let batch = &left[..count];
        let standings = claim(ledger, place, batch).await?;
        if standings.iter().any(|standing| matches!(standing, Standing::Outrun)) {
            return Ok(());
        }
        let (mut taken, waits_for) = taken(batch, &standings);
        if !taken.is_empty() {
            let changes = if standings.iter().all(|standing| matches!(standing, Standing::Claimed(None))) {
                changes
            } else {
                // An earlier attempt's postings may not fit any more; what is left over is claimed again for the next block.
                let (fit, changes) = fold_that_fit(taken.iter().copied());
                taken.truncate(fit);
                changes
            };
            let block = Block::after(head.as_ref(), chain, &taken);
            match ledger.commit(&block, &changes).await? {
                Saved::Done | Saved::There => head = Some(block),
                Saved::Conflict => return Ok(()),
            }
        }
        if let Some(place) = waits_for {
            return Err(Unavailable::new("the ledger", format!("an entry waits for {place}")));
        }
        let mut standings = standings.into_iter();
        left.retain(|_| !matches!(standings.next(), Some(Standing::Posted)));
    }
}

/// The entries that go into the block, and a place that one of the others waits for. Behind an entry that waits, nothing of
/// the same payment overtakes it.
fn taken<'a>(batch: &'a [PlacedEntry], standings: &'a [Standing]) -> (Vec<&'a JournalEntry>, Option<Place>) {
    let mut waiting = BTreeSet::new();
    let mut waits_for = None;
    let mut taken = Vec::with_capacity(batch.len());
    for (placed, standing) in batch.iter().zip(standings) {
        match standing {
            Standing::Claimed(_) if waiting.contains(placed.entry.subject()) => {}
            Standing::Claimed(Some(stored)) => taken.push(&**stored),
            Standing::Claimed(None) => taken.push(&placed.entry),
            Standing::Waits(place) => {
                waiting.insert(placed.entry.subject());
                waits_for = Some(*place);
            }
            Standing::Posted | Standing::Outrun => {}
        }
    }
    (taken, waits_for)
}

/// Puts each entry, and finds out about those that are there.
async fn claim(
    ledger: &(impl JournalEntries + LedgerBlocks),
    wanted: Place,
    batch: &[PlacedEntry],
) -> Result<Vec<Standing>, Unavailable> {
    let puts = stream::iter(batch).map(|placed| ledger.put_entry(placed)).buffered(AT_ONCE);
    let answers: Vec<EntryPut> = puts.try_collect().await?;
    let mut named = BTreeSet::new();
    for answer in &answers {
        if let EntryPut::Refused(there) = answer {
            named.insert(there.place);
        }
    }
    named.remove(&wanted);
    let blocks: Vec<_> = stream::iter(&named).map(|place| ledger.block(*place)).buffered(AT_ONCE).try_collect().await?;
    let blocks: BTreeMap<Place, Option<Block>> = named.into_iter().zip(blocks).collect();
    let listed: BTreeMap<Place, Option<BTreeSet<&str>>> =
        blocks.iter().map(|(place, block)| (*place, block.as_ref().map(Block::listed))).collect();
    let standings = stream::iter(batch.iter().zip(answers)).map(|(placed, answer)| {
        let listed = &listed;
        async move {
            match answer {
                EntryPut::Done => Ok(Standing::Claimed(None)),
                EntryPut::Refused(there) => stand(ledger, placed, there, listed).await,
            }
        }
    });
    standings.buffered(AT_ONCE).try_collect().await
}

/// How the entry that is there stands to the block that `placed` names.
async fn stand(
    ledger: &(impl JournalEntries + LedgerBlocks),
    placed: &PlacedEntry,
    mut there: Box<PlacedEntry>,
    listed: &BTreeMap<Place, Option<BTreeSet<&str>>>,
) -> Result<Standing, Unavailable> {
    let wanted = placed.place;
    let event_id = placed.entry.event_id.as_str();
    for _ in 0..MAX_CLAIMS {
        let named = there.place;
        if named == wanted {
            return Ok(Standing::Claimed(Some(Box::new(there.entry))));
        }
        let is_listed = match listed.get(&named) {
            Some(listed) => listed.as_ref().map(|listed| listed.contains(event_id)),
            None => ledger.block(named).await?.map(|block| block.listed().contains(event_id)),
        };
        match is_listed {
            Some(true) => return Ok(Standing::Posted),
            // That block will never list it any more, so nobody but who writes next can.
            Some(false) => match ledger.put_entry_over(placed, named).await? {
                EntryPut::Done => return Ok(Standing::Claimed(None)),
                EntryPut::Refused(again) => there = again,
            },
            None if named.chain != wanted.chain => return Ok(Standing::Waits(named)),
            None => return Ok(Standing::Outrun),
        }
    }
    Err(Unavailable::new("the ledger", format!("others claimed {event_id} {MAX_CLAIMS} times")))
}
