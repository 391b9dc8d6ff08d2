//! Wires [`notify::handle`] to the webhook tables, key and queue, the bus, the internet and the Lambda runtime.
use payments_aws::{
    AnnouncementsOut, DeliverQueue, DeliveriesTable, EndpointsTable, HttpsCourier, SigningSecrets, System,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let endpoints = EndpointsTable::from_env().await?;
    let deliveries = DeliveriesTable::from_env().await?;
    let queue = DeliverQueue::from_env().await?;
    let courier = HttpsCourier::from_env().await?;
    let secrets = SigningSecrets::from_env().await?;
    let bus = AnnouncementsOut::from_env().await?;
    let ports = notify::Ports {
        endpoints: &endpoints,
        deliveries: &deliveries,
        queue: &queue,
        courier: &courier,
        secrets: &secrets,
        bus: &bus,
        system: &System,
    };
    task::serve(async |request| notify::handle(&ports, request).await).await
}
