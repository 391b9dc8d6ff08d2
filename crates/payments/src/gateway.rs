//! What a card gateway is to us: the calls, the answers, and the two ways in which there is no answer.

use crate::amount::Amount;
use crate::authentication::{Liability, RedirectUrl};
use crate::id::{Mode, OperationId, OperationKind, PaymentId};
use crate::token::PresentedCard;
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

/// The order to place a hold.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthorizeOrder {
    /// The same for every sending of this order.
    pub key: GatewayKey,
    /// In which world: what a gateway did in one is never in the other's report.
    pub mode: Mode,
    /// How much to hold.
    pub amount: Amount,
    /// On what.
    pub on: HoldOn,
    /// Where the cardholder comes back to, if they have to authenticate. Without it the gateway shows them no page.
    pub return_url: Option<RedirectUrl>,
}

impl AuthorizeOrder {
    /// What became of it?
    pub fn question(&self) -> Question {
        let reference = match &self.on {
            HoldOn::Card(_) => None,
            HoldOn::Draft(draft) | HoldOn::DraftedCard { draft, .. } => Some(draft.clone()),
        };
        Question { key: self.key.clone(), mode: self.mode, order: OrderKind::Authorize, reference }
    }
}

/// On what a hold is placed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldOn {
    /// A card, sealed; the gateway passes it on as it is.
    Card(PresentedCard),
    /// A draft, by the gateway's name for it: the gateway has the card already.
    Draft(String),
    /// A card, under the draft's name: the gateway forgot the card.
    DraftedCard {
        /// The gateway's name for the draft.
        draft: String,
        /// The card, sealed.
        card: PresentedCard,
    },
}

/// What is told to a gateway that takes drafts, before the hold is placed. It holds nothing and moves nothing: a draft that
/// nobody carries out is forgotten.
#[derive(Clone, Debug)]
pub struct DraftOrder {
    /// The key under which the hold will be placed.
    pub key: GatewayKey,
    /// In which world.
    pub mode: Mode,
    /// How much will be held.
    pub amount: Amount,
    /// The card, sealed.
    pub card: PresentedCard,
}

/// A gateway's answer to a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drafted {
    /// It stands.
    Ready {
        /// The gateway's name for it, and for the hold that comes of it.
        reference: String,
    },
    /// It does not take such an order, now or later, whatever the card: nothing is held, and it is no failure of the gateway's.
    NotTaken {
        /// Why, in a word of the gateway's.
        reason: String,
    },
    /// Nobody would hold anything on this card.
    Declined {
        /// Why.
        code: DeclineCode,
    },
}

/// The order to take money of a hold.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaptureOrder {
    /// The same for every sending of this order.
    pub key: GatewayKey,
    /// In which world its hold is.
    pub mode: Mode,
    /// The key by which the hold was placed.
    pub hold_key: GatewayKey,
    /// The gateway's name for the hold.
    pub hold_reference: Option<String>,
    /// How much to take.
    pub amount: Amount,
    /// Whether it is the last one: what is left of the hold is let go with it.
    pub last: bool,
}

impl CaptureOrder {
    /// What became of it?
    pub fn question(&self) -> Question {
        let reference = self.hold_reference.clone();
        Question { key: self.key.clone(), mode: self.mode, order: OrderKind::Capture, reference }
    }
}

/// The order to let a hold go, or what is left of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VoidOrder {
    /// The same for every sending of this order.
    pub key: GatewayKey,
    /// In which world its hold is.
    pub mode: Mode,
    /// The key by which the hold was placed.
    pub hold_key: GatewayKey,
    /// The gateway's name for the hold or its draft, if it ever told.
    pub hold_reference: Option<String>,
    /// What we know to be captured of it. If more is, nothing is let go.
    pub captured: Amount,
}

impl VoidOrder {
    /// What became of it?
    pub fn question(&self) -> Question {
        let reference = self.hold_reference.clone();
        Question { key: self.key.clone(), mode: self.mode, order: OrderKind::Void, reference }
    }
}

/// The order to give captured money back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefundOrder {
    /// The same for every sending of this order.
    pub key: GatewayKey,
    /// In which world its hold is.
    pub mode: Mode,
    /// The key by which the hold was placed.
    pub hold_key: GatewayKey,
    /// The gateway's name for the hold.
    pub hold_reference: Option<String>,
    /// How much.
    pub amount: Amount,
}

impl RefundOrder {
    /// What became of it?
    pub fn question(&self) -> Question {
        let reference = self.hold_reference.clone();
        Question { key: self.key.clone(), mode: self.mode, order: OrderKind::Refund, reference }
    }
}

/// What an order asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderKind {
    /// A hold.
    Authorize,
    /// Money of a hold.
    Capture,
    /// To let a hold go.
    Void,
    /// Money back.
    Refund,
}

/// The question what became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The order's key.
    pub key: GatewayKey,
    /// In which world.
    pub mode: Mode,
    /// What it asked for.
    pub order: OrderKind,
    /// The gateway's name for the hold or its draft, if it ever told.
    pub reference: Option<String>,
}

/// An issuer's answer to an authorisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authorization {
    /// A hold was placed.
    Approved {
        /// The gateway's name for it.
        reference: String,
        /// What the issuer checked.
        checks: Checks,
    },
    /// The issuer said no.
    Declined {
        /// Why.
        code: DeclineCode,
    },
    /// The issuer wants the cardholder to authenticate first: until then nothing is held.
    ActionRequired {
        /// The gateway's name for what waits.
        reference: String,
        /// The page that asks them, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
}

/// A gateway's answer to a capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureAnswer {
    /// The money is taken.
    Captured {
        /// The gateway's name for the capture.
        reference: String,
    },
    /// The hold is gone or too small: nothing was taken and nothing will be.
    Refused,
}

/// A gateway's answer to a void.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoidAnswer {
    /// Nothing is held any more, or nothing ever was; and nothing will be under the voided key.
    Voided,
    /// More was taken than the order knows of: a capture cannot be voided.
    AlreadyCaptured {
        /// The gateway's name for the capture.
        reference: String,
    },
}

/// A gateway's answer to a refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundAnswer {
    /// The money is on its way back.
    Refunded {
        /// The gateway's name for the refund.
        reference: String,
    },
    /// Nothing was given back and nothing will be.
    Refused,
}

/// What a gateway says when asked for the effect of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It authorised, or declined to.
    Authorized(Authorization),
    /// It captured, or refused to.
    Captured(CaptureAnswer),
    /// It voided, or could not.
    Voided(VoidAnswer),
    /// It gave money back, or refused to.
    Refunded(RefundAnswer),
}

/// No answer. The difference between the two decides whether money can be lost.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NoAnswer {
    /// The order certainly had no effect: it was refused before it was read, or never left.
    #[error("the gateway did not take the order: {0}")]
    Unavailable(String),
    /// The order may or may not have had its effect.
    #[error("the gateway's answer was lost: {0}")]
    Unknown(String),
}
