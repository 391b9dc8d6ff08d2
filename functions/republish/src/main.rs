//! Wires [`republish::handle`] to the payments table, the bus, the topic, its queue and the Lambda runtime.
use payments_aws::{EventsOut, PaymentsTable, StretchQueue, variable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let payments = PaymentsTable::from_env().await?;
    let table = variable("PAYMENTS_TABLE")?;
    let events = EventsOut::from_env().await?;
    let queue = StretchQueue::from_env().await?;
    let ports = republish::Ports { payments: &payments, table: &table, events: &events, queue: &queue };
    task::serve(async |request| republish::handle(&ports, request).await).await
}
