use super::*;
use crate::ledger::{Position, Posting};

fn account(text: &str) -> Account {
    text.parse().expect("an account")
}

/// An entry of 1.00 EUR and one of its refund a day later, in two blocks of chain 2.
fn journal() -> (Vec<Block>, Vec<PlacedEntry>) {
    let euro = "EUR".parse().expect("a currency");
    let entry = |event_id: &str, occurred_at: &str, offset, sign: i64| {
        let mut entry = JournalEntry {
            event_id: event_id.to_owned(),
            reference: None,
            occurred_at: occurred_at.to_owned(),
            position: Position { partition: 2, offset },
            postings: vec![
                Posting::debit(account("test:gateway:simulated:receivable"), euro, 100),
                Posting::credit(account("test:merchant:mer_a:payable"), euro, 97).due_on("2026-11-25"),
                Posting::credit(account("test:own:fee-revenue"), euro, 3),
            ],
        };
        entry.postings.iter_mut().for_each(|posting| posting.minor *= sign);
        entry
    };
    let entries = [
        entry("pay_a:6", "2026-11-23T12:00:00Z", 5, 1),
        entry("pay_b:6", "2026-11-23T12:00:00.5Z", 9, 1),
        entry("pay_a:8", "2026-11-24T12:00:00Z", 11, -1),
    ];
    let first = Block::after(None, 2, &[&entries[0], &entries[1]]);
    let second = Block::after(Some(&first), 2, &[&entries[2]]);
    let places = [first.place(), first.place(), second.place()];
    let placed = entries.into_iter().zip(places).map(|(entry, place)| PlacedEntry { entry, place }).collect();
    (vec![first, second], placed)
}

#[test]
fn a_sound_journal_verifies_and_its_balances_are_its_fold() {
    let (blocks, entries) = journal();
    let journal = Journal::new(blocks, entries);
    assert_eq!(journal.verify(), []);
    let rebuilt = journal.rebuild();
    let payable = ("test:merchant:mer_a:payable".to_owned(), "EUR#2026-11-25#2".to_owned());
    assert_eq!(rebuilt[&payable], Total { minor: -97, postings: 3 });
    assert_eq!(compare(&rebuilt, &rebuilt), []);
    let (accounts, found) = trial_balance(&rebuilt);
    assert_eq!((accounts.len(), found), (3, vec![]));
}

#[test]
fn whatever_is_changed_is_found() {
    type Change = fn(&mut Vec<Block>, &mut Vec<PlacedEntry>);
    let rows: [(&str, Change, &str); 9] = [
        ("an amount", |_, entries| entries[0].entry.postings[0].minor += 1, "pay_a:6: its postings in EUR sum to 1"),
        (
            "two amounts that still sum to zero",
            |_, entries| {
                entries[0].entry.postings[0].minor += 1;
                entries[0].entry.postings[1].minor -= 1;
            },
            "block 1 of chain 2: its hash does not follow from its entries as they are now",
        ),
        ("a due date", |_, entries| entries[1].entry.postings[1].due = None, "block 1 of chain 2: its hash"),
        (
            "an entry taken away",
            |_, entries| drop(entries.remove(1)),
            "block 1 of chain 2 lists pay_b:6, which is not in the journal",
        ),
        (
            "an entry moved",
            |_, entries| entries[1].place.block = 2,
            "block 1 of chain 2 lists pay_b:6, which names block 2 of chain 2",
        ),
        (
            "an entry listed twice",
            |blocks, _| blocks[1].event_ids.push("pay_a:6".to_owned()),
            "pay_a:6 is listed twice, the second time by block 2 of chain 2",
        ),
        ("an entry left out", |blocks, _| drop(blocks[0].event_ids.pop()), "block 1 of chain 2: its hash"),
        (
            "a block taken away",
            |blocks, _| drop(blocks.remove(0)),
            "block 2 of chain 2 follows on block 1 of chain 2 - 1",
        ),
        (
            "a first block made anew",
            |blocks, entries| {
                entries[0].entry.occurred_at = "2026-11-23T13:00:00Z".to_owned();
                blocks[0] = Block::after(None, 2, &[&entries[0].entry, &entries[1].entry]);
            },
            "block 2 of chain 2 does not name the hash of the block before",
        ),
    ];
    for (what, change, expected) in rows {
        let (mut blocks, mut entries) = journal();
        change(&mut blocks, &mut entries);
        let found: Vec<String> = Journal::new(blocks, entries).verify().iter().map(ToString::to_string).collect();
        assert!(found.iter().any(|finding| finding.starts_with(expected)), "{what}: {found:#?}");
    }
}

#[test]
fn a_wrong_a_missing_and_a_superfluous_balance_are_found() {
    let (blocks, entries) = journal();
    let rebuilt = Journal::new(blocks, entries).rebuild();
    let mut stored = rebuilt.clone();
    let bank = ("test:own:bank".to_owned(), "EUR#2".to_owned());
    stored.insert(bank, Total { minor: 7, postings: 1 });
    stored.remove(&("test:own:fee-revenue".to_owned(), "EUR#2".to_owned()));
    let receivable = ("test:gateway:simulated:receivable".to_owned(), "EUR#2".to_owned());
    stored.insert(receivable, Total { minor: 101, postings: 3 });
    let found: Vec<String> = compare(&stored, &rebuilt).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "test:gateway:simulated:receivable EUR#2: the balance is 101 of 3 postings, its postings make 100 of 3 postings",
            "test:own:bank EUR#2: the balance is 7 of 1 postings, its postings make 0 of 0 postings",
            "test:own:fee-revenue EUR#2: the balance is 0 of 0 postings, its postings make -3 of 3 postings",
        ]
    );
    let (_, found) = trial_balance(&stored);
    assert_eq!(found.len(), 1);
}

#[test]
fn what_no_block_lists_does_not_count() {
    let (blocks, mut entries) = journal();
    let mut orphan = entries[0].clone();
    orphan.entry.event_id = "pay_c:6".to_owned();
    entries.push(orphan);
    let journal = Journal::new(blocks, entries);
    assert_eq!(journal.verify(), []);
    assert_eq!(journal.committed().count(), 3);
}

#[test]
fn a_statement_begins_with_what_was_before_and_ends_before_its_end() {
    let (blocks, entries) = journal();
    let journal = Journal::new(blocks, entries);
    let payable = account("test:merchant:mer_a:payable");
    let at = |text: &str| Timestamp::parse_rfc3339(text).expect(text);
    let check = |from: Option<&str>, until: Option<&str>, expected: &[(&str, i64, i128)]| {
        let lines = journal.statement(&payable, from.map(at), until.map(at));
        let lines: Vec<_> = lines.iter().map(|line| (line.event_id.as_str(), line.minor, line.balance)).collect();
        assert_eq!(lines, expected, "{from:?} {until:?}");
    };
    check(None, None, &[("pay_a:6", -97, -97), ("pay_b:6", -97, -194), ("pay_a:8", 97, -97)]);
    check(Some("2026-11-23T12:00:00.5Z"), Some("2026-11-24T12:00:00Z"), &[("pay_b:6", -97, -194)]);
    check(Some("2026-11-25T00:00:00Z"), None, &[]);
    let euro = "EUR".parse().expect("a currency");
    let balance = |text: &str| journal.balance_at(&payable, at(text)).get(&euro).copied();
    assert_eq!(balance("2026-11-23T11:59:59Z"), None);
    assert_eq!(balance("2026-11-23T12:00:00Z"), Some(-97));
    assert_eq!(balance("2026-11-24T12:00:00Z"), Some(-97));
    assert_eq!(balance("2026-11-24T11:59:59.9Z"), Some(-194));
}
