//! Works out what the merchant is owed for a capture, and when: fee, net, settlement date.

use payments::amount::AmountError;
use payments::failure::{NotFound, OutOfTurn, Unavailable};
use payments::fee::{CaptureTerms, Sale};
use payments::id::PaymentId;
use payments::merchant::Merchant;
use payments::month::Month;
use payments::payment::{Actor, Payment};
use payments::ports::{Clock, LoadPayment, Merchants, SavePayment, Volumes};
use payments::region::CardClass;
use payments::settlement::settle;
use payments::stage::{Stage, StageName};
use payments::step::{self, Move, StepAnswer, StepRequest};
use payments::timestamp::Timestamp;

/// For so many days of a month, the month before may not be invoiced yet; then the volume before that one still counts.
const INVOICING_DAYS: u8 = 2;

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
    volumes: &impl Volumes,
    clock: &impl Clock,
    request: StepRequest,
) -> Result<StepAnswer, Error> {
    step::advance(payments, &request.payment_id, async |payment, _| match payment.stage.clone() {
        Stage::Captured(captured) => {
            let id = payment.payment_id.clone();
            let merchant = merchants.merchant(&payment.owner).await?;
            let merchant = merchant.ok_or_else(|| Error::SettlementImpossible(id.clone(), None))?;
            let (_, amount, _) = payment.open_capture().ok_or_else(|| Error::SettlementImpossible(id.clone(), None))?;
            let captured_at = payment.reached(StageName::Captured).unwrap_or(payment.created_at);
            let terms = terms(&merchant, volumes, &payment, captured_at).await?;
            let terms = terms.ok_or_else(|| Error::SettlementImpossible(id.clone(), None))?;
            let settlement =
                settle(amount, &terms, captured_at).map_err(|error| Error::SettlementImpossible(id, Some(error)))?;
            Ok(Move::Finish(Box::new(payment.settled(captured.0, settlement, Actor::Settle, clock.now()))))
        }
        stage @ (Stage::Created(_)
        | Stage::Authorizing(_)
        | Stage::Authenticating(_)
        | Stage::Authorized(_)
        | Stage::Capturing(_)) => {
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

/// The terms of the plan for what was captured at that moment. The volume of the month before is asked for only where the
/// price depends on it.
async fn terms(
    merchant: &Merchant,
    volumes: &impl Volumes,
    payment: &Payment,
    captured_at: Timestamp,
) -> Result<Option<CaptureTerms>, Unavailable> {
    let currency = payment.amount.currency();
    let sale = Sale { card: CardClass::of(&payment.card), currency, on: captured_at.date() };
    if !merchant.fee_plan.has_tiers(&sale) {
        return Ok(merchant.fee_plan.terms(&sale, 0));
    }
    let month = Month::of(captured_at).before();
    let mut volume = volumes.volume(&payment.owner, month).await?;
    if volume.is_none() && sale.on.day() <= INVOICING_DAYS {
        volume = volumes.volume(&payment.owner, month.before()).await?;
    }
    let volume = volume.and_then(|volume| volume.get(&currency).copied()).unwrap_or(0);
    Ok(merchant.fee_plan.terms(&sale, volume))
}
