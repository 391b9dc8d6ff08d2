//! Tells again what a stream could not deliver: goes over its table (payments, payouts or movements at the bank), page by
//! page, and sends every event of each item that changed in the lost stretch of time, in order. Its queue's message is its
//! cursor: it keeps nothing itself.

use payments::event::{Event, Unreadable};
use payments::failure::Unavailable;
use payments::outbox::{Outbox, OutboxNames, Stretch};
use payments::ports::{Events, ScanOutbox, Stretches};
use std::collections::BTreeMap;
use std::convert::Infallible;
use task::queue::{ItemsAnswer, QueueMessage, QueueRequest};

/// Pages of one invocation; the rest is another message.
const MAX_PAGES: usize = 20;
/// Items of one page.
const PAGE: usize = 250;

/// What telling again needs.
pub struct Ports<'a, Store, Out, Queue> {
    /// The tables.
    pub tables: &'a Store,
    /// Their names, as their streams' ARNs have them.
    pub names: OutboxNames,
    /// The bus and the topic.
    pub events: &'a Out,
    /// Its own queue.
    pub queue: &'a Queue,
}

/// Why a stretch was not finished.
#[derive(Debug, thiserror::Error)]
enum Unfinished {
    #[error("the message cannot be read")]
    Unreadable(#[from] Unreadable),
    #[error("the table, the bus, the topic or the queue did not answer")]
    Unavailable(#[from] Unavailable),
}

/// Joins what a table's stream gave up into one stretch, because each costs a walk over the table; stretches that are
/// under way go on by themselves. A message is a [`Stretch`], or what Lambda says about a batch that it gave up.
pub async fn handle<Store, Out, Queue>(
    ports: &Ports<'_, Store, Out, Queue>,
    request: QueueRequest,
) -> Result<ItemsAnswer, Infallible>
where
    Store: ScanOutbox,
    Out: Events,
    Queue: Stretches,
{
    let mut failed = Vec::new();
    let mut fail = |error: Unfinished, messages: Vec<String>| {
        tracing::error!(target: "florin", ?messages, "{}", task::chain(&error));
        failed.extend(messages);
    };
    let mut joined: BTreeMap<Outbox, (Stretch, Vec<String>)> = BTreeMap::new();
    let mut work = Vec::new();
    for QueueMessage { message_id, body } in request.records {
        match Stretch::read(&body, &ports.names) {
            Ok(stretch) if stretch.after.is_some() => work.push((stretch, vec![message_id])),
            Ok(stretch) => {
                let (all, messages) = joined.entry(stretch.table).or_insert_with(|| (stretch.clone(), Vec::new()));
                (all.since, all.until) = (all.since.min(stretch.since), all.until.max(stretch.until));
                messages.push(message_id);
            }
            Err(error) => fail(error.into(), vec![message_id]),
        }
    }
    let mut pages = MAX_PAGES;
    for (stretch, messages) in work.into_iter().chain(joined.into_values()) {
        if let Err(error) = sweep(ports, stretch, &mut pages).await {
            fail(error, messages);
        }
    }
    Ok(ItemsAnswer::again(failed))
}

/// Goes on with a stretch for as long as `pages` are left to this invocation.
async fn sweep<Store, Out, Queue>(
    ports: &Ports<'_, Store, Out, Queue>,
    mut stretch: Stretch,
    pages: &mut usize,
) -> Result<(), Unfinished>
where
    Store: ScanOutbox,
    Out: Events,
    Queue: Stretches,
{
    while *pages > 0 {
        *pages -= 1;
        let page = ports.tables.scan(stretch.table, stretch.after.as_ref(), PAGE).await?;
        let concerned = page.subjects.iter().filter(|subject| stretch.concerns(subject));
        let events: Vec<Event> = concerned.flat_map(|subject| subject.events()).collect();
        ports.events.send(&events).await.into_iter().collect::<Result<Vec<()>, Unavailable>>()?;
        match page.last {
            Some(last) => stretch.after = Some(last),
            None => return Ok(()),
        }
    }
    Ok(ports.queue.enqueue(&stretch).await?)
}
