//! `present-card`, the function that shows cards to Stripe, as its caller sees it. The order and the answers here are its wire
//! format; the function reads and writes the same types. The card travels sealed.

use super::cards::{PresentCard, Presented};
use crate::invocation::Function;
use payments::gateway::{GatewayKey, NoAnswer};
use payments::id::Mode;
use payments::token::PresentedCard;
use payments_aws::{SdkConfig, StartError, sdk_config, variable};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long we wait for it: longer than it waits for Stripe, and for its start.
const PATIENCE: Duration = Duration::from_millis(5500);
/// The one error name by which it says that nothing was made.
pub const STRIPE_UNAVAILABLE: &str = "StripeUnavailable";

/// What `present-card` is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Show this card to Stripe. The answer is a [`Presented`].
    Present {
        /// The key under which the hold will be placed.
        key: GatewayKey,
        /// In which world.
        mode: Mode,
        /// The sealed card.
        card: PresentedCard,
    },
    /// Ask Stripe whether it takes our key.
    Check {
        /// In which world.
        mode: Mode,
    },
}

/// Shows cards to Stripe by invoking `present-card`.
#[derive(Clone, Debug)]
pub struct PresentCardFunction(Function);

impl PresentCardFunction {
    /// From `PRESENT_CARD_FUNCTION`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self::new(&sdk_config()?, variable("PRESENT_CARD_FUNCTION")?))
    }

    /// By the function's name.
    pub fn new(config: &SdkConfig, function: String) -> Self {
        Self(Function::new(config, function, STRIPE_UNAVAILABLE))
    }
}

impl PresentCard for PresentCardFunction {
    async fn present(&self, key: &GatewayKey, mode: Mode, card: &PresentedCard) -> Result<Presented, NoAnswer> {
        self.0.ask(&Order::Present { key: key.clone(), mode, card: card.clone() }, PATIENCE).await
    }
}
