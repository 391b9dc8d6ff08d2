//! What a gateway is told and asked: the draft, the order, and what became of it.

use crate::route::Watch;
use crate::{Error, Ports};
use payments::failure::Unavailable;
use payments::gateway::{
    Authorization, AuthorizeOrder, DraftOrder, Drafted, Effect, GatewayOperation, HoldOn, NoAnswer, OrderKind, Question,
};
use payments::payment::Payment;
use payments::ports::{Breakers, Clock, Gateway, LoadCard, VerificationCodes};
use payments::routing;
use payments::stage::Authorizing;
use payments::token::PresentedCard;

/// The question what became of the intent.
pub(crate) fn question(payment: &Payment, intent: &Authorizing) -> Question {
    let key = payment.gateway_key(GatewayOperation::Authorize, intent.attempt);
    Question { key, mode: payment.owner.mode, order: OrderKind::Authorize, reference: intent.draft.clone() }
}

/// What an earlier sending of the order did, if the gateway ever saw it.
pub(crate) async fn found(gateway: &impl Gateway, question: &Question) -> Result<Option<Authorization>, Error> {
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

impl<Store, Profiles, Vault, Codes, Network, Health, Counters, System>
    Ports<'_, Store, Profiles, Vault, Codes, Network, Health, Counters, System>
where
    Vault: LoadCard,
    Codes: VerificationCodes,
    Health: Breakers,
    System: Clock,
{
    /// Sends the order of an intent that was just written.
    pub(crate) async fn send(
        &self,
        gateway: &impl Gateway,
        payment: &Payment,
        question: Question,
        watch: Watch,
    ) -> Result<Authorization, Error> {
        let on = match question.reference.clone() {
            Some(draft) if gateway.capabilities().draft_forgets_card => {
                HoldOn::DraftedCard { draft, card: self.card(payment).await? }
            }
            Some(draft) => HoldOn::Draft(draft),
            None => HoldOn::Card(self.card(payment).await?),
        };
        let (mode, amount, return_url) = (payment.owner.mode, payment.amount, payment.return_url.clone());
        let order = AuthorizeOrder { key: question.key.clone(), mode, amount, on, return_url };
        let began = self.system.now();
        let answer = gateway.authorize(&order).await;
        if let Watch::Yes { trial } = watch {
            routing::report(
                self.health,
                (&gateway.name(), payment.owner.mode),
                trial,
                &answer,
                began,
                self.system.now(),
            )
            .await;
        }
        match answer {
            Ok(answer) => Ok(answer),
            // Ask at once what became of it; if that does not help, the workflow tries again, and then `sweep`.
            Err(lost @ NoAnswer::Unknown(_)) => found(gateway, &question).await?.ok_or_else(|| lost.into()),
            Err(refused @ NoAnswer::Unavailable(_)) => Err(refused.into()),
        }
    }

    /// Tells the gateway of the hold. Whatever becomes of the answer, nothing is held: a lost one is as good as none.
    pub(crate) async fn draft(
        &self,
        gateway: &impl Gateway,
        payment: &Payment,
        attempt: u32,
        watch: Watch,
    ) -> Result<Drafted, Error> {
        let key = payment.gateway_key(GatewayOperation::Authorize, attempt);
        let card = self.card(payment).await?;
        let order = DraftOrder { key, mode: payment.owner.mode, amount: payment.amount, card };
        let began = self.system.now();
        let drafted = gateway.draft(&order).await;
        // One that stands is followed by its order, which says more.
        let stands = matches!(drafted, Ok(Drafted::Ready { .. }));
        if let (Watch::Yes { trial }, false) = (watch, stands) {
            routing::report(
                self.health,
                (&gateway.name(), payment.owner.mode),
                trial,
                &drafted,
                began,
                self.system.now(),
            )
            .await;
        }
        drafted.map_err(|(NoAnswer::Unavailable(reason) | NoAnswer::Unknown(reason))| {
            Error::GatewayUnavailable(NoAnswer::Unavailable(reason))
        })
    }

    /// The payment's card, sealed, with its verification code if that is still there.
    async fn card(&self, payment: &Payment) -> Result<PresentedCard, Error> {
        let sealed = self.vault.load(&payment.token_id).await.map_err(Error::VaultUnavailable)?;
        let missing = || Error::VaultUnavailable(Unavailable::new("the vault", "the token's card is not there"));
        let sealed = sealed.ok_or_else(missing)?;
        let verification = self.codes.find(&payment.token_id).await.map_err(Error::VaultUnavailable)?;
        Ok(PresentedCard { sealed, verification, expiry: payment.card.expiry })
    }
}
