//! The next gateway of a payment's route that can be asked.

use crate::{Error, Ports};
use payments::gateway::{DeclineCode, Drafted, GatewayName, GatewayOperation, NoAnswer};
use payments::payment::Payment;
use payments::ports::{Breakers, Clock, DeclinedCards, Gateway, Gateways, LoadCard, Merchants, VerificationCodes};
use payments::routing::{self, Route, RouteOutcome, Routed};
use payments::stage::Authorizing;

/// Whether a breaker wants to hear of an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Watch {
    /// There was no choice.
    #[default]
    No,
    /// There was.
    Yes {
        /// The payment tries a gateway that failed of late.
        trial: bool,
    },
}

/// Who is asked next.
#[derive(Debug)]
pub(crate) enum Next {
    /// This gateway, under this attempt's key, by this draft if it takes drafts.
    Ask {
        /// Its name.
        gateway: GatewayName,
        /// The attempt.
        attempt: u32,
        /// The gateway's name for the draft.
        draft: Option<String>,
        /// What the route says now.
        routed: Routed,
        /// Whether its breaker wants to hear of the answer.
        watch: Watch,
    },
    /// Nobody: this gateway's draft was declined, and that is the answer.
    Declined {
        /// Its name.
        gateway: GatewayName,
        /// The attempt.
        attempt: u32,
        /// Why.
        code: DeclineCode,
        /// What the route says now.
        routed: Routed,
    },
    /// Nobody is left.
    Nobody {
        /// What the route says now.
        routed: Routed,
        /// What the last of them said.
        refused: Error,
    },
}

impl<Store, Profiles, Vault, Codes, Network, Health, Counters, System>
    Ports<'_, Store, Profiles, Vault, Codes, Network, Health, Counters, System>
where
    Profiles: Merchants,
    Vault: LoadCard,
    Codes: VerificationCodes,
    Network: Gateways,
    Health: Breakers + DeclinedCards,
    System: Clock,
{
    /// The next gateway that can be asked. One that takes drafts is told of the hold here: if that fails nothing is held, and
    /// the one after it is next.
    pub(crate) async fn next(&self, payment: &Payment, mut routed: Routed) -> Result<Next, Error> {
        let route = self.route(payment).await?;
        routed.rule = route.rule;
        let mut refused = NoAnswer::Unavailable("no gateway of its route can be asked".to_owned()).into();
        for _ in 0..=routing::MAX_CHOICES {
            let attempt = routed.next_attempt();
            let (gateways, health) = (self.gateways, self.health);
            let chosen = routing::choose(gateways, health, self.system, &route.gateways, payment, routed.clone()).await;
            let chosen = match chosen {
                Ok(chosen) => chosen,
                Err(routed) => return Ok(Next::Nobody { routed, refused }),
            };
            let gateway = chosen.gateway.name();
            let watch = if chosen.watched { Watch::Yes { trial: chosen.trial } } else { Watch::No };
            if !chosen.gateway.capabilities().drafts {
                return Ok(Next::Ask { gateway, attempt, draft: None, routed: chosen.routed, watch });
            }
            match self.draft(chosen.gateway, payment, attempt, watch).await {
                Ok(Drafted::Ready { reference }) => {
                    return Ok(Next::Ask { gateway, attempt, draft: Some(reference), routed: chosen.routed, watch });
                }
                Ok(Drafted::Declined { code }) => {
                    return Ok(Next::Declined { gateway, attempt, code, routed: chosen.routed });
                }
                Ok(Drafted::NotTaken { reason }) => {
                    refused = NoAnswer::Unavailable(reason).into();
                    routed = chosen.routed.with(&gateway, RouteOutcome::NotTaken);
                }
                Err(failed @ Error::GatewayUnavailable(_)) => {
                    refused = failed;
                    routed = chosen.routed.with(&gateway, RouteOutcome::Unavailable);
                }
                Err(failed) => return Err(failed),
            }
        }
        Ok(Next::Nobody { routed, refused })
    }

    /// Whether a card that was declined at that gateway may be asked for at another: the decline is a soft one, there is
    /// another, and the schemes allow it. If nobody knows what they allow, it may not.
    pub(crate) async fn may_ask_again(
        &self,
        payment: &Payment,
        intent: &Authorizing,
        code: DeclineCode,
    ) -> Result<bool, Error> {
        if !code.may_be_tried_elsewhere() {
            return Ok(false);
        }
        let order = payment.gateway_key(GatewayOperation::Authorize, intent.attempt);
        let declines = self.health.declined(&payment.owner, &payment.fingerprint, &order, self.system.now()).await;
        let routed = payment.routed.clone().unwrap_or_default();
        let left = self.route(payment).await?.gateways.iter().any(|gateway| !routed.knows(gateway));
        // A cardholder who authenticated did so at this gateway, and is not sent to another's page.
        let free = left && payment.authentication.is_none();
        Ok(free && declines.is_ok_and(|declines| declines.allow_another(payment.card.brand)))
    }

    async fn route(&self, payment: &Payment) -> Result<Route, Error> {
        let merchant = self.merchants.merchant(&payment.owner).await?;
        let routing = merchant.map(|merchant| merchant.routing).unwrap_or_default();
        Ok(routing.route(payment.facts(), &self.gateways.standard()))
    }
}
