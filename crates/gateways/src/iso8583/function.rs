//! `ask-acquirer`, the function that holds the line, as a gateway. The orders here are its wire format; the function reads the
//! same types. The card travels sealed.

use super::{CAPABILITIES, drafted, sayable};
use crate::invocation::Function;
use payments::amount::Amount;
use payments::gateway::{
    Authorization, AuthorizeOrder, Capabilities, CaptureAnswer, CaptureOrder, DraftOrder, Drafted, Effect, GatewayName,
    NoAnswer, Question, RefundAnswer, RefundOrder, VoidAnswer, VoidOrder,
};
use payments::id::Mode;
use payments::ports::{Clock, Gateway};
use payments_aws::{StartError, System, sdk_config, variable};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// How long we wait for it: longer than it waits for the acquirer, twice where it sends an advice twice, and for its start.
const PATIENCE: Duration = Duration::from_millis(9_500);
const ADVICE_PATIENCE: Duration = Duration::from_millis(17_500);
/// The one error name by which it says that nothing was done.
pub const UNAVAILABLE: &str = "AcquirerUnavailable";

/// What `ask-acquirer` is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Place a hold.
    Authorize(AuthorizeOrder),
    /// Take money of a hold.
    Capture(CaptureOrder),
    /// Let a hold go.
    Void(VoidOrder),
    /// Give captured money back.
    Refund(RefundOrder),
    /// Is anybody there?
    Echo {
        /// In which world.
        mode: Mode,
    },
}

/// The acquirer, by the function that holds its line.
#[derive(Clone, Debug)]
pub struct AcquirerFunction {
    function: Function,
    mode: Mode,
}

/// The mode of an acquirer whose money is real, or is not: `ISO8583_MODE`.
pub(super) fn mode_of_env() -> Result<Mode, StartError> {
    let name = "ISO8583_MODE";
    let wrong = StartError::VariableWrong { name, expected: "expected test or live" };
    [Mode::Test, Mode::Live].into_iter().find(|mode| variable(name).is_ok_and(|it| it == mode.as_str())).ok_or(wrong)
}

impl AcquirerFunction {
    /// From `ASK_ACQUIRER_FUNCTION` and `ISO8583_MODE`. `None` without the first: this deployment has no acquirer of this kind.
    pub async fn deployed() -> Result<Option<Self>, StartError> {
        let Ok(name) = variable("ASK_ACQUIRER_FUNCTION") else { return Ok(None) };
        Ok(Some(Self { function: Function::new(&sdk_config()?, name, UNAVAILABLE), mode: mode_of_env()? }))
    }

    async fn order(&self, order: &Order, patience: Duration) -> Result<Effect, NoAnswer> {
        self.function.ask(order, patience).await
    }
}

fn unexpected(effect: &Effect) -> NoAnswer {
    NoAnswer::Unknown(format!("an answer to another order: {effect:?}"))
}

impl Gateway for AcquirerFunction {
    fn name(&self) -> GatewayName {
        GatewayName("iso8583".to_owned())
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn takes(&self, mode: Mode, amount: Amount) -> bool {
        mode == self.mode && sayable(amount)
    }

    async fn ping(&self, mode: Mode) -> Result<(), NoAnswer> {
        let answer = self.function.ask::<Value>(&Order::Echo { mode }, 2 * crate::PING_PATIENCE).await?;
        if answer["answers"] == true { Ok(()) } else { Err(NoAnswer::Unknown("no answer to an echo".to_owned())) }
    }

    /// Nobody is told: the name is ours.
    async fn draft(&self, order: &DraftOrder) -> Result<Drafted, NoAnswer> {
        drafted(order, self.mode, System.now())
    }

    async fn authorize(&self, order: &AuthorizeOrder) -> Result<Authorization, NoAnswer> {
        match self.order(&Order::Authorize(order.clone()), PATIENCE).await? {
            Effect::Authorized(answer) => Ok(answer),
            other @ (Effect::Captured(_) | Effect::Voided(_) | Effect::Refunded(_)) => Err(unexpected(&other)),
        }
    }

    async fn capture(&self, order: &CaptureOrder) -> Result<CaptureAnswer, NoAnswer> {
        match self.order(&Order::Capture(order.clone()), ADVICE_PATIENCE).await? {
            Effect::Captured(answer) => Ok(answer),
            other @ (Effect::Authorized(_) | Effect::Voided(_) | Effect::Refunded(_)) => Err(unexpected(&other)),
        }
    }

    async fn void(&self, order: &VoidOrder) -> Result<VoidAnswer, NoAnswer> {
        match self.order(&Order::Void(order.clone()), ADVICE_PATIENCE).await? {
            Effect::Voided(answer) => Ok(answer),
            other @ (Effect::Authorized(_) | Effect::Captured(_) | Effect::Refunded(_)) => Err(unexpected(&other)),
        }
    }

    async fn refund(&self, order: &RefundOrder) -> Result<RefundAnswer, NoAnswer> {
        match self.order(&Order::Refund(order.clone()), PATIENCE).await? {
            Effect::Refunded(answer) => Ok(answer),
            other @ (Effect::Authorized(_) | Effect::Captured(_) | Effect::Voided(_)) => Err(unexpected(&other)),
        }
    }

    async fn look_up(&self, _: &Question) -> Result<Option<Effect>, NoAnswer> {
        Err(NoAnswer::Unknown("it cannot be asked".to_owned()))
    }
}
