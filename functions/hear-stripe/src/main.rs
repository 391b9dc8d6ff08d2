//! Wires [`hear_stripe::handle`] to the payments table, the endpoint's secrets, the payment workflow and the Lambda runtime.
use payments_aws::{PaymentWorkflow, PaymentsTable, SecretPerMode, System};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let payments = PaymentsTable::from_env().await?;
    let workflow = PaymentWorkflow::from_env().await?;
    let secrets = SecretPerMode::from_env("STRIPE_TEST_SECRET_ARN", "STRIPE_LIVE_SECRET_ARN")?;
    let secrets = secrets.as_ref();
    let ports = hear_stripe::Ports { payments: &payments, workflow: &workflow, secrets, system: &System };
    task::serve(async |request| hear_stripe::handle(&ports, request).await).await
}
