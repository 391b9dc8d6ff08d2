//! Places a hold: a gateway is chosen by the merchant's rules and the gateways' health, the intent is written, the gateway is
//! called, the outcome is written. A gateway that takes drafts is told of the hold before the intent, which then holds the
//! draft's name: nothing is held by a draft.
//!
//! An intent that this run did not write may have been carried out: the gateway is asked for it by its key, and before
//! anything is sent again that is written down too. Another gateway is asked only when it is certain that the one before holds
//! nothing: its issuer declined, or the only sending there ever was certainly did nothing. Where nobody can be asked for a lost
//! answer, it is recorded as given up, for `void` to reverse. Before the outcome is written the verification code is forgotten,
//! and a decline is counted for its card's velocity: it is the payment's end, and nobody comes after it.
//!
//! A cardholder who has to authenticate is waited for, at rest; whoever takes the payment up again, for whatever reason, finds
//! the intent and asks the gateway what became of it.

mod orders;
mod route;

use orders::{found, question};
use payments::failure::{NotFound, Unavailable};
use payments::gateway::{Authorization, GatewayName, HoldLimits, NoAnswer};
use payments::payment::{Actor, HOLD_SECONDS, Payment};
use payments::ports::{
    Breakers, Clock, DeclinedCards, Gateway, Gateways, LoadCard, LoadPayment, Merchants, SavePayment, Velocity,
    VerificationCodes,
};
use payments::routing::RouteOutcome;
use payments::stage::{Authorizing, Stage};
use payments::step::{self, Move, StepAnswer, StepRequest};
use payments::timestamp::Timestamp;
use route::{Next, Watch};
use std::cell::Cell;

/// Why the step failed.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the workflow sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// There is no such payment.
    #[error("nothing to authorise")]
    PaymentNotFound(#[from] NotFound),
    /// The payments table, or what counts cards' payments, did not answer.
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
pub struct Ports<'a, Store, Profiles, Vault, Codes, Network, Health, Counters, System> {
    /// Payments.
    pub payments: &'a Store,
    /// Merchants' rules.
    pub merchants: &'a Profiles,
    /// Sealed cards.
    pub vault: &'a Vault,
    /// Sealed verification codes.
    pub codes: &'a Codes,
    /// The gateways.
    pub gateways: &'a Network,
    /// Their breakers, and the cards that they declined.
    pub health: &'a Health,
    /// Cards' payments, counted.
    pub velocity: &'a Counters,
    /// The clock.
    pub system: &'a System,
}

/// Authorises the payment, or finds that it is authorised.
pub async fn handle<Store, Profiles, Vault, Codes, Network, Health, Counters, System>(
    ports: &Ports<'_, Store, Profiles, Vault, Codes, Network, Health, Counters, System>,
    request: StepRequest,
) -> Result<StepAnswer, Error>
where
    Store: LoadPayment + SavePayment,
    Profiles: Merchants,
    Vault: LoadCard,
    Codes: VerificationCodes,
    Network: Gateways,
    Health: Breakers + DeclinedCards,
    Counters: Velocity,
    System: Clock,
{
    // Whether the breaker of the gateway that this run chose wants to hear of its answer.
    let watch = Cell::new(Watch::No);
    step::advance(ports.payments, &request.payment_id, async |payment, fresh| match payment.stage.clone() {
        Stage::Created(created) => {
            let next = ports.next(&payment, payment.routed.clone().unwrap_or_default()).await?;
            ports
                .go_on(payment, next, &watch, |gateway, attempt, draft| created.authorize(gateway, attempt, draft))
                .await
        }
        Stage::Authorizing(intent) => {
            let gateway = step::gateway(ports.gateways, &intent.gateway)?;
            let question = question(&payment, &intent);
            let answer = if fresh {
                ports.send(gateway, &payment, question, watch.take()).await
            } else {
                match found(gateway, &question).await {
                    Ok(Some(answer)) => Ok(answer),
                    Ok(None) if intent.repeated => ports.send(gateway, &payment, question, Watch::No).await,
                    Ok(None) => return Ok(ports.intend(payment, intent.again())),
                    Err(error) => Err(error),
                }
            };
            match answer {
                Ok(Authorization::Declined { code }) if ports.may_ask_again(&payment, &intent, code).await? => {
                    let declined = RouteOutcome::SoftDecline(code);
                    let or_else = Ok(Authorization::Declined { code });
                    ports.elsewhere(payment, intent, declined, or_else, &watch).await
                }
                Err(refused @ Error::GatewayUnavailable(_)) if fresh && !intent.repeated => {
                    ports.elsewhere(payment, intent, RouteOutcome::Unavailable, Err(refused), &watch).await
                }
                // Nobody will ever say: this run lost the answer, or the run that did is gone.
                Err(Error::GatewayOutcomeUnknown(_))
                    if !gateway.capabilities().look_up && (fresh || payment.takeovers > 0) =>
                {
                    ports.finish(payment, Stage::Voiding(intent.give_up())).await
                }
                answer => ports.conclude(payment, intent, answer?).await,
            }
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

impl<Store, Profiles, Vault, Codes, Network, Health, Counters, System>
    Ports<'_, Store, Profiles, Vault, Codes, Network, Health, Counters, System>
where
    Profiles: Merchants,
    Vault: LoadCard,
    Codes: VerificationCodes,
    Network: Gateways,
    Health: Breakers + DeclinedCards,
    Counters: Velocity,
    System: Clock,
{
    /// The first intent, or the end of a payment whose card the gateways decline at sight.
    async fn go_on(
        &self,
        payment: Payment,
        next: Next,
        watch: &Cell<Watch>,
        intent: impl FnOnce(GatewayName, u32, Option<String>) -> Authorizing,
    ) -> Result<Move<Error>, Error> {
        match next {
            Next::Ask { gateway, attempt, draft, routed, watch: watched } => {
                watch.set(watched);
                Ok(self.intend(payment.routed(routed), intent(gateway, attempt, draft)))
            }
            Next::Declined { gateway, attempt, code, routed } => {
                let declined = intent(gateway, attempt, None).decline(code);
                self.finish(payment.routed(routed), Stage::Declined(declined)).await
            }
            Next::Nobody { refused, .. } => Err(refused),
        }
    }

    /// The next gateway is asked; without one, `or_else` is how it ends here.
    async fn elsewhere(
        &self,
        payment: Payment,
        intent: Authorizing,
        outcome: RouteOutcome,
        or_else: Result<Authorization, Error>,
        watch: &Cell<Watch>,
    ) -> Result<Move<Error>, Error> {
        let routed = payment.routed.clone().unwrap_or_default().with(&intent.gateway, outcome);
        match self.next(&payment, routed).await? {
            Next::Nobody { routed, .. } => self.conclude(payment.routed(routed), intent, or_else?).await,
            next @ (Next::Ask { .. } | Next::Declined { .. }) => {
                let elsewhere = |gateway, attempt, draft| intent.elsewhere(gateway, attempt, draft);
                self.go_on(payment, next, watch, elsewhere).await
            }
        }
    }

    /// The intent is written, then carried out.
    fn intend(&self, payment: Payment, intent: Authorizing) -> Move<Error> {
        Move::Continue(Box::new(payment.advance(Stage::Authorizing(intent), Actor::Authorize, self.system.now())))
    }

    async fn conclude(
        &self,
        payment: Payment,
        intent: Authorizing,
        answer: Authorization,
    ) -> Result<Move<Error>, Error> {
        let limits = step::gateway(self.gateways, &intent.gateway)?.capabilities().hold_limits();
        let now = self.system.now();
        let payment = match &answer {
            Authorization::ActionRequired { url, .. } => payment.ask(&intent.gateway, url.as_deref(), now),
            Authorization::Approved { .. } | Authorization::Declined { .. } => payment,
        };
        let waits = payment.awaits_cardholder(now);
        self.finish(payment, outcome(intent, answer, limits, waits, now)).await
    }

    /// The outcome. The code is forgotten and a decline is counted before it is saved: a crash in between finds the outcome by
    /// its key, without the code, and counts nothing twice.
    async fn finish(&self, payment: Payment, outcome: Stage) -> Result<Move<Error>, Error> {
        if outcome.is_issuers_no() {
            self.velocity.count(&payment.owner, &payment.fingerprint, &payment.payment_id).await?;
        }
        self.codes.forget(&payment.token_id).await.map_err(Error::VaultUnavailable)?;
        Ok(Move::Finish(Box::new(payment.advance(outcome, Actor::Authorize, self.system.now()))))
    }
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
