//! Lets a hold go: the undo of `authorize`. Voiding twice, or voiding what was never held, is harmless.

use payments::failure::{NotFound, OutOfTurn, Unavailable};
use payments::gateway::{Effect, GatewayOperation, HoldOrder, NoAnswer, VoidAnswer};
use payments::id::PaymentId;
use payments::payment::Actor;
use payments::ports::{Clock, Gateway, LoadPayment, SavePayment};
use payments::stage::{Stage, StageName};
use payments::step::{self, Move, StepAnswer, StepRequest};

/// Why the step failed.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the workflow sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// There is no such payment.
    #[error("nothing to void")]
    PaymentNotFound(#[from] NotFound),
    /// Nobody decided to undo the payment.
    #[error("it is not the turn of void")]
    StepOutOfTurn(#[from] OutOfTurn),
    /// The payments table did not answer.
    #[error("the hold is not let go")]
    StoreUnavailable(#[from] Unavailable),
    /// The gateway certainly did nothing.
    #[error("nothing was voided")]
    GatewayUnavailable(#[source] NoAnswer),
    /// The gateway may have voided.
    #[error("the hold may have been let go")]
    GatewayOutcomeUnknown(#[source] NoAnswer),
    /// The capture whose answer was lost had taken the money: the payment goes on to be settled.
    #[error("payment {0} was captured: it goes on")]
    AlreadyCaptured(PaymentId),
}
payments::failure!(
    Error, ErrorName,
    transient: [StoreUnavailable, GatewayUnavailable, GatewayOutcomeUnknown],
    permanent: [PaymentNotFound, StepOutOfTurn, AlreadyCaptured],
);

impl From<NoAnswer> for Error {
    fn from(answer: NoAnswer) -> Self {
        match answer {
            NoAnswer::Unavailable(_) => Self::GatewayUnavailable(answer),
            NoAnswer::Unknown(_) => Self::GatewayOutcomeUnknown(answer),
        }
    }
}

/// Lets the payment's hold go, or finds that it is gone.
pub async fn handle(
    payments: &(impl LoadPayment + SavePayment),
    gateway: &impl Gateway,
    clock: &impl Clock,
    request: StepRequest,
) -> Result<StepAnswer, Error> {
    step::advance(payments, &request.payment_id, async |payment, _| match payment.stage.clone() {
        Stage::Voiding(intent) => {
            let order = HoldOrder {
                key: payment.gateway_key(GatewayOperation::Void, 1),
                hold_key: payment.gateway_key(GatewayOperation::Authorize, intent.hold_attempt),
                amount: payment.amount,
            };
            let id = payment.payment_id.clone();
            match void(gateway, &order).await? {
                VoidAnswer::Voided => {
                    Ok(Move::Finish(Box::new(payment.advance(intent.voided(), Actor::Void, clock.now()))))
                }
                VoidAnswer::AlreadyCaptured { reference } => {
                    let contradiction = || NoAnswer::Unknown("a capture that nobody ordered".to_owned());
                    let captured = intent.already_captured(reference, clock.now()).ok_or_else(contradiction)?;
                    let next = payment.advance(Stage::Captured(captured), Actor::Void, clock.now());
                    Ok(Move::Fail(Box::new(next), Error::AlreadyCaptured(id)))
                }
            }
        }
        Stage::Captured(_) => Err(Error::AlreadyCaptured(payment.payment_id)),
        stage @ (Stage::Created(_)
        | Stage::Authorizing(_)
        | Stage::Authorized(_)
        | Stage::Capturing(_)
        | Stage::RequiresCapture(_)
        | Stage::InReview(_)) => {
            Err(OutOfTurn { payment_id: payment.payment_id, stage: StageName::from(&stage) }.into())
        }
        Stage::Succeeded(_) | Stage::Declined(_) | Stage::Canceled(_) | Stage::Failed(_) => Ok(Move::Stay),
    })
    .await
}

/// Sends the order; when its answer is lost, asks for it by its key. A repeat under the same key has the same effect.
async fn void(gateway: &impl Gateway, order: &HoldOrder) -> Result<VoidAnswer, NoAnswer> {
    match gateway.void(order).await {
        Err(lost @ NoAnswer::Unknown(_)) => match gateway.look_up(&order.key).await {
            Ok(Some(Effect::Voided(answer))) => Ok(answer),
            Ok(_) | Err(_) => Err(lost),
        },
        answer => answer,
    }
}
