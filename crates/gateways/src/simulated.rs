//! The simulated gateway: a Lambda function that stands for the card network in test mode. The orders and answers here
//! are its wire format; the function reads and writes the same types.
//!
//! The card travels sealed. Only the acquirer opens it, so no plain card number is ever in an invocation's payload.

use crate::invocation::Function;
use payments::amount::Amount;
use payments::authentication::RedirectUrl;
use payments::gateway::{
    Authorization, AuthorizeOrder, Capabilities, CaptureAnswer, CaptureOrder, DraftOrder, Drafted, Effect, GatewayKey,
    GatewayName, HoldOn, NoAnswer, Question, RefundAnswer, RefundOrder, VoidAnswer, VoidOrder,
};
use payments::id::Mode;
use payments::ports::{Gateway, ReportDay};
use payments::reconcile::Day;
use payments::token::PresentedCard;
use payments_aws::{SdkConfig, StartError, sdk_config, variable};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long we wait for an answer; a later one counts as lost.
const PATIENCE: Duration = Duration::from_millis(2500);
/// How long we wait for a part of a report: nobody else waits for it.
const REPORT_PATIENCE: Duration = Duration::from_secs(20);
/// The most parts that a report has.
const MAX_PAGES: usize = 200;
/// The one error name by which the acquirer says that it did nothing.
pub const UNAVAILABLE: &str = "AcquirerUnavailable";

/// What the acquirer is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Place a hold.
    Authorize {
        /// The order's key.
        key: GatewayKey,
        /// In which world.
        mode: Mode,
        /// How much.
        amount: Amount,
        /// The sealed card.
        card: PresentedCard,
        /// Where its holder comes back to; without it they are shown no page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        return_url: Option<RedirectUrl>,
    },
    /// Take money of a hold.
    Capture {
        /// The order's key.
        key: GatewayKey,
        /// The key that placed the hold.
        hold_key: GatewayKey,
        /// How much.
        amount: Amount,
        /// Whether the rest of the hold is let go with it.
        last: bool,
    },
    /// Let a hold, or what is left of it, go.
    Void {
        /// The order's key.
        key: GatewayKey,
        /// The key that placed the hold.
        hold_key: GatewayKey,
        /// What the order knows to be captured.
        captured: Amount,
    },
    /// Give captured money back.
    Refund {
        /// The order's key.
        key: GatewayKey,
        /// The key that placed the hold.
        hold_key: GatewayKey,
        /// How much.
        amount: Amount,
    },
    /// What did that key do?
    LookUp {
        /// The order's key.
        key: GatewayKey,
    },
    /// What was booked on a day? Of today, so far.
    Report {
        /// In which world.
        mode: Mode,
        /// The day, in UTC.
        day: Day,
        /// How many of the report's lines the caller has already.
        #[serde(default)]
        from_line: usize,
    },
}

/// A part of a report: an invocation's answer has at most 6 MB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportPage {
    /// Lines.
    pub text: String,
    /// From which line on there are more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<usize>,
}

/// What it can do: everything, and it needs no drafts.
pub const CAPABILITIES: Capabilities = Capabilities {
    several_captures: true,
    partial_refund: true,
    look_up: true,
    refuses_late_orders: true,
    authentication: true,
    drafts: false,
    draft_forgets_card: false,
};

/// The simulated gateway, by its function.
#[derive(Clone, Debug)]
pub struct SimulatedGateway {
    acquirer: Function,
    patience: Duration,
}

impl SimulatedGateway {
    /// From `SIMULATED_ACQUIRER_FUNCTION`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self::new(&sdk_config()?, variable("SIMULATED_ACQUIRER_FUNCTION")?, PATIENCE))
    }

    /// The same, if this deployment has it: if the variable is set.
    pub async fn deployed() -> Result<Option<Self>, StartError> {
        if variable("SIMULATED_ACQUIRER_FUNCTION").is_ok() { Self::from_env().await.map(Some) } else { Ok(None) }
    }

    /// By the function's name; an order is waited for so long.
    pub fn new(config: &SdkConfig, function: String, patience: Duration) -> Self {
        Self { acquirer: Function::new(config, function, UNAVAILABLE), patience }
    }
}

impl Gateway for SimulatedGateway {
    fn name(&self) -> GatewayName {
        GatewayName("simulated".to_owned())
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn takes(&self, _: Mode, _: Amount) -> bool {
        true
    }

    /// Asks for a key that no order has.
    async fn ping(&self, _: Mode) -> Result<(), NoAnswer> {
        let nobody = Order::LookUp { key: GatewayKey::ping() };
        self.acquirer.ask::<Option<Effect>>(&nobody, crate::PING_PATIENCE).await.map(drop)
    }

    async fn draft(&self, _: &DraftOrder) -> Result<Drafted, NoAnswer> {
        Err(NoAnswer::Unavailable("it takes no drafts".to_owned()))
    }

    async fn authorize(&self, order: &AuthorizeOrder) -> Result<Authorization, NoAnswer> {
        let AuthorizeOrder { key, mode, amount, on, return_url } = order.clone();
        let HoldOn::Card(card) = on else {
            return Err(NoAnswer::Unavailable("it takes no drafts".to_owned()));
        };
        match self.acquirer.ask(&Order::Authorize { key, mode, amount, card, return_url }, self.patience).await? {
            Effect::Authorized(answer) => Ok(answer),
            other @ (Effect::Captured(_) | Effect::Voided(_) | Effect::Refunded(_)) => Err(unexpected(&other)),
        }
    }

    async fn capture(&self, order: &CaptureOrder) -> Result<CaptureAnswer, NoAnswer> {
        let CaptureOrder { key, hold_key, amount, last, .. } = order.clone();
        match self.acquirer.ask(&Order::Capture { key, hold_key, amount, last }, self.patience).await? {
            Effect::Captured(answer) => Ok(answer),
            other @ (Effect::Authorized(_) | Effect::Voided(_) | Effect::Refunded(_)) => Err(unexpected(&other)),
        }
    }

    async fn void(&self, order: &VoidOrder) -> Result<VoidAnswer, NoAnswer> {
        let VoidOrder { key, hold_key, captured, .. } = order.clone();
        match self.acquirer.ask(&Order::Void { key, hold_key, captured }, self.patience).await? {
            Effect::Voided(answer) => Ok(answer),
            other @ (Effect::Authorized(_) | Effect::Captured(_) | Effect::Refunded(_)) => Err(unexpected(&other)),
        }
    }

    async fn refund(&self, order: &RefundOrder) -> Result<RefundAnswer, NoAnswer> {
        let RefundOrder { key, hold_key, amount, .. } = order.clone();
        match self.acquirer.ask(&Order::Refund { key, hold_key, amount }, self.patience).await? {
            Effect::Refunded(answer) => Ok(answer),
            other @ (Effect::Authorized(_) | Effect::Captured(_) | Effect::Voided(_)) => Err(unexpected(&other)),
        }
    }

    async fn look_up(&self, question: &Question) -> Result<Option<Effect>, NoAnswer> {
        self.acquirer.ask(&Order::LookUp { key: question.key.clone() }, self.patience).await
    }
}

impl ReportDay for SimulatedGateway {
    fn name(&self) -> GatewayName {
        Gateway::name(self)
    }

    async fn daily_report(&self, mode: Mode, day: Day) -> Result<String, NoAnswer> {
        let mut report = String::new();
        let mut from_line = 0;
        for _ in 0..MAX_PAGES {
            let page: ReportPage = self.acquirer.ask(&Order::Report { mode, day, from_line }, REPORT_PATIENCE).await?;
            report.push_str(&page.text);
            match page.next {
                Some(next) => from_line = next,
                None => return Ok(report),
            }
        }
        Err(NoAnswer::Unknown(format!("the report has more than {MAX_PAGES} parts")))
    }
}

fn unexpected(effect: &Effect) -> NoAnswer {
    NoAnswer::Unknown(format!("an answer to another order: {effect:?}"))
}
