//! Wires [`sweep::handle`] to the payments table, the payment workflow and the Lambda runtime.
use payments_aws::{PaymentWorkflow, PaymentsTable, System};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let payments = PaymentsTable::from_env().await?;
    let workflow = PaymentWorkflow::from_env().await?;
    task::serve(async |schedule| sweep::handle(&payments, &workflow, &System, schedule).await).await
}
