//! The payment workflow for callers of whom many may come with the same request: turns are kept in Valkey, as long as they
//! last.

use crate::config::StartError;
use crate::valkey;
use crate::workflow::PaymentWorkflow;
use payments::failure::Unavailable;
use payments::id::{OperationId, PaymentId};
use payments::ports::{Turns, Workflow};
use redis::aio::ConnectionManager;
use std::time::Duration;

/// How long a caller waits for its turn: it goes on without, so the wait is short.
const PATIENCE: Duration = Duration::from_millis(250);

/// The deployed state machine, and turns at carrying payments on.
#[derive(Clone)]
pub struct WorkflowInTurn {
    workflow: PaymentWorkflow,
    connection: ConnectionManager,
}

impl WorkflowInTurn {
    /// From what [`PaymentWorkflow`] needs, `VALKEY_ENDPOINT` and `VALKEY_TLS`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self { workflow: PaymentWorkflow::from_env().await?, connection: valkey::connect().await? })
    }
}

impl Workflow for WorkflowInTurn {
    async fn run(&self, id: &PaymentId, operation: &OperationId, patience: Duration) -> Result<(), Unavailable> {
        self.workflow.run(id, operation, patience).await
    }

    async fn start(&self, payment_id: &PaymentId, operation: &OperationId) -> Result<(), Unavailable> {
        self.workflow.start(payment_id, operation).await
    }
}

impl Turns for WorkflowInTurn {
    async fn take_turn(&self, payment_id: &PaymentId, lasts: Duration) -> Result<bool, Unavailable> {
        let unavailable = |source| Unavailable { what: "the turns", source };
        let milliseconds = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
        let mut take = redis::cmd("SET");
        take.arg(format!("turn:{payment_id}")).arg(1).arg("NX").arg("PX").arg(milliseconds);
        let mut connection = self.connection.clone();
        let asked = tokio::time::timeout(PATIENCE, take.query_async::<Option<String>>(&mut connection)).await;
        let taken = asked.map_err(|late| unavailable(late.into()))?.map_err(|error| unavailable(error.into()))?;
        Ok(taken.is_some())
    }
}
