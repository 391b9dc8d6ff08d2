//! Tells again what the stream could not deliver: goes over the payments table, page by page, and sends every event of each
//! payment that changed in the lost stretch of time, in order. Its queue's message is its cursor: it keeps nothing itself.

use payments::event::{Event, Unreadable};
use payments::failure::Unavailable;
use payments::outbox::Stretch;
use payments::ports::{Events, ScanPayments, Stretches};
use std::convert::Infallible;
use task::queue::{ItemsAnswer, QueueMessage, QueueRequest};

/// Pages of one invocation; the rest is another message.
const MAX_PAGES: usize = 20;
/// Payments of one page.
const PAGE: usize = 250;

/// What telling again needs.
pub struct Ports<'a, Store, Out, Queue> {
    /// The payments table.
    pub payments: &'a Store,
    /// Its name, as its stream's ARN has it.
    pub table: &'a str,
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

/// Joins what the stream gave up into one stretch, because each costs a walk over the table; stretches that are under way
/// go on by themselves. A message is a [`Stretch`], or what Lambda says about a batch that it gave up.
pub async fn handle<Store, Out, Queue>(
    ports: &Ports<'_, Store, Out, Queue>,
    request: QueueRequest,
) -> Result<ItemsAnswer, Infallible>
where
    Store: ScanPayments,
    Out: Events,
    Queue: Stretches,
{
    let mut failed = Vec::new();
    let mut fail = |error: Unfinished, messages: Vec<String>| {
        tracing::error!(target: "florin", ?messages, "{}", task::chain(&error));
        failed.extend(messages);
    };
    let mut joined: Option<(Stretch, Vec<String>)> = None;
    let mut work = Vec::new();
    for QueueMessage { message_id, body } in request.records {
        match Stretch::read(&body, ports.table) {
            Ok(stretch) if stretch.after.is_some() => work.push((stretch, vec![message_id])),
            Ok(stretch) => {
                let (all, messages) = joined.get_or_insert_with(|| (stretch.clone(), Vec::new()));
                (all.since, all.until) = (all.since.min(stretch.since), all.until.max(stretch.until));
                messages.push(message_id);
            }
            Err(error) => fail(error.into(), vec![message_id]),
        }
    }
    for (stretch, messages) in work.into_iter().chain(joined) {
        if let Err(error) = sweep(ports, stretch).await {
            fail(error, messages);
        }
    }
    Ok(ItemsAnswer::again(failed))
}

async fn sweep<Store, Out, Queue>(ports: &Ports<'_, Store, Out, Queue>, mut stretch: Stretch) -> Result<(), Unfinished>
where
    Store: ScanPayments,
    Out: Events,
    Queue: Stretches,
{
    for _ in 0..MAX_PAGES {
        let page = ports.payments.scan(stretch.after.as_ref(), PAGE).await?;
        let concerned = page.payments.iter().filter(|payment| stretch.concerns(payment));
        let events: Vec<Event> = concerned.flat_map(Event::all_of).collect();
        ports.events.send(&events).await.into_iter().collect::<Result<Vec<()>, Unavailable>>()?;
        match page.last {
            Some(last) => stretch.after = Some(last),
            None => return Ok(()),
        }
    }
    Ok(ports.queue.enqueue(&stretch).await?)
}
