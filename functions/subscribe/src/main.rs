//! Wires [`subscribe::handle`] to the webhook tables, key and queue and the Lambda runtime.
use payments_aws::{
    DeliverQueue, DeliveriesTable, EndpointsTable, RateLimitInValkey, SigningSecrets, System, test_receiver,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let limits = RateLimitInValkey::from_env().await?;
    let endpoints = EndpointsTable::from_env().await?;
    let deliveries = DeliveriesTable::from_env().await?;
    let queue = DeliverQueue::from_env().await?;
    let secrets = SigningSecrets::from_env().await?;
    let receiver = test_receiver()?;
    let ports = subscribe::Ports {
        endpoints: &endpoints,
        deliveries: &deliveries,
        queue: &queue,
        secrets: &secrets,
        system: &System,
        receiver: receiver.as_ref(),
    };
    task::serve(async |request| subscribe::handle(&limits, &ports, request).await).await
}
