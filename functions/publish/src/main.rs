//! Wires [`publish::handle`] to the bus, the topic and the Lambda runtime.
use payments_aws::{EventsOut, variable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let events = EventsOut::from_env().await?;
    let partial = variable("STREAM_ANSWER")? == "partial";
    task::serve(async |request| {
        let Ok(answer) = publish::handle(&events, request).await;
        if partial { Ok(answer) } else { publish::all_or_error(answer) }
    })
    .await
}
