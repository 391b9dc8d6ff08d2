//! Nothing is lost: the broker down, the bus refused, `publish` failing for a day, and what the consumers then have of
//! payments, payouts and movements at the bank.

use crate::consumers::{Sinks, kafka};
use crate::outbox_world::{HOUR, MINUTE, Outage, Outside, Poller, Version, WINDOW, day_and_more, names, republish};
use bench::tables::Tables;
use payments::event::{Event, EventKind};
use payments::ledger::Position;
use payments::outbox::{Outbox, OutboxNames, Subject};
use payments::posting::journal_entry;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use task::queue::ItemsAnswer;

/// Runs the outage and what follows; answers how many versions each table's stream gave up.
async fn check(outage: Outage, when: Range<i64>) -> Vec<usize> {
    let (versions, start) = day_and_more().await;
    let mut outside = Outside::new(start, &versions);
    outside.outage = Some((outage, start + when.start..start + when.end));
    let mut pollers = Poller::all(&versions);
    while outside.now.get() < start + 70 * HOUR {
        for poller in &mut pollers {
            poller.poll(&outside).await;
        }
        if outside.now.get() % WINDOW < MINUTE {
            republish(&outside).await;
        }
        outside.now.set(outside.now.get() + MINUTE);
    }
    let is_done = pollers.iter().all(Poller::is_done) && outside.queue.borrow().is_empty();
    assert!(is_done, "{outage:?}: something still waits");
    assert_eq!(pollers.iter().map(|poller| poller.trimmed).sum::<usize>(), 0, "{outage:?}: forgotten untold");
    let (topic, bus) = (outside.topic.take(), outside.bus.take());
    assert_complete(&versions, &topic, &format!("{outage:?}, topic"));
    assert_complete(&versions, &bus, &format!("{outage:?}, bus"));
    assert_posted_once(&versions, &topic, outage).await;
    assert_billed_once(&versions, &bus, outage).await;
    pollers.iter().map(|poller| poller.given_up).collect()
}

/// Every version's event is there and no other, and a subject's latest event is the last one told, after all before it.
fn assert_complete(versions: &[Version], there: &[Event], context: &str) {
    let ids: BTreeSet<&str> = versions.iter().map(|version| &*version.event.id).collect();
    assert_eq!(ids.len(), versions.len(), "{context}: one event per version");
    let seen: BTreeSet<&str> = there.iter().map(|event| &*event.id).collect();
    assert_eq!(seen, ids, "{context}: every event and no other");
    let mut told = BTreeMap::<&str, Vec<u32>>::new();
    for event in there {
        told.entry(event.subject()).or_default().push(event.id.rsplit(':').next().unwrap().parse().unwrap());
    }
    for (subject, told) in told {
        let in_order = told.iter().fold(0, |before, version| before + u32::from(*version == before + 1));
        assert_eq!(Some(&in_order), told.iter().max(), "{context}: {subject} was never told in order: {told:?}");
        assert_eq!(Some(&in_order), told.last(), "{context}: {subject} ends with an old version: {told:?}");
    }
}

/// The topic's consumer, over all that the topic ever carried.
async fn assert_posted_once(versions: &[Version], topic: &[Event], outage: Outage) {
    let tables = Tables::default();
    let values: Vec<Vec<u8>> = topic.iter().map(|event| serde_json::to_vec(event).unwrap()).collect();
    let answer = post_ledger::handle(&tables, &tables, kafka(&values)).await.unwrap();
    assert_eq!(answer, task::kafka::KafkaAnswer::default(), "{outage:?}");
    let journal = tables.read_journal();
    let mut posted: Vec<String> = journal.committed().map(|(_, entry)| entry.event_id.clone()).collect();
    posted.sort();
    let moves = |event: &Event| journal_entry(event, Position { partition: 0, offset: 0 }).unwrap().is_some();
    let moving = versions.iter().filter(|version| moves(&version.event)).map(|version| version.event.id.clone());
    let mut expected: Vec<String> = moving.collect();
    expected.sort();
    assert_eq!(posted, expected, "{outage:?}: posted once each");
    assert!(tables.dead.borrow().is_empty());
}

/// The bus's consumer, over all that the bus ever carried.
async fn assert_billed_once(versions: &[Version], bus: &[Event], outage: Outage) {
    let sinks = Sinks::default();
    let record = |event: &Event| json!({ "messageId": event.id, "body": json!({ "detail": event }).to_string() });
    let records: Vec<_> = bus.iter().map(record).collect();
    let request = serde_json::from_value(json!({ "Records": records })).unwrap();
    assert_eq!(bill::handle(&sinks, &sinks, request).await.unwrap(), ItemsAnswer::default());
    let succeeded = versions.iter().filter(|version| version.event.kind == EventKind::Succeeded);
    assert_eq!(sinks.lines.borrow().len(), succeeded.count(), "{outage:?}: billed once each");
}

#[tokio::test]
async fn five_minutes_without_the_broker_or_the_bus_lose_nothing_and_the_streams_heal_it() {
    for outage in [Outage::Broker, Outage::Bus] {
        assert_eq!(check(outage, 10 * HOUR..10 * HOUR + 6 * MINUTE).await, [0, 0, 0], "{outage:?}");
    }
}

#[tokio::test]
async fn a_day_without_publish_the_broker_or_the_bus_loses_nothing_because_the_tables_remember() {
    for outage in [Outage::Publish, Outage::Broker, Outage::Bus] {
        let given_up = check(outage, 2 * HOUR..28 * HOUR).await;
        let enough = given_up.iter().zip([100, 30, 20]).all(|(given_up, least)| *given_up > least);
        assert!(enough, "{outage:?}: gave up {given_up:?}: the outage was too short to show anything");
    }
}

#[tokio::test]
async fn an_operator_s_message_from_time_zero_tells_a_table_s_whole_past_again_and_no_other_s() {
    let (versions, start) = day_and_more().await;
    for (table, name) in
        [(Outbox::Payments, "payments"), (Outbox::Payouts, "payouts"), (Outbox::BankMovements, "bank_movements")]
    {
        let outside = Outside::new(start + 70 * HOUR, &versions);
        let message = json!({ "table": name, "since": 0, "until": start + 70 * HOUR });
        outside.queue.borrow_mut().push_back((0, message.to_string()));
        while !outside.queue.borrow().is_empty() {
            republish(&outside).await;
        }
        let of_table: Vec<Version> = versions.iter().filter(|version| version.table == table).cloned().collect();
        assert_complete(&of_table, &outside.topic.borrow(), name);
        assert_eq!(outside.topic.borrow().len(), of_table.len(), "{name}: once each");
    }
}

#[tokio::test]
async fn events_told_again_say_what_they_said_when_they_were_new() {
    let (versions, _) = day_and_more().await;
    let latest: BTreeMap<&str, &Subject> =
        versions.iter().map(|version| (version.event.subject(), &version.subject)).collect();
    for Version { event: new, .. } in &versions {
        let all = latest[new.subject()].events();
        let again = all.iter().find(|event| event.id == new.id).unwrap();
        let (Some(payment), Some(payment_again)) = (new.payment(), again.payment()) else {
            assert_eq!(again, new, "all of it, of what is no payment");
            continue;
        };
        // A payment's history has no room for all that each version was: what is told is the same about money.
        let said = |event: &Event| (event.kind, event.occurred_at.clone(), event.owner());
        assert_eq!((said(again), &payment_again.operation), (said(new), &payment.operation));
        if new.kind != EventKind::Processing {
            assert_eq!(payment_again.amount_captured, payment.amount_captured);
        }
    }
}

#[tokio::test]
async fn the_sample_event_has_a_batch_of_each_table_and_another_stack_s_stays_in_the_queue_for_it() {
    let path = format!("{}/../events/republish.json", env!("CARGO_MANIFEST_DIR"));
    let sample = std::fs::read_to_string(path).unwrap();
    let (versions, _) = day_and_more().await;
    let outside = Outside::new(i64::MAX, &versions);
    let name = |table: &str| format!("other-{table}");
    let others = OutboxNames { payments: name("payments"), payouts: names().payouts, bank_movements: name("bank") };
    for (names, failures) in [(names(), vec![]), (others, vec!["1", "3"])] {
        let ports = republish::Ports { tables: &outside, names, events: &outside, queue: &outside };
        let answer = republish::handle(&ports, serde_json::from_str(&sample).unwrap()).await.unwrap();
        let failed: Vec<_> = answer.batch_item_failures.iter().map(|it| it.item_identifier.as_str()).collect();
        assert_eq!(failed, failures);
    }
}
