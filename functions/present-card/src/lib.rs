//! Shows a sealed card to Stripe and hands back Stripe's name for it: the only function that opens cards for Stripe, and the
//! only one whose key may make PaymentMethods (docs/adr/0008). Nothing is held by what it makes.
//!
//! It refuses to know payments, amounts and what becomes of the name.

use gateways::stripe::{CheckKey, Order, PresentCard, Presented};
use payments::gateway::NoAnswer;
use payments::id::Mode;
use serde::Serialize;

/// Why there is no answer.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the caller sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// Stripe certainly made nothing of it. Its name is [`gateways::stripe::STRIPE_UNAVAILABLE`].
    #[error("the card was not shown to Stripe")]
    StripeUnavailable(#[source] NoAnswer),
    /// Stripe may have made something of it.
    #[error("Stripe's answer is lost")]
    StripeAnswerLost(#[source] NoAnswer),
}
payments::failure!(Error, ErrorName, transient: [StripeUnavailable, StripeAnswerLost], permanent: []);

impl From<NoAnswer> for Error {
    fn from(answer: NoAnswer) -> Self {
        match answer {
            NoAnswer::Unavailable(_) => Self::StripeUnavailable(answer),
            NoAnswer::Unknown(_) => Self::StripeAnswerLost(answer),
        }
    }
}

/// What became of the order.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// Of a card.
    Presented(Presented),
    /// Of a question for the key.
    Checked {
        /// Stripe takes the key of this mode.
        taken: Mode,
    },
}

/// Carries the order out.
pub async fn handle(stripe: &(impl PresentCard + CheckKey), order: Order) -> Result<Answer, Error> {
    match order {
        Order::Present { key, mode, card } => Ok(Answer::Presented(stripe.present(&key, mode, &card).await?)),
        Order::Check { mode } => {
            stripe.check(mode).await?;
            Ok(Answer::Checked { taken: mode })
        }
    }
}
