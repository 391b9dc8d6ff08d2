//! Works out what the merchant is owed for a capture, and when: fee, net, settlement date.

use payments::amount::AmountError;
use payments::failure::{NotFound, OutOfTurn, Unavailable};
use payments::id::PaymentId;
use payments::payment::Actor;
use payments::ports::{Clock, LoadPayment, Merchants, SavePayment};
use payments::settlement::settle;
use payments::stage::{Stage, StageName};
use payments::step::{self, Move, StepAnswer, StepRequest};

/// Why the step failed.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the workflow sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// There is no such payment.
    #[error("nothing to settle")]
    PaymentNotFound(#[from] NotFound),
    /// The payment is not captured yet.
    #[error("it is not the turn of settle")]
    StepOutOfTurn(#[from] OutOfTurn),
    /// A table did not answer.
    #[error("the payment is not settled")]
    StoreUnavailable(#[from] Unavailable),
    /// The merchant's fee plan is gone or makes no amount: a person has to mend it; `sweep` comes back.
    #[error("payment {0} cannot be settled")]
    SettlementImpossible(PaymentId, #[source] Option<AmountError>),
}
payments::failure!(
    Error, ErrorName,
    transient: [StoreUnavailable],
    permanent: [PaymentNotFound, StepOutOfTurn, SettlementImpossible],
);

/// Settles the payment, or finds that it is settled.
pub async fn handle(
    payments: &(impl LoadPayment + SavePayment),
    merchants: &impl Merchants,
    clock: &impl Clock,
    request: StepRequest,
) -> Result<StepAnswer, Error> {
    step::advance(payments, &request.payment_id, async |payment, _| match payment.stage.clone() {
        Stage::Captured(captured) => {
            let id = payment.payment_id.clone();
            let merchant = merchants.merchant(&payment.owner).await?;
            let merchant = merchant.ok_or_else(|| Error::SettlementImpossible(id.clone(), None))?;
            let terms = merchant.fee_plan.terms(payment.amount.currency());
            let (_, amount, _) = payment.open_capture().ok_or_else(|| Error::SettlementImpossible(id.clone(), None))?;
            let captured_at = payment.reached(StageName::Captured).unwrap_or(payment.created_at);
            let settlement =
                settle(amount, terms, captured_at).map_err(|error| Error::SettlementImpossible(id, Some(error)))?;
            Ok(Move::Finish(Box::new(payment.settled(captured.0, settlement, Actor::Settle, clock.now()))))
        }
        stage @ (Stage::Created(_) | Stage::Authorizing(_) | Stage::Authorized(_) | Stage::Capturing(_)) => {
            Err(OutOfTurn { payment_id: payment.payment_id, stage: StageName::from(&stage) }.into())
        }
        Stage::Voiding(_)
        | Stage::RequiresCapture(_)
        | Stage::InReview(_)
        | Stage::Succeeded(_)
        | Stage::Refunding(_)
        | Stage::Declined(_)
        | Stage::Canceled(_)
        | Stage::Failed(_) => Ok(Move::Stay),
    })
    .await
}
