//! What a gateway is told, and the question what became of it.

use super::GatewayKey;
use crate::amount::Amount;
use crate::authentication::RedirectUrl;
use crate::id::Mode;
use crate::token::PresentedCard;
use serde::{Deserialize, Serialize};

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
