//! Places a hold: the intent is written first, then the gateway is called, then the outcome is written. A gateway that
//! takes drafts is told of the hold before the intent, which then holds the draft's name: nothing is held by a draft.
//!
//! An intent that this run did not write may have been carried out: the gateway is asked for it by its key before
//! anything is sent again. Where nobody can be asked, nothing is: a lost answer is recorded as given up, for `void` to reverse.
//! The verification code is forgotten once the outcome is written.
//!
//! A cardholder who has to authenticate is waited for, at rest; whoever takes the payment up again, for whatever reason, finds
//! the intent and asks the gateway what became of it.

use payments::failure::{NotFound, Unavailable};
use payments::gateway::{
    Authorization, AuthorizeOrder, DraftOrder, Drafted, Effect, GatewayOperation, HoldLimits, HoldOn, NoAnswer,
    OrderKind, Question,
};
use payments::payment::{Actor, HOLD_SECONDS, Payment};
use payments::ports::{Clock, Gateway, LoadCard, LoadPayment, SavePayment, VerificationCodes};
use payments::stage::{Authorizing, FIRST_ATTEMPT, Stage};
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
            let drafted = if ports.gateway.capabilities().drafts { Some(draft(ports, &payment).await?) } else { None };
            let (reference, declined) = match drafted {
                None => (None, None),
                Some(Drafted::Ready { reference }) => (Some(reference), None),
                Some(Drafted::Declined { code }) => (None, Some(code)),
            };
            let intent = created.authorize(ports.gateway.name(), reference);
            let now = ports.system.now();
            let Some(code) = declined else {
                return Ok(Move::Continue(Box::new(payment.advance(
                    Stage::Authorizing(intent),
                    Actor::Authorize,
                    now,
                ))));
            };
            finish(ports, payment, Stage::Declined(intent.decline(code)), now).await
        }
        Stage::Authorizing(intent) => {
            let question = question(&payment, &intent);
            let answer = answer(ports, &payment, question, fresh).await;
            let now = ports.system.now();
            let answer = match answer {
                // Nobody will ever say: this run lost the answer, or the run that did is gone.
                Err(Error::GatewayOutcomeUnknown(_))
                    if !ports.gateway.capabilities().look_up && (fresh || payment.takeovers > 0) =>
                {
                    return finish(ports, payment, Stage::Voiding(intent.give_up()), now).await;
                }
                answer => answer?,
            };
            let limits = ports.gateway.capabilities().hold_limits();
            let payment = match &answer {
                Authorization::ActionRequired { url, .. } => payment.ask(&intent.gateway, url.as_deref(), now),
                Authorization::Approved { .. } | Authorization::Declined { .. } => payment,
            };
            let waits = payment.awaits_cardholder(now);
            finish(ports, payment, outcome(intent, answer, limits, waits, now), now).await
        }
        Stage::Authenticating(_)
        | Stage::Authorized(_)
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

fn outcome(intent: Authorizing, answer: Authorization, limits: HoldLimits, waits: bool, now: Timestamp) -> Stage {
    match answer {
        Authorization::Approved { reference, checks } => {
            Stage::Authorized(intent.approve(reference, checks, now.plus_seconds(HOLD_SECONDS), limits))
        }
        Authorization::Declined { code } => Stage::Declined(intent.decline(code)),
        Authorization::ActionRequired { reference, .. } if waits => Stage::Authenticating(intent.ask(reference)),
        // The cardholder cannot be sent anywhere, or did not come: what waits at the gateway is undone.
        Authorization::ActionRequired { .. } => Stage::Voiding(intent.unauthenticated()),
    }
}

/// The outcome. The code is forgotten before it is saved: a crash in between finds the outcome by its key, without the code.
async fn finish<Store, Vault, Codes: VerificationCodes, Network, System>(
    ports: &Ports<'_, Store, Vault, Codes, Network, System>,
    payment: Payment,
    outcome: Stage,
    now: Timestamp,
) -> Result<Move<Error>, Error> {
    ports.codes.forget(&payment.token_id).await.map_err(Error::VaultUnavailable)?;
    Ok(Move::Finish(Box::new(payment.advance(outcome, Actor::Authorize, now))))
}

/// The question what became of the intent.
fn question(payment: &Payment, intent: &Authorizing) -> Question {
    let key = payment.gateway_key(GatewayOperation::Authorize, intent.attempt);
    Question { key, order: OrderKind::Authorize, reference: intent.draft.clone() }
}

/// What became of the intent: found, if it is an earlier run's, or sent now.
async fn answer<Store, Vault, Codes, Network, System>(
    ports: &Ports<'_, Store, Vault, Codes, Network, System>,
    payment: &Payment,
    question: Question,
    fresh: bool,
) -> Result<Authorization, Error>
where
    Vault: LoadCard,
    Codes: VerificationCodes,
    Network: Gateway,
{
    match if fresh { None } else { found(ports.gateway, &question).await? } {
        Some(answer) => Ok(answer),
        None => send(ports, payment, question).await,
    }
}

/// What an earlier sending of the order did, if the gateway ever saw it.
async fn found(gateway: &impl Gateway, question: &Question) -> Result<Option<Authorization>, Error> {
    match gateway.look_up(question).await {
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
    question: Question,
) -> Result<Authorization, Error>
where
    Vault: LoadCard,
    Codes: VerificationCodes,
    Network: Gateway,
{
    let on = match question.reference.clone() {
        Some(draft) if ports.gateway.capabilities().draft_forgets_card => {
            HoldOn::DraftedCard { draft, card: card(ports, payment).await? }
        }
        Some(draft) => HoldOn::Draft(draft),
        None => HoldOn::Card(card(ports, payment).await?),
    };
    let (mode, amount, return_url) = (payment.owner.mode, payment.amount, payment.return_url.clone());
    let order = AuthorizeOrder { key: question.key.clone(), mode, amount, on, return_url };
    match ports.gateway.authorize(&order).await {
        Ok(answer) => Ok(answer),
        // Ask at once what became of it; if that does not help, the workflow tries again, and then `sweep`.
        Err(lost @ NoAnswer::Unknown(_)) => found(ports.gateway, &question).await?.ok_or_else(|| lost.into()),
        Err(refused @ NoAnswer::Unavailable(_)) => Err(refused.into()),
    }
}

/// Tells the gateway of the hold. Whatever becomes of the answer, nothing is held: a lost one is as good as none.
async fn draft<Store, Vault, Codes, Network, System>(
    ports: &Ports<'_, Store, Vault, Codes, Network, System>,
    payment: &Payment,
) -> Result<Drafted, Error>
where
    Vault: LoadCard,
    Codes: VerificationCodes,
    Network: Gateway,
{
    let key = payment.gateway_key(GatewayOperation::Authorize, FIRST_ATTEMPT);
    let card = card(ports, payment).await?;
    let order = DraftOrder { key, mode: payment.owner.mode, amount: payment.amount, card };
    let drafted = ports.gateway.draft(&order).await;
    drafted.map_err(|(NoAnswer::Unavailable(reason) | NoAnswer::Unknown(reason))| {
        Error::GatewayUnavailable(NoAnswer::Unavailable(reason))
    })
}

/// The payment's card, sealed, with its verification code if that is still there.
async fn card<Store, Vault: LoadCard, Codes: VerificationCodes, Network, System>(
    ports: &Ports<'_, Store, Vault, Codes, Network, System>,
    payment: &Payment,
) -> Result<PresentedCard, Error> {
    let sealed = ports.vault.load(&payment.token_id).await.map_err(Error::VaultUnavailable)?;
    let missing = || Error::VaultUnavailable(Unavailable::new("the vault", "the token's card is not there"));
    let sealed = sealed.ok_or_else(missing)?;
    let verification = ports.codes.find(&payment.token_id).await.map_err(Error::VaultUnavailable)?;
    Ok(PresentedCard { sealed, verification, expiry: payment.card.expiry })
}
