use super::*;
use crate::ledger::{Account, Position, Posting, fold};

fn account(text: &str) -> Account {
    text.parse().expect("an account")
}

/// An entry whose one merchant has that name.
fn entry(event_id: &str, merchant: &str, offset: i64) -> JournalEntry {
    let euro = "EUR".parse().expect("a currency");
    JournalEntry {
        event_id: event_id.to_owned(),
        reference: None,
        occurred_at: "2026-11-23T12:00:00Z".to_owned(),
        position: Position { partition: 3, offset },
        postings: vec![
            Posting::debit(account("test:gateway:simulated:receivable"), euro, 100),
            Posting::credit(account(&format!("test:merchant:mer_{merchant}:payable")), euro, 100).due_on("2026-11-25"),
        ],
    }
}

#[test]
fn blocks_are_numbered_and_name_the_one_before() {
    let (one, two) = (entry("pay_a:6", "a", 10), entry("pay_b:6", "a", 14));
    let first = Block::after(None, 3, &[&one]);
    let second = Block::after(Some(&first), 3, &[&two, &one]);
    assert_eq!((first.number, first.previous), (1, BlockHash::NONE));
    assert_eq!((second.number, second.previous), (2, first.hash));
    assert_eq!((second.first_offset, second.last_offset), (10, 14));
    assert_eq!(second.event_ids, ["pay_b:6", "pay_a:6"]);
}

#[test]
fn every_field_of_an_entry_and_its_place_change_the_hash() {
    let place = Place { chain: 3, block: 1 };
    let plain = entry("pay_a:6", "a", 10);
    let hash_of = |entry: &JournalEntry| hash(place, BlockHash::NONE, &[entry]);
    let changes: [(&str, fn(&mut JournalEntry)); 9] = [
        ("reference", |entry| entry.reference = Some("cap_a".to_owned())),
        ("event", |entry| entry.event_id.push('1')),
        ("time", |entry| entry.occurred_at.push('1')),
        ("partition", |entry| entry.position.partition += 1),
        ("offset", |entry| entry.position.offset += 1),
        ("account", |entry| entry.postings[0].account = account("test:own:bank")),
        ("currency", |entry| entry.postings[0].currency = "USD".parse().expect("a currency")),
        ("minor", |entry| entry.postings[0].minor += 1),
        ("due", |entry| entry.postings[1].due = None),
    ];
    let mut hashes = vec![
        hash_of(&plain),
        hash(Place { chain: 4, ..place }, BlockHash::NONE, &[&plain]),
        hash(Place { block: 2, ..place }, BlockHash::NONE, &[&plain]),
        hash(place, hash_of(&plain), &[&plain]),
        hash(place, BlockHash::NONE, &[&plain, &plain]),
    ];
    for (field, change) in changes {
        let mut changed = plain.clone();
        change(&mut changed);
        assert!(!hashes.contains(&hash_of(&changed)), "{field}");
        hashes.push(hash_of(&changed));
    }
}

#[test]
fn an_account_is_hashed_as_its_text() {
    for text in
        ["test:merchant:mer_a:payable", "live:merchant:mer_a:reserve", "test:gateway:g:receivable", "live:own:bank"]
    {
        let mut bytes = Vec::new();
        account(text).write_to(&mut bytes);
        assert_eq!(bytes, text.as_bytes());
    }
}

#[test]
fn a_batch_holds_each_event_once_and_keeps_the_first() {
    let batch = vec![entry("pay_a:6", "a", 1), entry("pay_b:6", "b", 2), entry("pay_a:6", "a", 3)];
    let offsets: Vec<_> = once_each(batch).iter().map(|entry| entry.position.offset).collect();
    assert_eq!(offsets, [1, 2]);
}

#[test]
fn a_block_ends_before_its_four_thousand_and_first_entry_and_its_hundredth_balance() {
    let one_merchant: Vec<_> = (0..4500).map(|offset| entry(&format!("pay_{offset}:6"), "a", offset)).collect();
    let that_fit = |entries: &[JournalEntry]| {
        let (count, changes) = fold_that_fit(entries);
        assert_eq!(changes, fold(&entries[..count]), "what does not fit leaves nothing behind");
        count
    };
    assert_eq!(that_fit(&one_merchant), MAX_ENTRIES);
    assert_eq!(that_fit(&one_merchant[..20]), 20);
    // The receivable is one balance, each merchant's payable another.
    let many: Vec<_> = (0..200).map(|n| entry(&format!("pay_{n}:6"), &n.to_string(), n)).collect();
    assert_eq!(that_fit(&many), MAX_BALANCES - 1);
    assert_eq!(that_fit(&[]), 0);
}

#[test]
fn a_placed_entry_is_one_flat_record() {
    let placed = PlacedEntry { entry: entry("pay_a:6", "a", 1), place: Place { chain: 3, block: 9 } };
    let value = serde_json::to_value(&placed).expect("an entry has a JSON form");
    assert_eq!((&value["chain"], &value["block_number"]), (&3.into(), &9.into()));
    assert_eq!(serde_json::from_value::<PlacedEntry>(value).ok(), Some(placed));
}
