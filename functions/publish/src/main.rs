//! Wires [`publish::handle`] to the bus, the topic and the Lambda runtime.
use payments_aws::EventsOut;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let events = EventsOut::from_env().await?;
    task::serve(async |request| publish::handle(&events, request).await).await
}
