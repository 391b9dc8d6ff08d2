//! What a card gateway is to us: what it can do, by what it is asked, and what it says. The orders are in [`order`], the answers,
//! and the two ways in which there is none, in [`answer`].

mod answer;
mod order;

pub use answer::*;
pub use order::*;

use crate::authentication::Liability;
use crate::id::{OperationId, OperationKind, PaymentId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A gateway's name, such as `simulated`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct GatewayName(pub String);

impl fmt::Display for GatewayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a gateway can do. The lifecycle refuses what it cannot before it is asked, and the contract suite holds each gateway
/// to what it declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// A hold can be captured in several parts; without it, the rest is let go with the first.
    pub several_captures: bool,
    /// A part of what was captured can be given back.
    pub partial_refund: bool,
    /// It says what a key did. Without it every look-up is unknown, and a hold whose answer was lost is reversed.
    pub look_up: bool,
    /// What was voided before it arrived is refused when it arrives.
    pub refuses_late_orders: bool,
    /// It can ask the cardholder to authenticate, on a page of its own; without it, such a card is declined.
    pub authentication: bool,
    /// It takes a draft of a hold first, under a name of its own, which our intent then holds.
    pub drafts: bool,
    /// Its draft is a name only: the card comes again with the order to place the hold.
    pub draft_forgets_card: bool,
}

impl Capabilities {
    /// What cannot be done to its holds.
    pub fn hold_limits(self) -> HoldLimits {
        HoldLimits { one_capture: !self.several_captures, whole_refund: !self.partial_refund }
    }
}

/// What cannot be done to a hold at its gateway; kept with the hold, so that nobody has to ask the gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldLimits {
    /// The first capture is the last.
    #[serde(default, skip_serializing_if = "is_false")]
    pub one_capture: bool,
    /// A refund gives back all that was captured.
    #[serde(default, skip_serializing_if = "is_false")]
    pub whole_refund: bool,
}

impl HoldLimits {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

/// What is asked of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewayOperation<'a> {
    /// Place a hold.
    Authorize,
    /// Take money of a hold, for that operation.
    Capture(&'a OperationId),
    /// Let a hold, or what is left of it, go.
    Void,
    /// Give money back, for that operation.
    Refund(&'a OperationId),
}

impl fmt::Display for GatewayOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authorize => f.write_str("authorize"),
            Self::Capture(operation) if operation.kind() == OperationKind::Pay => f.write_str("capture"),
            Self::Capture(operation) | Self::Refund(operation) => operation.fmt(f),
            Self::Void => f.write_str("void"),
        }
    }
}

/// The gateway's idempotency key, `payment:operation:attempt`. The attempt grows on a business retry only, never
/// because an answer was lost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GatewayKey(String);

impl GatewayKey {
    /// The key of that attempt.
    pub fn new(payment: &PaymentId, operation: GatewayOperation<'_>, attempt: u32) -> Self {
        Self(format!("{payment}:{operation}:{attempt}"))
    }

    /// A key that no order has: whoever is asked for it answers that it did nothing.
    pub fn ping() -> Self {
        Self("ping".to_owned())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GatewayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the issuer checked, and what follows for a fraud; `None` where it was not asked or did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// Whether the verification code is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvc: Option<bool>,
    /// Whether the billing address is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<bool>,
    /// Who bears a fraud, where authentication was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liability_shift: Option<Liability>,
}

impl Checks {
    /// Whether the issuer said nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why an issuer said no. The names are the card world's; they go to the merchant as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::Display)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("x-extensible" = true)))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DeclineCode {
    /// No reason given.
    DoNotHonor,
    /// Not enough money.
    InsufficientFunds,
    /// Reported lost.
    LostCard,
    /// Reported stolen.
    StolenCard,
    /// Past its month.
    ExpiredCard,
    /// The verification code is wrong.
    IncorrectCvc,
    /// The issuer could not decide.
    ProcessingError,
    /// The issuer wants the cardholder to authenticate first.
    AuthenticationRequired,
}

impl DeclineCode {
    /// Whether the same card may be tried again later (a soft decline).
    pub fn is_soft(self) -> bool {
        match self {
            Self::InsufficientFunds | Self::ProcessingError | Self::AuthenticationRequired => true,
            Self::DoNotHonor | Self::LostCard | Self::StolenCard | Self::ExpiredCard | Self::IncorrectCvc => false,
        }
    }
}
