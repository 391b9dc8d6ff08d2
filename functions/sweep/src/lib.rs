//! Takes over payments that are past their time: each is resumed, reversed or ended, at growing intervals, in a bounded
//! number of tries.

use payments::failure::Unavailable;
use payments::id::{OperationId, OperationKind, PaymentId};
use payments::payment::{Payment, Takeover};
use payments::ports::{Clock, DuePayments, LoadPayment, SavePayment, Saved, Workflow};
use payments::stage::StageName;
use payments::timestamp::Timestamp;
use serde::Serialize;
use serde_json::Value;
use task::metric::Unit;

/// Payments of one run; the next run comes a minute later.
const MAX_PAYMENTS: usize = 200;

/// What a run did.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Response {
    /// Sent through the workflow again.
    pub resumed: u32,
    /// Sent to be undone.
    pub reversed: u32,
    /// Ended.
    pub finished: u32,
    /// Left alone: not due any more, or someone else was faster.
    pub left: u32,
    /// Of those sent again, whose gateway was asked for something and nobody knows what came of it.
    pub unknown: u32,
    /// How long the oldest of these has been so, in seconds. Each comes by at least once an hour.
    pub oldest_unknown_seconds: i64,
}

impl Response {
    /// What operators are alarmed by: both numbers are of this run.
    pub fn metrics(&self) -> [(&'static str, Unit, i64); 2] {
        [
            ("UnknownOutcomes", Unit::Count, i64::from(self.unknown)),
            ("UnknownOutcomeAge", Unit::Seconds, self.oldest_unknown_seconds),
        ]
    }

    /// Counts the payment, if its stage is an intent.
    fn count(&mut self, payment: &Payment, now: Timestamp) {
        let stage = StageName::from(&payment.stage);
        if matches!(stage, StageName::Authorizing | StageName::Capturing | StageName::Voiding | StageName::Refunding) {
            let since = payment.reached(stage).unwrap_or(payment.created_at);
            self.unknown += 1;
            self.oldest_unknown_seconds = self.oldest_unknown_seconds.max(now.as_seconds() - since.as_seconds());
        }
    }
}

/// Why a run broke off.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the workflow sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// A table or the workflow did not answer; the next run goes on.
    #[error("the sweep broke off")]
    StoreUnavailable(#[from] Unavailable),
}
payments::failure!(Error, ErrorName, transient: [StoreUnavailable], permanent: []);

/// One run. The schedule's own event says nothing that matters. What fails of one payment is the run's failure once all others
/// were looked at.
pub async fn handle(
    payments: &(impl DuePayments + LoadPayment + SavePayment),
    workflow: &impl Workflow,
    clock: &impl Clock,
    _schedule: Value,
) -> Result<Response, Error> {
    let mut response = Response::default();
    let mut broken = None;
    for payment_id in payments.due(clock.now(), MAX_PAYMENTS).await? {
        // One that cannot be read does not stand in the way of those behind it.
        if let Err(error) = take_over(payments, workflow, clock, &payment_id, &mut response).await {
            broken.get_or_insert(error);
        }
    }
    broken.map_or(Ok(response), Err)
}

async fn take_over(
    payments: &(impl LoadPayment + SavePayment),
    workflow: &impl Workflow,
    clock: &impl Clock,
    payment_id: &PaymentId,
    response: &mut Response,
) -> Result<(), Error> {
    let Some(payment) = payments.load(payment_id).await? else {
        response.left += 1;
        return Ok(());
    };
    let now = clock.now();
    let seen = payment.clone();
    let (next, operation) = match payment.take_over(now) {
        Takeover::Resume(next) => (next, Some(OperationId::pay())),
        Takeover::Reverse(next) => (next, Some(OperationId::reverse())),
        Takeover::Finish(next) => (next, None),
        Takeover::Nothing => {
            response.left += 1;
            return Ok(());
        }
    };
    if payments.save(&next).await? == Saved::Conflict {
        response.left += 1;
        return Ok(());
    }
    response.count(&seen, now);
    match &operation {
        None => response.finished += 1,
        Some(operation) if operation.kind() == OperationKind::Reverse => response.reversed += 1,
        Some(_) => response.resumed += 1,
    }
    if let Some(operation) = &operation {
        workflow.start(payment_id, operation).await?;
    }
    Ok(())
}
