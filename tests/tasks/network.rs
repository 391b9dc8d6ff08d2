//! The world's gateway: the real simulated acquirer over an account in memory; and what is known of gateways.

use crate::world::{Fault, World};
use gateways::simulated::Order;
use payments::breaker::{Breaker, Call};
use payments::failure::Unavailable;
use payments::gateway::*;
use payments::id::*;
use payments::ports::*;
use payments::retry::Declines;
use payments::secret::Secret;
use payments::timestamp::Timestamp;
use payments::token::PresentedCard;
use simulated_acquirer::{Account, Answer, Entry, Kept};

/// A card that a gateway with drafts does not draft for. The simulated network declines it too.
const DECLINED_AT_SIGHT: &str = "4000000000000127";

impl Account for World {
    async fn entry(&self, hold_key: &str) -> Result<Option<Entry>, Unavailable> {
        Ok(self.holds.borrow().get(hold_key).cloned())
    }

    async fn keep(&self, entry: &Entry) -> Result<Kept, Unavailable> {
        self.holds.borrow_mut().insert(entry.hold_key.clone(), entry.clone());
        Ok(Kept::Done)
    }

    async fn booked_last_on(&self, day: payments::reconcile::Day) -> Result<Vec<Entry>, Unavailable> {
        Ok(self.holds.borrow().values().filter(|entry| entry.booked_on == Some(day)).cloned().collect())
    }
}

impl OpenCard for World {
    async fn open(
        &self,
        card: &PresentedCard,
    ) -> Result<(Secret, Option<Secret>), Box<dyn std::error::Error + Send + Sync>> {
        Ok((Secret::new(card.sealed.number.clone()), card.verification.clone().map(Secret::new)))
    }
}

impl simulated_acquirer::Delay for World {
    async fn late(&self) {}
}

impl World {
    /// Sends an order to the acquirer: a failure after it took effect is a lost answer, one before it a refusal.
    async fn order(&self, order: Order) -> Result<Option<Effect>, NoAnswer> {
        self.turn().await;
        let fault = self.fails();
        if fault == Some(Fault::Before) {
            return Err(NoAnswer::Unavailable("planned".to_owned()));
        }
        let answer = simulated_acquirer::handle(self, self, self, self, order).await;
        self.turn().await;
        if fault == Some(Fault::After) {
            return Err(NoAnswer::Unknown("planned".to_owned()));
        }
        match answer {
            Ok(Answer::Done(effect)) => Ok(Some(effect)),
            Ok(Answer::Found(effect)) => Ok(effect),
            Ok(Answer::Reported(page)) => panic!("{page:?}"),
            Err(simulated_acquirer::Error::AcquirerUnavailable) => Err(NoAnswer::Unavailable("out".to_owned())),
            Err(error) => Err(NoAnswer::Unknown(error.to_string())),
        }
    }
}

impl Gateway for World {
    fn name(&self) -> GatewayName {
        GatewayName("simulated".to_owned())
    }

    fn capabilities(&self) -> Capabilities {
        self.can.get().unwrap_or(gateways::simulated::CAPABILITIES)
    }

    fn takes(&self, _: Mode, _: payments::amount::Amount) -> bool {
        true
    }

    async fn ping(&self, _: Mode) -> Result<(), NoAnswer> {
        self.order(Order::LookUp { key: GatewayKey::ping() }).await.map(drop)
    }

    async fn draft(&self, order: &DraftOrder) -> Result<Drafted, NoAnswer> {
        assert!(self.capabilities().drafts, "{order:?}");
        let stand = || {
            let mut drafts = self.drafts.borrow_mut();
            let reference = format!("draft_{}", drafts.len());
            drafts.insert(reference.clone(), order.card.clone());
            match order.card.sealed.number.as_str() {
                DECLINED_AT_SIGHT => Drafted::Declined { code: DeclineCode::IncorrectCvc },
                _ => Drafted::Ready { reference },
            }
        };
        self.call(stand).await.map_err(|_| NoAnswer::Unknown("planned".to_owned()))
    }

    async fn authorize(&self, order: &AuthorizeOrder) -> Result<Authorization, NoAnswer> {
        let AuthorizeOrder { key, mode, amount, on, return_url } = order.clone();
        let card = match on {
            HoldOn::Card(card) | HoldOn::DraftedCard { card, .. } => card,
            HoldOn::Draft(reference) => self.drafts.borrow()[&reference].clone(),
        };
        match self.order(Order::Authorize { key: key.clone(), mode, amount, card, return_url }).await? {
            Some(Effect::Authorized(answer)) => Ok(self.answered(&key, answer)),
            other => panic!("{other:?}"),
        }
    }

    async fn capture(&self, order: &CaptureOrder) -> Result<CaptureAnswer, NoAnswer> {
        let CaptureOrder { key, hold_key, amount, last, .. } = order.clone();
        match self.order(Order::Capture { key, hold_key, amount, last }).await? {
            Some(Effect::Captured(answer)) => Ok(answer),
            other => panic!("{other:?}"),
        }
    }

    async fn void(&self, order: &VoidOrder) -> Result<VoidAnswer, NoAnswer> {
        let VoidOrder { key, hold_key, captured, .. } = order.clone();
        match self.order(Order::Void { key, hold_key, captured }).await? {
            Some(Effect::Voided(answer)) => Ok(answer),
            other => panic!("{other:?}"),
        }
    }

    async fn refund(&self, order: &RefundOrder) -> Result<RefundAnswer, NoAnswer> {
        let RefundOrder { key, hold_key, amount, .. } = order.clone();
        match self.order(Order::Refund { key, hold_key, amount }).await? {
            Some(Effect::Refunded(answer)) => Ok(answer),
            other => panic!("{other:?}"),
        }
    }

    async fn look_up(&self, question: &Question) -> Result<Option<Effect>, NoAnswer> {
        if !self.capabilities().look_up {
            return Err(NoAnswer::Unknown("it cannot be asked".to_owned()));
        }
        self.order(Order::LookUp { key: question.key.clone() }).await
    }
}

impl World {
    /// A gateway that cannot ask the cardholder declines where another asks.
    fn answered(&self, key: &GatewayKey, answer: Authorization) -> Authorization {
        if self.capabilities().authentication || !matches!(answer, Authorization::ActionRequired { .. }) {
            return answer;
        }
        let declined = Authorization::Declined { code: DeclineCode::AuthenticationRequired };
        let mut holds = self.holds.borrow_mut();
        let entry = holds.get_mut(key.as_str()).unwrap();
        entry.challenge = None;
        entry.effects.insert(key.to_string(), Effect::Authorized(declined.clone()));
        declined
    }
}

impl Breakers for World {
    async fn ask(&self, gateway: &GatewayName, _: Mode, now: Timestamp) -> Result<Breaker, Unavailable> {
        self.call(|| self.health.borrow_mut().ask(gateway, now)).await
    }

    async fn is_open(&self, gateway: &GatewayName, _: Mode, now: Timestamp) -> Result<bool, Unavailable> {
        self.call(|| self.health.borrow().is_open(gateway, now)).await
    }

    async fn record(&self, gateway: &GatewayName, _: Mode, call: Call, now: Timestamp) -> Result<(), Unavailable> {
        self.call(|| self.health.borrow_mut().record(gateway, call, now)).await
    }
}

impl DeclinedCards for World {
    async fn declined(
        &self,
        _: &Owner,
        card: &CardFingerprint,
        order: &GatewayKey,
        now: Timestamp,
    ) -> Result<Declines, Unavailable> {
        self.call(|| self.health.borrow_mut().declined(card, order, now)).await
    }
}
