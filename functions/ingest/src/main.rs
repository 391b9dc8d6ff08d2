//! Wires [`ingest::handle`] to the tables, the payment workflow, the topics and the Lambda runtime.
use payments_aws::{AnswersOut, DeadLetterTopics, MerchantsTable, PaymentsTable, System, TokensTable, WorkflowInTurn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let payments = PaymentsTable::from_env().await?;
    let merchants = MerchantsTable::from_env().await?;
    let tokens = TokensTable::from_env().await?;
    let workflow = WorkflowInTurn::from_env().await?;
    let answers = AnswersOut::from_env().await?;
    let dead_letters = DeadLetterTopics::from_env().await?;
    let intake = intake::Ports {
        payments: &payments,
        merchants: &merchants,
        tokens: &tokens,
        workflow: &workflow,
        system: &System,
    };
    let ports = ingest::Ports { intake, answers: &answers, dead_letters: &dead_letters };
    task::serve(async |batch| ingest::handle(&ports, batch).await).await
}
