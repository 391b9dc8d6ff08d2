//! Running the workflow for a request, for as long as its client wants to wait.

use crate::unavailable;
use payments::id::OperationId;
use payments::payment::Payment;
use payments::ports::{LoadPayment, Workflow};
use payments::problem::Problem;
use std::time::Duration;
use task::http::ProxyRequest;

/// How long a request waits for its payment to rest: API Gateway gives up after 29 seconds.
const PATIENCE_SECONDS: u32 = 25;

/// What a run needs.
pub(crate) struct Run<'a, Runs, Store> {
    pub(crate) workflow: &'a Runs,
    pub(crate) payments: &'a Store,
    pub(crate) request: &'a ProxyRequest,
}

impl<Runs: Workflow, Store: LoadPayment> Run<'_, Runs, Store> {
    /// Runs the workflow and reads how far the payment came. A run that breaks off is no error: the payment is recorded,
    /// and `sweep` brings it to rest.
    pub(crate) async fn carry_on(&self, payment: Payment, operation: &OperationId) -> Result<Payment, Problem> {
        let patience = self.request.patience_seconds().unwrap_or(PATIENCE_SECONDS).min(PATIENCE_SECONDS);
        let run = match patience {
            0 => self.workflow.start(&payment.payment_id, operation).await,
            seconds => {
                let patience = Duration::from_secs(u64::from(seconds));
                self.workflow.run(&payment.payment_id, operation, patience).await
            }
        };
        if let Err(failure) = run {
            tracing::warn!(target: "florin", payment_id = %payment.payment_id, "{}", task::chain(&failure));
        }
        if patience == 0 {
            return Ok(payment);
        }
        Ok(self.payments.load(&payment.payment_id).await.map_err(unavailable)?.unwrap_or(payment))
    }
}
