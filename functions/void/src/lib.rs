//! Lets a hold go: the undo of `authorize`. Voiding twice, or voiding what was never held, is harmless.

use payments::failure::{NotFound, OutOfTurn, Unavailable};
use payments::gateway::{Effect, GatewayOperation, NoAnswer, VoidAnswer, VoidOrder};
use payments::id::PaymentId;
use payments::payment::{Actor, Payment};
use payments::ports::{Clock, Gateway, Gateways, LoadPayment, SavePayment};
use payments::stage::{Captured, Stage, Succeeded, Voiding};
use payments::step::{self, Move, StepAnswer, StepRequest};
use payments::timestamp::Timestamp;

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

/// Lets the payment's hold, or what is left of it, go, or finds that it is gone.
pub async fn handle(
    payments: &(impl LoadPayment + SavePayment),
    gateways: &impl Gateways,
    clock: &impl Clock,
    request: StepRequest,
) -> Result<StepAnswer, Error> {
    step::advance(payments, &request.payment_id, async |payment, _| match payment.stage.clone() {
        Stage::Voiding(intent) => {
            let order = VoidOrder {
                key: payment.gateway_key(GatewayOperation::Void, intent.attempt),
                mode: payment.owner.mode,
                hold_key: payment.gateway_key(GatewayOperation::Authorize, intent.hold_attempt),
                hold_reference: intent.reference(),
                captured: payment.captured(),
            };
            let gateway = step::gateway(gateways, &intent.gateway)?;
            let sent = gateway.void(&order).await;
            match step::answered(gateway, order.question(), sent, voided).await? {
                VoidAnswer::Voided => Ok(Move::Finish(Box::new(let_go(payment, intent, clock.now())))),
                VoidAnswer::AlreadyCaptured { reference } => {
                    let id = payment.payment_id.clone();
                    let contradiction = || NoAnswer::Unknown("a capture that nobody ordered".to_owned());
                    let ordered = payment.open_capture().is_some();
                    let approved = intent.approved().filter(|_| ordered).ok_or_else(contradiction)?;
                    let stage = Stage::Captured(Captured(approved));
                    let next = payment.took_effect(reference, stage, Actor::Void, clock.now());
                    Ok(Move::Fail(Box::new(next), Error::AlreadyCaptured(id)))
                }
            }
        }
        Stage::Captured(_) => Err(Error::AlreadyCaptured(payment.payment_id)),
        Stage::Created(_)
        | Stage::Authorizing(_)
        | Stage::Authenticating(_)
        | Stage::Authorized(_)
        | Stage::Capturing(_)
        | Stage::RequiresCapture(_)
        | Stage::InReview(_) => Err(OutOfTurn::of(&payment).into()),
        Stage::Succeeded(_) | Stage::Refunding(_) | Stage::Declined(_) | Stage::Canceled(_) | Stage::Failed(_) => {
            Ok(Move::Stay)
        }
    })
    .await
}

/// Nothing is held any more: what was taken before stays taken, and the payment ends by the reason of its undo otherwise.
fn let_go(payment: Payment, intent: Voiding, now: Timestamp) -> Payment {
    let taken = payment.captured().minor() > 0;
    let stage = match intent.clone().approved().filter(|_| taken) {
        Some(approved) => Stage::Succeeded(Succeeded(approved)),
        None => intent.voided(),
    };
    payment.advance(stage, Actor::Void, now)
}

fn voided(effect: Effect) -> Option<VoidAnswer> {
    match effect {
        Effect::Voided(answer) => Some(answer),
        Effect::Authorized(_) | Effect::Captured(_) | Effect::Refunded(_) => None,
    }
}
