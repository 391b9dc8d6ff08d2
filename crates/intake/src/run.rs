//! Running the workflow for a request, for as long as its client wants to wait.

use crate::idempotency::RESUME_AFTER_MILLIS;
use crate::unavailable;
use payments::id::OperationId;
use payments::payment::Payment;
use payments::ports::{LoadPayment, Turns, Workflow};
use payments::problem::Problem;
use std::time::Duration;

/// How long a request waits for its payment to rest: API Gateway gives up after 29 seconds.
const PATIENCE_SECONDS: u32 = 25;

/// What a run needs.
#[derive(Debug)]
pub struct Run<'a, Runs, Store> {
    /// The payment workflow.
    pub workflow: &'a Runs,
    /// Payments.
    pub payments: &'a Store,
    /// How long the client waits; as long as we let it, if it does not say.
    pub patience_seconds: Option<u32>,
}

impl<Runs: Workflow + Turns, Store: LoadPayment> Run<'_, Runs, Store> {
    /// Carries a payment on whose run has to be taken for dead. However many ask for it, one does it at a time; the payment
    /// is as it was for the others. Without turns everyone does it, which is slow, and right.
    pub async fn resume(&self, payment: Payment, operation: &OperationId) -> Result<Payment, Problem> {
        let lasts = Duration::from_millis(RESUME_AFTER_MILLIS);
        let ours = self.workflow.take_turn(&payment.payment_id, lasts).await.unwrap_or_else(|failure| {
            tracing::warn!(target: "florin", payment_id = %payment.payment_id, "{}", task::chain(&failure));
            true
        });
        if ours { self.carry_on(payment, operation).await } else { Ok(payment) }
    }

    /// Runs the workflow and reads how far the payment came. A run that breaks off is no error: the payment is recorded,
    /// and `sweep` brings it to rest.
    pub async fn carry_on(&self, payment: Payment, operation: &OperationId) -> Result<Payment, Problem> {
        let patience = self.patience_seconds.unwrap_or(PATIENCE_SECONDS).min(PATIENCE_SECONDS);
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
