//! Wires [`republish::handle`] to the outboxes' tables, the bus, the topic, its queue and the Lambda runtime.
use payments_aws::{EventsOut, OutboxTables, StretchQueue};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let tables = OutboxTables::from_env().await?;
    let events = EventsOut::from_env().await?;
    let queue = StretchQueue::from_env().await?;
    let ports = republish::Ports { tables: &tables, names: tables.names(), events: &events, queue: &queue };
    task::serve(async |request| republish::handle(&ports, request).await).await
}
