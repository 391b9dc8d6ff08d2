//! Makes payments of the requests that partners put on `payment-requests`: each becomes exactly one, by the same code and
//! the same state machine as over HTTP, and gets one answer on `payment-answers`.
//!
//! Who may put a request there is said by Kafka's access control, not here.

use futures_util::future::join_all;
use intake::unavailable;
use payments::failure::Unavailable;
use payments::id::PaymentId;
use payments::payment_request::{PaymentAnswer, PaymentRequest};
use payments::ports::{Answers, Clock, DeadLetters, LoadPayment, Merchants, OpenPayment, Tokens, Turns, Workflow};
use std::collections::BTreeMap;
use std::convert::Infallible;
use task::kafka::{KafkaAnswer, KafkaRecord, KafkaRequest};

/// What ingesting needs.
pub struct Ports<'a, Store, Profiles, Cards, Runs, System, Out, Graves> {
    /// What opening a payment needs.
    pub intake: intake::Ports<'a, Store, Profiles, Cards, Runs, System>,
    /// Where answers go.
    pub answers: &'a Out,
    /// Where records go that nobody can read.
    pub dead_letters: &'a Graves,
}

/// A request and where its record stands.
struct Placed<'a> {
    partition: &'a str,
    offset: i64,
    request: PaymentRequest,
}

/// A record that has to come again.
type Place<'a> = (&'a str, i64);

/// Works on all payments of a batch at once; the records of one payment, on whatever partitions, one after the other. A
/// partition comes again from its first record that was not answered.
pub async fn handle<Store, Profiles, Cards, Runs, System, Out, Graves>(
    ports: &Ports<'_, Store, Profiles, Cards, Runs, System, Out, Graves>,
    batch: KafkaRequest,
) -> Result<KafkaAnswer, Infallible>
where
    Store: OpenPayment + LoadPayment,
    Profiles: Merchants,
    Cards: Tokens,
    Runs: Workflow + Turns,
    System: Clock,
    Out: Answers,
    Graves: DeadLetters,
{
    let mut payments = BTreeMap::<PaymentId, Vec<Placed<'_>>>::new();
    let mut unfinished = Vec::new();
    for (partition, record) in batch.records.iter().flat_map(|(name, list)| list.iter().map(move |it| (name, it))) {
        match PaymentRequest::read(&record.value()) {
            Ok(request) => {
                let placed = Placed { partition, offset: record.offset, request };
                payments.entry(placed.request.payment_id()).or_default().push(placed);
            }
            Err(reason) => unfinished.extend(bury(ports.dead_letters, partition, record, reason.to_string()).await),
        }
    }
    let groups = payments.values().map(|placed| in_turn(ports, placed));
    unfinished.extend(join_all(groups).await.into_iter().flatten());
    let mut first = BTreeMap::<String, i64>::new();
    for (partition, offset) in unfinished {
        let earliest = first.entry(partition.to_owned()).or_insert(offset);
        *earliest = offset.min(*earliest);
    }
    Ok(KafkaAnswer::again_from(first))
}

async fn bury<'a>(
    dead_letters: &impl DeadLetters,
    partition: &'a str,
    record: &KafkaRecord,
    reason: String,
) -> Option<Place<'a>> {
    let failure = dead_letters.bury(&record.dead(reason)).await.err()?;
    tracing::error!(target: "florin", partition, offset = record.offset, "{}", task::chain(&failure));
    Some((partition, record.offset))
}

/// The records of one payment, in order.
async fn in_turn<'a, Store, Profiles, Cards, Runs, System, Out, Graves>(
    ports: &Ports<'_, Store, Profiles, Cards, Runs, System, Out, Graves>,
    placed: &[Placed<'a>],
) -> Vec<Place<'a>>
where
    Store: OpenPayment + LoadPayment,
    Profiles: Merchants,
    Cards: Tokens,
    Runs: Workflow + Turns,
    System: Clock,
    Out: Answers,
{
    let mut unfinished = Vec::new();
    for Placed { partition, offset, request } in placed {
        if let Err(reason) = ingest(ports, request).await {
            tracing::warn!(target: "florin", partition, offset, payment_id = %request.payment_id(), "{reason}");
            unfinished.push((*partition, *offset));
        }
    }
    unfinished
}

/// One request: a payment or a refusal, and its answer. Fails with what passes by itself, so that it is tried again.
async fn ingest<Store, Profiles, Cards, Runs, System, Out, Graves>(
    ports: &Ports<'_, Store, Profiles, Cards, Runs, System, Out, Graves>,
    request: &PaymentRequest,
) -> Result<(), String>
where
    Store: OpenPayment + LoadPayment,
    Profiles: Merchants,
    Cards: Tokens,
    Runs: Workflow + Turns,
    System: Clock,
    Out: Answers,
{
    let owner = request.owner();
    let wanted =
        intake::Request { owner: &owner, key: &request.idempotency_key, body: &request.body, patience_seconds: None };
    let answer = match intake::create(&ports.intake, &wanted).await {
        Ok(created) => PaymentAnswer::accepted(request, &created.payment),
        Err(problem) if problem.kind.passes() => return Err(problem.kind.title().to_owned()),
        Err(problem) => PaymentAnswer::refused(request, &problem),
    };
    let sent: Result<(), Unavailable> = ports.answers.answer(&answer).await;
    sent.map_err(|failure| unavailable(failure).detail)
}
