//! Screens an authorised payment. One write records the decision and, with it, the intent that follows: to capture, to
//! rest, or to let the hold go. What the issuer declined is counted already, and left as it is.

use payments::failure::{NotFound, OutOfTurn, Unavailable};
use payments::fraud::{RiskRules, Signals, screen};
use payments::payment::{Actor, CaptureMethod};
use payments::ports::{Clock, LoadPayment, Merchants, SavePayment, Velocity};
use payments::stage::{Stage, StageName};
use payments::step::{self, Move, StepAnswer, StepRequest};

/// Why the step failed.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the workflow sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// There is no such payment.
    #[error("nothing to screen")]
    PaymentNotFound(#[from] NotFound),
    /// The payment is not authorised yet.
    #[error("it is not the turn of fraud-check")]
    StepOutOfTurn(#[from] OutOfTurn),
    /// A table did not answer.
    #[error("the payment is not screened")]
    StoreUnavailable(#[from] Unavailable),
    /// Valkey did not count.
    #[error("the card's payments could not be counted")]
    CountersUnavailable(#[source] Unavailable),
}
payments::failure!(
    Error, ErrorName,
    transient: [StoreUnavailable, CountersUnavailable],
    permanent: [PaymentNotFound, StepOutOfTurn],
);

/// Screens the payment, or finds that it is screened.
pub async fn handle(
    payments: &(impl LoadPayment + SavePayment),
    merchants: &impl Merchants,
    velocity: &impl Velocity,
    clock: &impl Clock,
    request: StepRequest,
) -> Result<StepAnswer, Error> {
    step::advance(payments, &request.payment_id, async |payment, _| {
        let owner = payment.owner.clone();
        match payment.stage.clone() {
            Stage::Authorized(authorized) => {
                let merchant = merchants.merchant(&owner).await?;
                let rules = merchant.map_or_else(RiskRules::default, |merchant| merchant.risk);
                let counted = velocity.count(&owner, &payment.fingerprint, &payment.payment_id).await;
                let card_payments = counted.map_err(Error::CountersUnavailable)?;
                let checks = authorized.hold.checks;
                let screening = screen(&rules, Signals { amount: payment.amount, card_payments, checks });
                let at_once = payment.capture_method == CaptureMethod::Automatic;
                let stage = authorized.screened(screening, at_once);
                Ok(Move::Finish(Box::new(payment.clone().screened(stage, Actor::FraudCheck, clock.now()))))
            }
            Stage::Created(_) | Stage::Authorizing(_) | Stage::Authenticating(_) => {
                let stage = StageName::from(&payment.stage);
                Err(OutOfTurn { payment_id: payment.payment_id.clone(), stage }.into())
            }
            Stage::Capturing(_)
            | Stage::Captured(_)
            | Stage::Voiding(_)
            | Stage::RequiresCapture(_)
            | Stage::InReview(_)
            | Stage::Succeeded(_)
            | Stage::Refunding(_)
            | Stage::Declined(_)
            | Stage::Canceled(_)
            | Stage::Failed(_) => Ok(Move::Stay),
        }
    })
    .await
}
