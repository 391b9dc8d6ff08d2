//! The gateways as a process sees them: orders that arrive or not, answers that come or not.

use crate::acquirer::Acquirer;
use crate::service::Service;
use crate::world::{Lost, Process, World};
use payments::amount::Amount;
use payments::gateway::*;
use payments::id::Mode;
use payments::ports::{Gateway, Gateways};
use std::rc::Rc;

/// One of the two gateways, for one process.
pub struct Line {
    process: Rc<Process>,
    place: usize,
}

/// Both.
pub struct Lines([Line; 2]);

impl Lines {
    pub fn of(process: &Rc<Process>) -> Self {
        Self([0, 1].map(|place| Line { process: Rc::clone(process), place }))
    }
}

impl Gateways for Lines {
    type Gateway = Line;

    fn find(&self, name: &GatewayName) -> Option<&Line> {
        self.0.iter().find(|line| line.name() == *name)
    }

    fn standard(&self) -> GatewayName {
        self.0[0].name()
    }
}

impl From<Lost> for NoAnswer {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Before => Self::Unavailable("simulated".to_owned()),
            Lost::After => Self::Unknown("simulated".to_owned()),
        }
    }
}

impl Line {
    fn acquirer<'w>(&self, world: &'w World) -> &'w Acquirer {
        &world.acquirers[self.place]
    }

    async fn order<T: 'static + std::fmt::Debug>(
        &self,
        what: &str,
        effect: impl Fn(&World, &Acquirer) -> T + 'static,
    ) -> Result<T, NoAnswer> {
        let place = self.place;
        let service = if place == 0 { Service::GatewayA } else { Service::GatewayB };
        let answer = self.process.call(service, move |world| effect(world, &world.acquirers[place])).await;
        self.process.note(|| format!("{what}: {answer:?}"));
        Ok(answer?)
    }
}

/// Which of the world's cards the sealed one stands for.
fn number(card: &payments::token::PresentedCard) -> u32 {
    card.sealed.number.parse().unwrap_or_default()
}

impl Gateway for Line {
    fn name(&self) -> GatewayName {
        self.acquirer(&self.process.world).name.clone()
    }

    fn capabilities(&self) -> Capabilities {
        self.acquirer(&self.process.world).capabilities()
    }

    fn takes(&self, _: Mode, _: Amount) -> bool {
        true
    }

    async fn ping(&self, _: Mode) -> Result<(), NoAnswer> {
        self.order("ping", |_, _| ()).await
    }

    async fn draft(&self, order: &DraftOrder) -> Result<Drafted, NoAnswer> {
        let (key, card) = (order.key.clone(), number(&order.card));
        self.order("draft", move |_, acquirer| acquirer.draft(&key, card)).await
    }

    async fn authorize(&self, order: &AuthorizeOrder) -> Result<Authorization, NoAnswer> {
        let order = order.clone();
        let what =
            if self.process.world.trace.is_followed() { format!("authorize {}", order.key) } else { String::new() };
        let answer = self.order(&what, move |world, acquirer| {
            let card = match &order.on {
                HoldOn::Card(card) | HoldOn::DraftedCard { card, .. } => Some(number(card)),
                HoldOn::Draft(reference) => acquirer.drafted(reference),
            };
            card.map(|card| acquirer.authorize(world, &order, card))
        });
        answer.await?.ok_or_else(|| NoAnswer::Unavailable("there is no such draft".to_owned()))
    }

    async fn capture(&self, order: &CaptureOrder) -> Result<CaptureAnswer, NoAnswer> {
        let order = order.clone();
        self.order("capture", move |_, acquirer| acquirer.capture(&order)).await
    }

    async fn void(&self, order: &VoidOrder) -> Result<VoidAnswer, NoAnswer> {
        let order = order.clone();
        self.order("void", move |_, acquirer| acquirer.void(&order)).await
    }

    async fn refund(&self, order: &RefundOrder) -> Result<RefundAnswer, NoAnswer> {
        let order = order.clone();
        self.order("refund", move |_, acquirer| acquirer.refund(&order)).await
    }

    async fn look_up(&self, question: &Question) -> Result<Option<Effect>, NoAnswer> {
        if !self.capabilities().look_up {
            return Err(NoAnswer::Unknown("it cannot be asked".to_owned()));
        }
        let question = question.clone();
        self.order("look_up", move |world, acquirer| acquirer.look_up(world, &question)).await
    }
}
