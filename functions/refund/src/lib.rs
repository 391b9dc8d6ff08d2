//! Gives captured money back: the undo of `execute`. The intent is written by the API; refunding twice is harmless.

use payments::failure::{NotFound, OutOfTurn, Unavailable};
use payments::gateway::{Effect, GatewayOperation, NoAnswer, RefundAnswer, RefundOrder};
use payments::payment::{Actor, Payment};
use payments::ports::{Clock, Gateway, Gateways, LoadPayment, Merchants, SavePayment};
use payments::settlement::{Deduction, settlement_date};
use payments::stage::{Refunding, Stage, Succeeded};
use payments::step::{self, Move, StepAnswer, StepRequest};
use payments::timestamp::Timestamp;

/// Why the step failed.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the workflow sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// There is no such payment.
    #[error("nothing to refund")]
    PaymentNotFound(#[from] NotFound),
    /// The payment is not captured.
    #[error("it is not the turn of refund")]
    StepOutOfTurn(#[from] OutOfTurn),
    /// The payments table did not answer.
    #[error("the money is not given back")]
    StoreUnavailable(#[from] Unavailable),
    /// The gateway certainly did nothing.
    #[error("nothing was given back")]
    GatewayUnavailable(#[source] NoAnswer),
    /// The gateway may have given it back.
    #[error("the money may have been given back")]
    GatewayOutcomeUnknown(#[source] NoAnswer),
}
payments::failure!(
    Error, ErrorName,
    transient: [StoreUnavailable, GatewayUnavailable, GatewayOutcomeUnknown],
    permanent: [PaymentNotFound, StepOutOfTurn],
);

impl From<NoAnswer> for Error {
    fn from(answer: NoAnswer) -> Self {
        match answer {
            NoAnswer::Unavailable(_) => Self::GatewayUnavailable(answer),
            NoAnswer::Unknown(_) => Self::GatewayOutcomeUnknown(answer),
        }
    }
}

/// Makes the refund that is under way, or finds that none is missing.
pub async fn handle(
    payments: &(impl LoadPayment + SavePayment),
    merchants: &impl Merchants,
    gateways: &impl Gateways,
    clock: &impl Clock,
    request: StepRequest,
) -> Result<StepAnswer, Error> {
    step::advance(payments, &request.payment_id, async |payment, _| match payment.stage.clone() {
        Stage::Refunding(intent) => {
            let order = order(&payment, &intent).ok_or_else(|| OutOfTurn::of(&payment))?;
            let gateway = step::gateway(gateways, &intent.0.hold.gateway)?;
            let sent = gateway.refund(&order).await;
            let answer = step::answered(gateway, order.question(), sent, refunded).await?;
            let now = clock.now();
            let next = match answer {
                RefundAnswer::Refunded { reference } => {
                    let deduction = deduction(merchants, &payment, now).await?;
                    payment.gave_back(reference, intent.0, &deduction, Actor::Refund, now)
                }
                RefundAnswer::Refused => payment.advance(Stage::Succeeded(Succeeded(intent.0)), Actor::Refund, now),
            };
            Ok(Move::Finish(Box::new(next)))
        }
        Stage::Created(_)
        | Stage::Authorizing(_)
        | Stage::Authenticating(_)
        | Stage::Authorized(_)
        | Stage::Capturing(_)
        | Stage::Captured(_)
        | Stage::RequiresCapture(_)
        | Stage::InReview(_)
        | Stage::Voiding(_) => Err(OutOfTurn::of(&payment).into()),
        Stage::Succeeded(_) | Stage::Declined(_) | Stage::Canceled(_) | Stage::Failed(_) => Ok(Move::Stay),
    })
    .await
}

/// What a refund made now takes away from what the merchant is owed. Where the merchant's settings are gone there is no
/// fee: the money is given back all the same.
async fn deduction(merchants: &impl Merchants, payment: &Payment, now: Timestamp) -> Result<Deduction, Unavailable> {
    let currency = payment.amount.currency();
    let merchant = merchants.merchant(&payment.owner).await?;
    let fee = merchant.map_or(0, |merchant| merchant.fee_plan.refund_fee(currency, now.date()));
    Ok(Deduction { fee, date: settlement_date(currency, now) })
}

/// The order of the open refund.
fn order(payment: &Payment, intent: &Refunding) -> Option<RefundOrder> {
    let (refund, amount) = payment.open_refund()?;
    Some(RefundOrder {
        key: payment.gateway_key(GatewayOperation::Refund(&refund.id), 1),
        mode: payment.owner.mode,
        hold_key: payment.gateway_key(GatewayOperation::Authorize, intent.0.hold.attempt),
        hold_reference: Some(intent.0.hold.reference.clone()),
        amount,
    })
}

fn refunded(effect: Effect) -> Option<RefundAnswer> {
    match effect {
        Effect::Refunded(answer) => Some(answer),
        Effect::Authorized(_) | Effect::Captured(_) | Effect::Voided(_) => None,
    }
}
