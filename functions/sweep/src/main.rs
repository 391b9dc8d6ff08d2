//! Wires [`sweep::handle`] to the payments table, the payment workflow, the metrics and the Lambda runtime.
use payments_aws::{PaymentWorkflow, PaymentsTable, System};
use task::metric;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let payments = PaymentsTable::from_env().await?;
    let workflow = PaymentWorkflow::from_env().await?;
    task::serve(async |schedule| {
        let answer = sweep::handle(&payments, &workflow, &System, schedule).await;
        answer.inspect(|response| metric::emit(&response.metrics()))
    })
    .await
}
