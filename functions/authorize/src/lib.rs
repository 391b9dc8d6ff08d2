//! Places a hold: the intent is written first, then the gateway is called, then the outcome is written.
//!
//! An intent that this run did not write may have been carried out: the gateway is asked for it by its key before
//! anything is sent again. The verification code is forgotten once the outcome is written.

use payments::failure::{NotFound, Unavailable};
use payments::gateway::{Authorization, AuthorizeOrder, Effect, GatewayKey, GatewayOperation, NoAnswer};
use payments::payment::{Actor, HOLD_SECONDS, Payment};
use payments::ports::{Clock, Gateway, LoadCard, LoadPayment, SavePayment, VerificationCodes};
use payments::stage::{Authorizing, Stage};
use payments::step::{self, Move, StepAnswer, StepRequest};
use payments::timestamp::Timestamp;
use payments::token::PresentedCard;

/// Why the step failed.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the workflow sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// There is no such payment.
    #[error("nothing to authorise")]
    PaymentNotFound(#[from] NotFound),
    /// The payments table did not answer.
    #[error("the payment is not authorised")]
    StoreUnavailable(#[from] Unavailable),
    /// The vault did not hand out the sealed card.
    #[error("the card could not be read")]
    VaultUnavailable(#[source] Unavailable),
    /// The gateway certainly did nothing.
    #[error("no hold was placed")]
    GatewayUnavailable(#[source] NoAnswer),
    /// The gateway may have placed a hold.
    #[error("a hold may have been placed")]
    GatewayOutcomeUnknown(#[source] NoAnswer),
}
payments::failure!(
    Error, ErrorName,
    transient: [StoreUnavailable, VaultUnavailable, GatewayUnavailable, GatewayOutcomeUnknown],
    permanent: [PaymentNotFound],
);

impl From<NoAnswer> for Error {
    fn from(answer: NoAnswer) -> Self {
        match answer {
            NoAnswer::Unavailable(_) => Self::GatewayUnavailable(answer),
            NoAnswer::Unknown(_) => Self::GatewayOutcomeUnknown(answer),
        }
    }
}

/// What authorising needs.
pub struct Ports<'a, Store, Vault, Codes, Network, System> {
    /// Payments.
    pub payments: &'a Store,
    /// Sealed cards.
    pub vault: &'a Vault,
    /// Sealed verification codes.
    pub codes: &'a Codes,
    /// The gateway.
    pub gateway: &'a Network,
    /// The clock.
    pub system: &'a System,
}

/// Authorises the payment, or finds that it is authorised.
pub async fn handle<Store, Vault, Codes, Network, System>(
    ports: &Ports<'_, Store, Vault, Codes, Network, System>,
    request: StepRequest,
) -> Result<StepAnswer, Error>
where
    Store: LoadPayment + SavePayment,
    Vault: LoadCard,
    Codes: VerificationCodes,
    Network: Gateway,
    System: Clock,
{
    step::advance(ports.payments, &request.payment_id, async |payment, fresh| match payment.stage.clone() {
        Stage::Created(created) => {
            let intent = Stage::Authorizing(created.authorize(ports.gateway.name()));
            Ok(Move::Continue(Box::new(payment.advance(intent, Actor::Authorize, ports.system.now()))))
        }
        Stage::Authorizing(intent) => {
            let key = payment.gateway_key(GatewayOperation::Authorize, intent.attempt);
            let answer = match if fresh { None } else { found(ports.gateway, &key).await? } {
                Some(answer) => answer,
                None => send(ports, &payment, &key).await?,
            };
            let now = ports.system.now();
            let next = payment.clone().advance(outcome(intent, answer, now), Actor::Authorize, now);
            // Forgotten before the outcome is saved: a crash in between finds the outcome by its key, without the code.
            ports.codes.forget(&payment.token_id).await.map_err(Error::VaultUnavailable)?;
            Ok(Move::Finish(Box::new(next)))
        }
        Stage::Authorized(_)
        | Stage::Capturing(_)
        | Stage::Captured(_)
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

fn outcome(intent: Authorizing, answer: Authorization, now: Timestamp) -> Stage {
    match answer {
        Authorization::Approved { reference, checks } => {
            Stage::Authorized(intent.approve(reference, checks, now.plus_seconds(HOLD_SECONDS)))
        }
        Authorization::Declined { code } => Stage::Declined(intent.decline(code)),
    }
}

/// What an earlier sending of the order did, if the gateway ever saw it.
async fn found(gateway: &impl Gateway, key: &GatewayKey) -> Result<Option<Authorization>, Error> {
    match gateway.look_up(key).await {
        Ok(Some(Effect::Authorized(answer))) => Ok(Some(answer)),
        Ok(None) => Ok(None),
        Ok(Some(Effect::Captured(_) | Effect::Voided(_) | Effect::Refunded(_))) => {
            Err(Error::GatewayOutcomeUnknown(NoAnswer::Unknown("the key belongs to another order".to_owned())))
        }
        // The question being lost says nothing about the order.
        Err(NoAnswer::Unavailable(reason) | NoAnswer::Unknown(reason)) => {
            Err(Error::GatewayOutcomeUnknown(NoAnswer::Unknown(reason)))
        }
    }
}

async fn send<Store, Vault, Codes, Network, System>(
    ports: &Ports<'_, Store, Vault, Codes, Network, System>,
    payment: &Payment,
    key: &GatewayKey,
) -> Result<Authorization, Error>
where
    Vault: LoadCard,
    Codes: VerificationCodes,
    Network: Gateway,
{
    let sealed = ports.vault.load(&payment.token_id).await.map_err(Error::VaultUnavailable)?;
    let missing = || Error::VaultUnavailable(Unavailable::new("the vault", "the token's card is not there"));
    let sealed = sealed.ok_or_else(missing)?;
    let verification = ports.codes.find(&payment.token_id).await.map_err(Error::VaultUnavailable)?;
    let card = PresentedCard { sealed, verification, expiry: payment.card.expiry };
    let order = AuthorizeOrder { key: key.clone(), mode: payment.owner.mode, amount: payment.amount, card };
    match ports.gateway.authorize(&order).await {
        Ok(answer) => Ok(answer),
        // Ask at once what became of it; if that does not help, the workflow tries again, and then `sweep`.
        Err(lost @ NoAnswer::Unknown(_)) => found(ports.gateway, key).await?.ok_or_else(|| lost.into()),
        Err(refused @ NoAnswer::Unavailable(_)) => Err(refused.into()),
    }
}
