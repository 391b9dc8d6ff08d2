//! `bench core`: what the domain does with an event, without tables: checks it, makes its postings, folds a batch. Time by
//! the clock, instructions by callgrind.

use crate::traffic::Traffic;
use payments::event::Event;
use payments::ledger::block::{Block, fold_that_fit, once_each};
use payments::ledger::{JournalEntry, Position};
use payments::posting::journal_entry;
use std::process::Command;
use std::time::Instant;

/// Events of one batch, all of which move money.
const BATCH: usize = 1000;
/// Rounds that are timed.
const TIMED_ROUNDS: u64 = 2000;
/// Rounds whose instructions are counted: the difference of the two leaves out everything that is done once.
const COUNTED_ROUNDS: [u64; 2] = [5, 25];
/// The least speed.
const LEAST_PER_SECOND: u128 = 1_000_000;
/// The most instructions of a posting.
const MOST_INSTRUCTIONS: u64 = 1500;

/// What is done with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Validate, post, fold.
    Fold,
    /// And seal them in a block.
    Seal,
}

impl Extent {
    /// Its word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fold => "fold",
            Self::Seal => "seal",
        }
    }
}

/// Events that move money, as they were read.
pub fn events() -> Vec<Event> {
    let traffic = Traffic::new(false, 0);
    let mut events = Vec::new();
    for payment in 0.. {
        for event in 0..traffic.events(payment) {
            let event = u8::try_from(event).expect("a payment has few events");
            if traffic.moves_money(payment, event) {
                let json = traffic.event(payment, event);
                events.push(Event::read(&json).expect("the domain reads its own events"));
            }
            if events.len() == BATCH {
                return events;
            }
        }
    }
    events
}

/// Does it so many times. Answers how many postings that made, and something that depends on all of them.
pub fn work(events: &[Event], rounds: u64, extent: Extent) -> (u64, i64) {
    let (mut postings, mut sum) = (0, 0i64);
    for round in 0..rounds {
        let mut entries: Vec<JournalEntry> = Vec::with_capacity(events.len());
        for (event, offset) in events.iter().zip(0..) {
            let position = Position { partition: 2, offset };
            entries.extend(journal_entry(event, position).expect("the domain's own event is postable"));
        }
        let entries = once_each(entries);
        let (_, changes) = fold_that_fit(&entries);
        for (key, delta) in changes {
            postings += delta.postings;
            sum = sum.wrapping_add(delta.minor).wrapping_add(key.currency.exponent().into());
        }
        if extent == Extent::Seal {
            let listed: Vec<&JournalEntry> = entries.iter().collect();
            let block = Block::after(None, 2, &listed);
            sum = sum
                .wrapping_add(block.first_offset + i64::from(block.hash == payments::ledger::block::BlockHash::NONE));
        }
        sum = sum.wrapping_add(i64::try_from(round).unwrap_or_default());
    }
    (postings, sum)
}

/// The report, and whether both limits hold for validate, post and fold.
pub fn run() -> (String, bool) {
    let events = events();
    let mut lines = Vec::new();
    let mut holds = true;
    for extent in [Extent::Fold, Extent::Seal] {
        let begun = Instant::now();
        let (postings, sum) = std::hint::black_box(work(&events, TIMED_ROUNDS, extent));
        let per_second = u128::from(postings) * 1_000_000 / begun.elapsed().as_micros().max(1);
        let what = match extent {
            Extent::Fold => "validate, post, fold",
            Extent::Seal => "the same, and seal the block (SHA-256)",
        };
        let instructions = instructions(extent);
        let counted = match &instructions {
            Ok(count) => format!("{count} instructions each"),
            Err(reason) => format!("instructions not counted: {reason}"),
        };
        lines.push(format!(
            "{what}: {per_second} postings per second and core, {counted} ({postings} postings, sum {sum})"
        ));
        if extent == Extent::Fold {
            holds &= per_second >= LEAST_PER_SECOND && instructions.is_ok_and(|count| count <= MOST_INSTRUCTIONS);
        }
    }
    lines.push(format!("limits for validate, post, fold: at least {LEAST_PER_SECOND} per second, at most {MOST_INSTRUCTIONS} instructions"));
    (lines.join("\n"), holds)
}

/// Instructions per posting by callgrind: this program, run twice with different rounds.
fn instructions(extent: Extent) -> Result<u64, String> {
    let [few, many] = COUNTED_ROUNDS;
    let (few, many) = (counted(extent, few)?, counted(extent, many)?);
    Ok((many.0 - few.0) / (many.1 - few.1).max(1))
}

/// Instructions and postings of one run under callgrind.
fn counted(extent: Extent, rounds: u64) -> Result<(u64, u64), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["work", extent.word(), &rounds.to_string()])
        .output()
        .map_err(|error| format!("valgrind does not start ({error}); install the package valgrind"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let instructions = said.lines().find_map(|line| line.split_once("Collected :")).map(|(_, number)| number.trim());
    let instructions =
        instructions.and_then(|number| number.parse().ok()).ok_or_else(|| format!("valgrind said {said}"))?;
    let postings = String::from_utf8_lossy(&output.stdout).trim().parse().map_err(|_| "no count".to_owned())?;
    Ok((instructions, postings))
}
