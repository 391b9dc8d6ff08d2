//! Holds the line to a classic acquirer and puts orders on it: the only function that opens cards for the acquirer, and the only
//! one that reaches it. One process has one line, and one order on it at a time.
//!
//! It refuses to know payments: what an order is for, and whether it is sent again, is its caller's to decide.

use gateways::iso8583::Order;
use payments::gateway::{Effect, NoAnswer};
use payments::ports::Gateway;
use serde::Serialize;

/// Why there is no answer.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the caller sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// The order certainly had no effect. Its name is [`gateways::iso8583::UNAVAILABLE`].
    #[error("the acquirer was not asked")]
    AcquirerUnavailable(#[source] NoAnswer),
    /// The order may have had its effect.
    #[error("the acquirer's answer is lost")]
    AcquirerAnswerLost(#[source] NoAnswer),
}
payments::failure!(Error, ErrorName, transient: [AcquirerUnavailable, AcquirerAnswerLost], permanent: []);

impl From<NoAnswer> for Error {
    fn from(answer: NoAnswer) -> Self {
        match answer {
            NoAnswer::Unavailable(_) => Self::AcquirerUnavailable(answer),
            NoAnswer::Unknown(_) => Self::AcquirerAnswerLost(answer),
        }
    }
}

/// What became of the order.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// Of an order.
    Done(Effect),
    /// Of an echo.
    Echoed {
        /// Somebody is there.
        answers: bool,
    },
}

/// Carries the order out.
pub async fn handle(acquirer: &impl Gateway, order: Order) -> Result<Answer, Error> {
    Ok(match order {
        Order::Authorize(order) => Answer::Done(Effect::Authorized(acquirer.authorize(&order).await?)),
        Order::Capture(order) => Answer::Done(Effect::Captured(acquirer.capture(&order).await?)),
        Order::Void(order) => Answer::Done(Effect::Voided(acquirer.void(&order).await?)),
        Order::Refund(order) => Answer::Done(Effect::Refunded(acquirer.refund(&order).await?)),
        Order::Echo { mode } => {
            acquirer.ping(mode).await?;
            Answer::Echoed { answers: true }
        }
    })
}
