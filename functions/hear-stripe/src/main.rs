//! Wires [`hear_stripe::handle`] to the payments table, the endpoint's secrets, the payment workflow and the Lambda runtime.
use payments_aws::{PaymentWorkflow, PaymentsTable, SecretInManager, System};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let payments = PaymentsTable::from_env().await?;
    let workflow = PaymentWorkflow::from_env().await?;
    let secrets = SecretInManager::all_from_env("STRIPE_WEBHOOK_SECRET_ARNS")?;
    let ports = hear_stripe::Ports { payments: &payments, workflow: &workflow, secrets: &secrets, system: &System };
    task::serve(async |request| hear_stripe::handle(&ports, request).await).await
}
