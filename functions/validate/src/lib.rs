//! Refuses a payment that must not be tried: the merchant's settings and the token, looked at once more under the
//! workflow. A payment that may be tried is not written.

use payments::failure::{NotFound, Unavailable};
use payments::payment::Actor;
use payments::ports::{LoadPayment, Merchants, SavePayment, Tokens};
use payments::stage::Stage;
use payments::step::{self, Move, StepAnswer, StepRequest};
use payments::validation::check;

/// Why the step failed.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the workflow sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// There is no such payment.
    #[error("nothing to validate")]
    PaymentNotFound(#[from] NotFound),
    /// A table did not answer.
    #[error("the payment is not validated")]
    StoreUnavailable(#[from] Unavailable),
}
payments::failure!(Error, ErrorName, transient: [StoreUnavailable], permanent: [PaymentNotFound]);

/// Validates as of the moment when the payment was opened, so that a late run decides the same.
pub async fn handle(
    payments: &(impl LoadPayment + SavePayment),
    merchants: &impl Merchants,
    tokens: &impl Tokens,
    clock: &impl payments::ports::Clock,
    request: StepRequest,
) -> Result<StepAnswer, Error> {
    step::advance(payments, &request.payment_id, async |payment, _| {
        let Stage::Created(created) = payment.stage.clone() else { return Ok(Move::Stay) };
        let owner = payment.owner.clone();
        let merchant = merchants.merchant(&owner).await?;
        let token = tokens.token(&payment.token_id).await?;
        match check(merchant.as_ref(), &owner, payment.amount, token.as_ref(), payment.created_at) {
            Ok(()) => Ok(Move::Stay),
            Err(violation) => {
                let stage = Stage::Failed(created.refuse(violation));
                Ok(Move::Finish(Box::new(payment.advance(stage, Actor::Validate, clock.now()))))
            }
        }
    })
    .await
}
