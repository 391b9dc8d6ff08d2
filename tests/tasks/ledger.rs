//! The ledger under duplicates, crashes and rivals: whatever breaks off where, each event is in one block once, the chains
//! hold, and the balances are the journal's fold.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bench::cost::Cost;
use bench::tables::{Fault, Tables};
use bench::traffic::Traffic;
use payments::ledger::audit::{compare, trial_balance};
use payments::ledger::block::{Block, Place, PlacedEntry};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use task::kafka::{KafkaAnswer, KafkaRecord, KafkaRequest};

/// Turns after which a task has to be over.
const MAX_TURNS: usize = 10_000;
/// Deliveries after which a batch has to be posted.
const MAX_DELIVERIES: usize = 20;

/// An event that moves money, as (payment, event), with the offset of its record.
type Sent = (u32, u8, i64);

/// The events of the first payments that move money, under offsets from 10 on.
fn sent(traffic: &Traffic, count: usize) -> Vec<Sent> {
    let events = (0u32..)
        .flat_map(|payment| (0..u8::try_from(traffic.events(payment)).unwrap()).map(move |event| (payment, event)));
    let money = events.filter(|(payment, event)| traffic.moves_money(*payment, *event));
    money.take(count).zip(10..).map(|((payment, event), offset)| (payment, event, offset)).collect()
}

fn request(traffic: &Traffic, partition: u32, batch: &[Sent]) -> KafkaRequest {
    let records = batch.iter().map(|(payment, event, offset)| KafkaRecord {
        topic: "payment-events".to_owned(),
        partition,
        offset: *offset,
        key: Some(BASE64.encode(traffic.payment_id(*payment))),
        value: Some(BASE64.encode(traffic.event(*payment, *event))),
    });
    KafkaRequest { records: BTreeMap::from([(format!("payment-events-{partition}"), records.collect())]) }
}

/// Runs the task for so many turns: its answer, or `None` if its process died before.
fn run<T>(task: impl Future<Output = T>, turns: usize) -> Option<T> {
    let mut task = pin!(task);
    let mut context = Context::from_waker(Waker::noop());
    (0..turns).find_map(|_| match task.as_mut().poll(&mut context) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    })
}

fn deliver(tables: &Tables, traffic: &Traffic, partition: u32, batch: &[Sent]) -> KafkaAnswer {
    let request = request(traffic, partition, batch);
    run(post_ledger::handle(tables, tables, request), MAX_TURNS).expect("the task ends").unwrap()
}

fn deliver_until_done(tables: &Tables, traffic: &Traffic, partition: u32, batch: &[Sent]) {
    let done = |_| deliver(tables, traffic, partition, batch) == KafkaAnswer::default();
    assert!((0..MAX_DELIVERIES).any(done), "{batch:?} is not posted after {MAX_DELIVERIES} deliveries");
}

/// Everything that must hold at the end of every test.
fn check(tables: &Tables, traffic: &Traffic, posted: &[Sent], what: &str) {
    let journal = tables.read_journal();
    assert_eq!(journal.verify(), [], "{what}");
    let mut is: Vec<String> = journal.committed().map(|(_, entry)| entry.event_id.clone()).collect();
    let mut should: Vec<String> = posted.iter().map(|(payment, event, _)| traffic.event_id(*payment, *event)).collect();
    is.sort();
    should.sort();
    should.dedup();
    assert_eq!(is, should, "{what}: each event once");
    let stored = tables.balances.borrow();
    assert_eq!(compare(&stored, &journal.rebuild()), [], "{what}");
    assert_eq!(trial_balance(&stored).1, [], "{what}");
    assert_eq!(tables.dead.borrow().len(), 0, "{what}");
}

#[test]
fn what_comes_again_in_the_batch_in_a_later_one_or_under_another_offset_is_posted_once() {
    let traffic = Traffic::new(false, 0);
    let batch = sent(&traffic, 6);
    let moved: Vec<Sent> = batch.iter().map(|(payment, event, offset)| (*payment, *event, offset + 100)).collect();
    let twice: Vec<Sent> = batch.iter().chain(&moved).copied().collect();
    let rows: [(&str, Vec<Vec<Sent>>); 4] = [
        ("twice in one batch", vec![twice]),
        ("the same batch again", vec![batch.clone(), batch.clone()]),
        ("again under another offset", vec![batch.clone(), moved.clone()]),
        ("in pieces", vec![batch[..4].to_vec(), moved[2..].to_vec(), batch.clone()]),
    ];
    for (what, batches) in rows {
        let tables = Tables::new();
        for batch in &batches {
            assert_eq!(deliver(&tables, &traffic, 2, batch), KafkaAnswer::default(), "{what}");
        }
        check(&tables, &traffic, &batch, what);
    }
}

#[test]
fn a_batch_that_comes_again_writes_nothing_but_the_puts_that_are_refused() {
    let traffic = Traffic::new(false, 0);
    let batch = sent(&traffic, 8);
    let tables = Tables::new();
    deliver(&tables, &traffic, 2, &batch[..4]);
    deliver(&tables, &traffic, 2, &batch[4..]);
    let before = *tables.cost.borrow();
    deliver(&tables, &traffic, 2, &batch[4..]);
    assert_eq!(*tables.cost.borrow(), before, "the last block is known without a write");
    deliver(&tables, &traffic, 2, &batch);
    let after = *tables.cost.borrow();
    let refused = Cost { entries: before.entries + 4, refused: before.refused + 4, ..before };
    assert_eq!(after, refused, "of the one before, each put is refused for one unit");
    check(&tables, &traffic, &batch, "again");
}

#[test]
fn a_failure_at_any_call_before_or_after_it_took_effect_loses_and_doubles_nothing() {
    let traffic = Traffic::new(false, 0);
    let batch = sent(&traffic, 6);
    for fault in [Fault::Before, Fault::After] {
        for call in 0.. {
            let tables = Tables::new();
            tables.fail(call, fault);
            let failed = deliver(&tables, &traffic, 2, &batch) != KafkaAnswer::default();
            if !failed {
                assert!(call >= 8, "a head, six entries and a block are eight calls");
                break;
            }
            for again in [vec![&batch[..]], vec![&batch[3..], &batch[..3]], vec![&batch[..2], &batch[2..]]] {
                let tables = Tables::new();
                tables.fail(call, fault);
                deliver(&tables, &traffic, 2, &batch);
                for part in again {
                    deliver_until_done(&tables, &traffic, 2, part);
                }
                check(&tables, &traffic, &batch, &format!("{fault:?} at call {call}"));
            }
        }
    }
}

#[test]
fn a_process_that_dies_anywhere_is_followed_by_one_that_finds_what_it_left() {
    let traffic = Traffic::new(false, 0);
    let batch = sent(&traffic, 5);
    let mut deaths = 0;
    for turns in 0.. {
        let tables = Tables::new();
        tables.turns.set(true);
        let first = run(post_ledger::handle(&tables, &tables, request(&traffic, 2, &batch)), turns);
        if first.is_some() {
            break;
        }
        deaths += 1;
        // The second one dies as well, elsewhere.
        run(post_ledger::handle(&tables, &tables, request(&traffic, 2, &batch[2..])), turns / 2);
        deliver_until_done(&tables, &traffic, 2, &batch[2..]);
        deliver_until_done(&tables, &traffic, 2, &batch[..2]);
        check(&tables, &traffic, &batch, &format!("death after {turns} turns"));
    }
    assert!(deaths > 5, "{deaths}");
}

/// Runs two tasks in every order of their turns, as `world` makes them anew; answers how many orders there were.
fn every_order(mut world: impl FnMut(&mut dyn FnMut(&mut [Option<Task<'_>>; 2]))) -> usize {
    let mut path: Vec<bool> = Vec::new();
    let mut orders = 0;
    loop {
        let mut taken: Vec<(bool, bool)> = Vec::new();
        world(&mut |tasks| {
            let mut context = Context::from_waker(Waker::noop());
            while tasks.iter().any(Option::is_some) {
                let free = tasks.iter().all(Option::is_some);
                let second = if free { path.get(taken.len()).copied().unwrap_or(false) } else { tasks[0].is_none() };
                taken.push((second, free));
                let task = &mut tasks[usize::from(second)];
                if task.as_mut().is_some_and(|task| task.as_mut().poll(&mut context).is_ready()) {
                    *task = None;
                }
                assert!(taken.len() < MAX_TURNS, "two consumers do not end");
            }
        });
        orders += 1;
        // The last turn that could have been the other's.
        let Some(last) = taken.iter().rposition(|(second, free)| *free && !second) else { return orders };
        path = taken[..last].iter().map(|(second, _)| *second).collect();
        path.push(true);
    }
}

type Task<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;

#[test]
fn two_consumers_in_every_order_of_their_calls_post_everything_once() {
    let traffic = Traffic::new(false, 0);
    let batch = sent(&traffic, 2);
    // The second consumer: of the same partition with the same batch, with a part of it, or of another partition.
    let rows = [(2, &batch[..], "same batch"), (2, &batch[1..], "its end"), (3, &batch[..1], "another partition")];
    for (partition, second, what) in rows {
        let orders = every_order(|run_both| {
            let tables = Tables::default();
            tables.turns.set(true);
            let done = [Cell::new(false), Cell::new(false)];
            let consume = |place: usize, partition, batch: &[Sent]| -> Task<'_> {
                let handled = post_ledger::handle(&tables, &tables, request(&traffic, partition, batch));
                let done = &done[place];
                Box::pin(async move { done.set(handled.await.unwrap() == KafkaAnswer::default()) })
            };
            run_both(&mut [Some(consume(0, 2, &batch)), Some(consume(1, partition, second))]);
            // Who says that all is posted is not asked again: it is posted now.
            let journal = tables.read_journal();
            let posted: Vec<&str> = journal.committed().map(|(_, entry)| entry.event_id.as_str()).collect();
            for (place, batch) in [&batch[..], second].into_iter().enumerate().filter(|(place, _)| done[*place].get()) {
                let missing = batch
                    .iter()
                    .find(|(payment, event, _)| !posted.contains(&traffic.event_id(*payment, *event).as_str()));
                assert_eq!(missing, None, "{what}: consumer {place} says that it is posted");
            }
            tables.turns.set(false);
            // Whoever was refused is delivered again.
            deliver_until_done(&tables, &traffic, 2, &batch);
            deliver_until_done(&tables, &traffic, partition, second);
            check(&tables, &traffic, &batch, what);
        });
        assert!(orders > 100, "{what}: only {orders} orders");
    }
}

#[test]
fn an_orphan_of_a_batch_that_was_given_up_is_posted_once_when_it_is_redriven() {
    let traffic = Traffic::new(false, 0);
    let batch = sent(&traffic, 4);
    let (orphans, others) = batch.split_at(2);
    let redriven: Vec<Sent> =
        orphans.iter().map(|(payment, event, offset)| (*payment, *event, offset + 1000)).collect();
    for (partition, what) in [(2, "in its partition"), (3, "in another")] {
        let tables = Tables::new();
        // Its entries are put; the block is not.
        tables.fail(3, Fault::Before);
        assert_ne!(deliver(&tables, &traffic, 2, orphans), KafkaAnswer::default());
        assert_eq!((tables.journal.borrow().len(), tables.blocks.borrow().len()), (2, 0));
        deliver_until_done(&tables, &traffic, 2, others);
        check(&tables, &traffic, others, what);
        deliver_until_done(&tables, &traffic, partition, &redriven);
        deliver_until_done(&tables, &traffic, partition, &redriven);
        check(&tables, &traffic, &batch, what);
        let entry = tables.journal.borrow()[&traffic.event_id(orphans[0].0, orphans[0].1)].clone();
        assert_eq!(entry.entry.position.offset, redriven[0].2, "{what}: it stands where it was posted from");
    }
}

#[test]
fn an_entry_that_another_chain_has_claimed_waits_and_holds_up_its_own_payment_only() {
    let traffic = Traffic::new(false, 0);
    let many = sent(&traffic, 60);
    let twice = |sent: &&Sent| many.iter().filter(|other| other.0 == sent.0).count() > 1;
    let payment = many.iter().find(twice).unwrap().0;
    // A payment with two entries first, then another.
    let mut batch: Vec<Sent> = many.iter().filter(|sent| sent.0 == payment).copied().collect();
    batch.extend(many.iter().filter(|sent| sent.0 != payment).take(2));
    let tables = Tables::new();
    // Chain 3 dies between the first event's put and its block.
    tables.fail(2, Fault::Before);
    assert_ne!(deliver(&tables, &traffic, 3, &batch[..1]), KafkaAnswer::default());
    assert_ne!(deliver(&tables, &traffic, 2, &batch), KafkaAnswer::default(), "the first has to wait");
    let others: Vec<Sent> = batch.iter().filter(|(payment, ..)| *payment != batch[0].0).copied().collect();
    check(&tables, &traffic, &others, "all but that payment");
    deliver_until_done(&tables, &traffic, 3, &batch[..1]);
    deliver_until_done(&tables, &traffic, 2, &batch);
    check(&tables, &traffic, &batch, "in the end");
}

#[test]
fn one_merchant_with_all_the_traffic_has_each_balance_written_once_per_block_and_each_batch_is_one_block() {
    let traffic = Traffic::new(true, 0);
    let batch = sent(&traffic, 3000);
    let tables = Tables::new();
    deliver(&tables, &traffic, 2, &batch);
    check(&tables, &traffic, &batch, "one merchant");
    let shards = tables.balances.borrow().len() as u64;
    // The tables refuse one item twice in one transaction; so many writes are once each.
    assert_eq!((tables.blocks.borrow().len(), tables.cost.borrow().balance_writes), (1, shards));
    let postings: u64 = tables.balances.borrow().values().map(|total| total.postings).sum();
    assert!(postings > 6000 && shards < 10, "{postings} postings in {shards} shards");
    let place = Place { chain: 2, block: 1 };
    assert_eq!(tables.blocks.borrow()[&place].event_ids.len(), 3000);
}

#[test]
fn entries_and_blocks_come_back_from_dynamodbs_attributes_as_they_went() {
    let traffic = Traffic::new(false, 0);
    let tables = Tables::new();
    deliver(&tables, &traffic, 2, &sent(&traffic, 3));
    let mut entry = tables.journal.borrow().values().next().unwrap().clone();
    entry.entry.postings[0].due = Some("2026-11-25".to_owned());
    let item: serde_dynamo::Item = serde_dynamo::to_item(&entry).unwrap();
    assert_eq!(serde_dynamo::from_item::<_, PlacedEntry>(item).unwrap(), entry);
    let block = tables.blocks.borrow().values().next().unwrap().clone();
    let item: serde_dynamo::Item = serde_dynamo::to_item(&block).unwrap();
    assert_eq!(serde_dynamo::from_item::<_, Block>(item).unwrap(), block);
}
