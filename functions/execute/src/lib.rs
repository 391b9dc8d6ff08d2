//! Captures an approved payment. The intent to capture is the approval itself, written by `fraud-check`.

use payments::failure::{NotFound, OutOfTurn, Unavailable};
use payments::gateway::{CaptureAnswer, Effect, GatewayOperation, HoldOrder, NoAnswer};
use payments::id::PaymentId;
use payments::payment::Actor;
use payments::ports::{Clock, Gateway, LoadPayment, SavePayment};
use payments::stage::{Stage, StageName, VoidReason};
use payments::step::{self, Move, StepAnswer, StepRequest};

/// Why the step failed.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the workflow sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// There is no such payment.
    #[error("nothing to capture")]
    PaymentNotFound(#[from] NotFound),
    /// The payment is not approved yet.
    #[error("it is not the turn of execute")]
    StepOutOfTurn(#[from] OutOfTurn),
    /// The payments table did not answer.
    #[error("the payment is not captured")]
    StoreUnavailable(#[from] Unavailable),
    /// The gateway certainly did nothing.
    #[error("nothing was captured")]
    GatewayUnavailable(#[source] NoAnswer),
    /// The gateway may have captured.
    #[error("the money may have been taken")]
    GatewayOutcomeUnknown(#[source] NoAnswer),
    /// The gateway will not capture: the hold is to be let go.
    #[error("the gateway refuses to capture payment {0}")]
    CaptureRefused(PaymentId),
}
payments::failure!(
    Error, ErrorName,
    transient: [StoreUnavailable, GatewayUnavailable, GatewayOutcomeUnknown],
    permanent: [PaymentNotFound, StepOutOfTurn, CaptureRefused],
);

impl From<NoAnswer> for Error {
    fn from(answer: NoAnswer) -> Self {
        match answer {
            NoAnswer::Unavailable(_) => Self::GatewayUnavailable(answer),
            NoAnswer::Unknown(_) => Self::GatewayOutcomeUnknown(answer),
        }
    }
}

/// Captures the payment, or finds that it is captured.
pub async fn handle(
    payments: &(impl LoadPayment + SavePayment),
    gateway: &impl Gateway,
    clock: &impl Clock,
    request: StepRequest,
) -> Result<StepAnswer, Error> {
    step::advance(payments, &request.payment_id, async |payment, _| match payment.stage.clone() {
        Stage::Capturing(intent) => {
            let order = HoldOrder {
                key: payment.gateway_key(GatewayOperation::Capture, intent.attempt),
                hold_key: payment.gateway_key(GatewayOperation::Authorize, intent.hold.attempt),
                amount: payment.amount,
            };
            let id = payment.payment_id.clone();
            match capture(gateway, &order).await? {
                CaptureAnswer::Captured { reference } => {
                    let stage = Stage::Captured(intent.captured(reference, clock.now()));
                    Ok(Move::Finish(Box::new(payment.advance(stage, Actor::Execute, clock.now()))))
                }
                CaptureAnswer::Refused => {
                    let undo = payment.advance(Stage::Voiding(intent.refused()), Actor::Execute, clock.now());
                    Ok(Move::Fail(Box::new(undo), Error::CaptureRefused(id)))
                }
            }
        }
        Stage::Voiding(undo) if undo.because == VoidReason::CaptureRefused => {
            Err(Error::CaptureRefused(payment.payment_id))
        }
        stage @ (Stage::Created(_) | Stage::Authorizing(_) | Stage::Authorized(_)) => {
            Err(OutOfTurn { payment_id: payment.payment_id, stage: StageName::from(&stage) }.into())
        }
        Stage::Captured(_)
        | Stage::Voiding(_)
        | Stage::RequiresCapture(_)
        | Stage::InReview(_)
        | Stage::Succeeded(_)
        | Stage::Declined(_)
        | Stage::Canceled(_)
        | Stage::Failed(_) => Ok(Move::Stay),
    })
    .await
}

/// Sends the order; when its answer is lost, asks for it by its key. A repeat under the same key has the same effect.
async fn capture(gateway: &impl Gateway, order: &HoldOrder) -> Result<CaptureAnswer, NoAnswer> {
    match gateway.capture(order).await {
        Err(lost @ NoAnswer::Unknown(_)) => match gateway.look_up(&order.key).await {
            Ok(Some(Effect::Captured(answer))) => Ok(answer),
            Ok(_) | Err(_) => Err(lost),
        },
        answer => answer,
    }
}
