//! What Lambda's event source mappings and the schedule do: read, invoke, and go on from what the function says was not done.

use crate::consumers::Queue;
use crate::invocation::invoke;
use crate::options::PER;
use crate::service::{Function, Service};
use crate::time::{HOUR, MINUTE, SECOND};
use crate::topics::{Partition, Record};
use crate::world::{Process, World};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use payments::outbox::OutboxNames;
use payments::payment::Payment;
use publish::{Change, Request};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;
use task::kafka::{KafkaRecord, KafkaRequest};
use task::queue::{QueueMessage, QueueRequest};

/// Messages of one batch of a queue.
const MESSAGES: usize = 10;
/// The longest pause of a poller whose function fails.
const LONGEST_PAUSE: i64 = 5 * MINUTE;

/// One in so many ten thousand batches is given up, until there were as many as the seed allows.
const GIVES_UP: u32 = 500;

/// Everything that runs by itself.
pub fn start(world: &Rc<World>) {
    for shard in 0..world.store.shards.len() {
        drop(world.time.spawn(read_stream(Rc::clone(world), shard)));
    }
    for partition in 0..world.topics.events.len() {
        drop(world.time.spawn(read_partition(Rc::clone(world), partition, Function::PostLedger)));
        drop(world.time.spawn(read_partition(Rc::clone(world), partition, Function::Ingest)));
    }
    drop(world.time.spawn(read_queue(Rc::clone(world), Function::Bill)));
    drop(world.time.spawn(read_queue(Rc::clone(world), Function::Republish)));
    drop(world.time.spawn(sweep(Rc::clone(world))));
}

fn pause(world: &World, failures: u32) -> i64 {
    let longest = (SECOND << failures.min(10)).min(LONGEST_PAUSE);
    world.between(longest / 2, longest)
}

/// A shard of the payments' stream: a batch at a time, in order, until it is published or given up.
async fn read_stream(world: Rc<World>, place: usize) {
    let poller = Process::new(&world, Function::Poller, None);
    let shard = &world.store.shards[place];
    let mut failures = 0;
    loop {
        let count = shard.records.borrow().len().min(world.options.batch);
        if count == 0 {
            shard.news.heard().await;
            continue;
        }
        world.sleep(world.between(1, 250)).await;
        let records: Vec<Rc<Payment>> = shard.records.borrow().iter().take(count).cloned().collect();
        let left = world.options.given_up > world.given_up.get();
        if !world.is_calm() && left && world.chance(GIVES_UP) {
            world.given_up.set(world.given_up.get() + 1);
            world.consumers.given_up.send(given_up(&records));
            let mut told_late = world.told_late.borrow_mut();
            told_late.extend(records.iter().map(|payment| payment.payment_id.clone()));
            drop(told_late);
            shard.records.borrow_mut().drain(..count);
            continue;
        }
        let batch = records.clone();
        let answer = invoke(&poller, Function::Publish, None, move |process| {
            let request = stream_batch(&batch);
            async move { publish::handle(&*process, request).await }
        });
        let done = match answer.await {
            Ok(Ok(answer)) => match answer.batch_item_failures.first() {
                None => count,
                Some(failure) => failure.item_identifier.parse().unwrap_or(0),
            },
            Err(_) => 0,
        };
        shard.records.borrow_mut().drain(..done);
        failures = if done == count { 0 } else { failures + 1 };
        if failures > 0 {
            world.sleep(pause(&world, failures)).await;
        }
    }
}

fn stream_batch(records: &[Rc<Payment>]) -> Request {
    let image = |payment: &Rc<Payment>| serde_dynamo::to_item::<_, serde_dynamo::Item>(&**payment).ok();
    let change = |(number, payment)| publish::Record {
        dynamodb: Change {
            sequence_number: usize::to_string(&number),
            new_image: image(payment).map(serde_dynamo::Item::into_inner),
        },
    };
    Request { records: records.iter().enumerate().map(change).collect() }
}

/// What Lambda says about a batch that it gave up.
fn given_up(records: &[Rc<Payment>]) -> String {
    let at = |payment: Option<&Rc<Payment>>| {
        payment.map_or_else(String::new, |payment| payment.latest_change().at.to_rfc3339())
    };
    json!({ "DDBStreamBatchInfo": {
        "streamArn": "arn:aws:dynamodb:r:1:table/florin-payments/stream/1", "batchSize": records.len(),
        "approximateArrivalOfFirstRecord": at(records.first()),
        "approximateArrivalOfLastRecord": at(records.last()),
    } })
    .to_string()
}

/// A partition of a topic: from the last commit on, until the function answers that it is done.
async fn read_partition(world: Rc<World>, place: usize, function: Function) {
    let poller = Process::new(&world, Function::Poller, None);
    let (topic, partition) = match function {
        Function::Ingest => ("payment-requests", &world.topics.requests[place]),
        _ => ("payment-events", &world.topics.events[place]),
    };
    let mut failures = 0;
    loop {
        let from = partition.committed();
        let batch = partition.read(world.options.batch);
        if batch.is_empty() {
            partition.news.heard().await;
            world.sleep(world.between(1, SECOND)).await;
            continue;
        }
        let count = batch.len();
        let work = move |process: Rc<Process>| {
            let request = kafka_batch(topic, place, from, &batch);
            async move { consume(&process, function, request).await }
        };
        let done = match invoke(&poller, function, None, work).await {
            Ok(None) => count,
            Ok(Some(offset)) => usize::try_from(offset).map_or(0, |offset| offset.saturating_sub(from)),
            Err(_) => 0,
        };
        failures = if done == count { 0 } else { failures + 1 };
        commit(&world, partition, from + done).await;
        if failures > 0 {
            world.sleep(pause(&world, failures)).await;
        }
    }
}

/// The commit may be lost, and with it who reads the partition: the next one begins where the last commit was.
async fn commit(world: &World, partition: &Partition, offset: usize) {
    if !world.is_calm() && world.chance(world.options.rates[0] + PER / 500) {
        let back = world.below(offset - partition.committed() + 1);
        world.sleep(world.between(0, 10 * SECOND)).await;
        partition.commit(offset - back);
    } else {
        partition.commit(offset);
    }
}

fn kafka_batch(topic: &str, place: usize, from: usize, batch: &[Rc<Record>]) -> KafkaRequest {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let record = |(place_in, record): (usize, &Rc<Record>)| KafkaRecord {
        topic: topic.to_owned(),
        partition: number(place),
        offset: i64::from(number(from + place_in)),
        key: Some(BASE64.encode(record.subject())),
        value: Some(record.value.clone()),
    };
    let records = batch.iter().enumerate().map(record).collect();
    KafkaRequest { records: BTreeMap::from([(format!("{topic}-{place}"), records)]) }
}

/// The offset from which on the function wants the partition again.
async fn consume(process: &Process, function: Function, request: KafkaRequest) -> Option<i64> {
    let answer = match function {
        Function::Ingest => {
            let intake = intake::Ports {
                payments: process,
                merchants: process,
                tokens: process,
                workflow: process,
                system: process,
            };
            let Ok(answer) =
                ingest::handle(&ingest::Ports { intake, answers: process, dead_letters: process }, request).await;
            answer
        }
        _ => {
            let Ok(answer) = post_ledger::handle(process, process, request).await;
            answer
        }
    };
    answer.batch_item_failures.first().map(|failure| failure.item_identifier.offset)
}

/// A queue: what failed is seen again after a while.
async fn read_queue(world: Rc<World>, function: Function) {
    let poller = Process::new(&world, Function::Poller, None);
    let queue: &Queue = if function == Function::Bill { &world.consumers.billing } else { &world.consumers.given_up };
    loop {
        let Some(next) = queue.next() else {
            queue.news.heard().await;
            continue;
        };
        let wait = (next - world.time.now()).max(0) + world.between(1, SECOND);
        world.sleep(wait).await;
        let messages = queue.receive(&world, MESSAGES);
        if messages.is_empty() {
            continue;
        }
        let batch = messages.clone();
        let work = move |process: Rc<Process>| {
            let record = |message: &crate::consumers::Message| QueueMessage {
                message_id: message.id.to_string(),
                body: message.body.clone(),
            };
            let request = QueueRequest { records: batch.iter().map(record).collect() };
            async move { work_off(&process, function, request).await }
        };
        let Ok(failed) = invoke(&poller, function, None, work).await else { continue };
        for message in messages.iter().filter(|message| !failed.contains(&message.id.to_string())) {
            // A delete that is lost brings the message again.
            if world.arrives(&poller, Service::Queue).is_none() {
                queue.delete(message.id);
            }
        }
    }
}

async fn work_off(process: &Process, function: Function, request: QueueRequest) -> Vec<String> {
    let answer = match function {
        Function::Bill => {
            let Ok(answer) = bill::handle(process, process, request).await;
            answer
        }
        _ => {
            let name = |table: &str| format!("florin-{table}");
            let names = OutboxNames {
                payments: name("payments"),
                payouts: name("payouts"),
                bank_movements: name("bank-movements"),
            };
            let ports = republish::Ports { tables: process, names, events: process, queue: process };
            let Ok(answer) = republish::handle(&ports, request).await;
            answer
        }
    };
    answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

/// The schedule: `sweep` once a minute. Minutes in which nothing can be due are left out.
async fn sweep(world: Rc<World>) {
    let schedule = Process::new(&world, Function::Poller, None);
    loop {
        let Some(due) = world.store.first_due() else {
            world.store.due.heard().await;
            continue;
        };
        let now = world.time.now();
        if due > now {
            // While clients are there, something may come to be due earlier.
            let most = if world.clients.get() > 0 { MINUTE } else { HOUR };
            world.sleep((due - now).min(most)).await;
            if due - now > most {
                continue;
            }
        }
        let minute = MINUTE - world.time.now() % MINUTE;
        world.sleep(minute + world.options.skew).await;
        let work = |process: Rc<Process>| async move {
            sweep::handle(&*process, &*process, &*process, Value::Null).await.is_ok()
        };
        let _ = invoke(&schedule, Function::Sweep, None, work).await;
    }
}
