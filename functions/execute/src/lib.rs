//! Takes the money of the capture that is under way. Its intent is written before: by `fraud-check`, whose approval it is,
//! or by the API, for a merchant's own capture.

use payments::failure::{NotFound, OutOfTurn, Unavailable};
use payments::gateway::{CaptureAnswer, CaptureOrder, Effect, GatewayOperation, NoAnswer};
use payments::id::PaymentId;
use payments::payment::{Actor, Payment};
use payments::ports::{Clock, Gateway, Gateways, LoadPayment, SavePayment};
use payments::stage::{Captured, Capturing, Stage, VoidReason};
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

/// Makes the capture that is under way, or finds that none is missing.
pub async fn handle(
    payments: &(impl LoadPayment + SavePayment),
    gateways: &impl Gateways,
    clock: &impl Clock,
    request: StepRequest,
) -> Result<StepAnswer, Error> {
    step::advance(payments, &request.payment_id, async |payment, _| match payment.stage.clone() {
        Stage::Capturing(intent) => {
            let id = payment.payment_id.clone();
            let order = order(&payment, &intent).ok_or_else(|| OutOfTurn::of(&payment))?;
            let gateway = step::gateway(gateways, &intent.0.hold.gateway)?;
            let sent = gateway.capture(&order).await;
            match step::answered(gateway, order.question(), sent, captured).await? {
                CaptureAnswer::Captured { reference } => {
                    let stage = Stage::Captured(Captured(intent.0));
                    Ok(Move::Finish(Box::new(payment.took_effect(reference, stage, Actor::Execute, clock.now()))))
                }
                CaptureAnswer::Refused => {
                    let undo = payment.void(intent.0, VoidReason::CaptureRefused);
                    let undo = payment.advance(undo, Actor::Execute, clock.now());
                    Ok(Move::Fail(Box::new(undo), Error::CaptureRefused(id)))
                }
            }
        }
        Stage::Voiding(undo) if undo.because == VoidReason::CaptureRefused => {
            Err(Error::CaptureRefused(payment.payment_id))
        }
        Stage::Created(_) | Stage::Authorizing(_) | Stage::Authenticating(_) | Stage::Authorized(_) => {
            Err(OutOfTurn::of(&payment).into())
        }
        Stage::Captured(_)
        | Stage::Voiding(_)
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

/// The order of the open capture.
fn order(payment: &Payment, intent: &Capturing) -> Option<CaptureOrder> {
    let (capture, amount, last) = payment.open_capture()?;
    Some(CaptureOrder {
        key: payment.gateway_key(GatewayOperation::Capture(&capture.id), 1),
        mode: payment.owner.mode,
        hold_key: payment.gateway_key(GatewayOperation::Authorize, intent.0.hold.attempt),
        hold_reference: Some(intent.0.hold.reference.clone()),
        amount,
        last,
    })
}

fn captured(effect: Effect) -> Option<CaptureAnswer> {
    match effect {
        Effect::Captured(answer) => Some(answer),
        Effect::Authorized(_) | Effect::Voided(_) | Effect::Refunded(_) => None,
    }
}
