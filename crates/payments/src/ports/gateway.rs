//! Gateways.

use crate::amount::Amount;
use crate::breaker::{Breaker, Call};
use crate::failure::Unavailable;
use crate::gateway::{
    Authorization, AuthorizeOrder, Capabilities, CaptureAnswer, CaptureOrder, DraftOrder, Drafted, Effect, GatewayKey,
    GatewayName, NoAnswer, Question, RefundAnswer, RefundOrder, VoidAnswer, VoidOrder,
};
use crate::id::{CardFingerprint, Mode, Owner};
use crate::reconcile::Day;
use crate::retry::Declines;
use crate::secret::Secret;
use crate::timestamp::Timestamp;

/// A card gateway.
pub trait Gateway {
    /// Its name.
    fn name(&self) -> GatewayName;
    /// What it can do.
    fn capabilities(&self) -> Capabilities;
    /// Whether it moves that amount, in that world, at all.
    fn takes(&self, mode: Mode, amount: Amount) -> bool;
    /// Whether it answers anything in that world now: moves nothing, and takes a second at most.
    async fn ping(&self, mode: Mode) -> Result<(), NoAnswer>;
    /// Tells it of a hold that is to be placed; asked only of gateways that take drafts. However often, nothing is held.
    async fn draft(&self, order: &DraftOrder) -> Result<Drafted, NoAnswer>;
    /// Places a hold.
    async fn authorize(&self, order: &AuthorizeOrder) -> Result<Authorization, NoAnswer>;
    /// Takes money of a hold.
    async fn capture(&self, order: &CaptureOrder) -> Result<CaptureAnswer, NoAnswer>;
    /// Lets a hold, or what is left of it, go, and sees to it that none will ever be placed under its key.
    async fn void(&self, order: &VoidOrder) -> Result<VoidAnswer, NoAnswer>;
    /// Gives captured money back.
    async fn refund(&self, order: &RefundOrder) -> Result<RefundAnswer, NoAnswer>;
    /// What that order did; `None` if it did nothing so far.
    async fn look_up(&self, question: &Question) -> Result<Option<Effect>, NoAnswer>;
}

/// The gateways that a deployment has.
pub trait Gateways {
    /// What each is.
    type Gateway: Gateway;
    /// The one of that name, if it is there.
    fn find(&self, name: &GatewayName) -> Option<&Self::Gateway>;
    /// The one that payments go to by themselves.
    fn standard(&self) -> GatewayName;
}

/// One gateway is a choice of one.
impl<G: Gateway> Gateways for G {
    type Gateway = G;

    fn find(&self, name: &GatewayName) -> Option<&G> {
        (*name == self.name()).then_some(self)
    }

    fn standard(&self) -> GatewayName {
        self.name()
    }
}

/// The gateways' circuit breakers, one in each mode, shared by all processes.
pub trait Breakers {
    /// What the caller may do with that gateway now.
    async fn ask(&self, gateway: &GatewayName, mode: Mode, now: Timestamp) -> Result<Breaker, Unavailable>;
    /// Whether it is open; looking changes nothing.
    async fn is_open(&self, gateway: &GatewayName, mode: Mode, now: Timestamp) -> Result<bool, Unavailable>;
    /// Takes note of what became of a call.
    async fn record(&self, gateway: &GatewayName, mode: Mode, call: Call, now: Timestamp) -> Result<(), Unavailable>;
}

/// What cards were declined of late.
pub trait DeclinedCards {
    /// Notes that this order of that merchant was declined, once however often it is told, and answers how often the card was with
    /// that.
    async fn declined(
        &self,
        owner: &Owner,
        card: &CardFingerprint,
        order: &GatewayKey,
        now: Timestamp,
    ) -> Result<Declines, Unavailable>;
}

/// The keys by which a gateway knows us, one for each mode. They are read from where secrets are kept, and are nowhere else.
pub trait GatewaySecret {
    /// Whether there is one for that mode.
    fn is_there(&self, mode: Mode) -> bool;
    /// The mode's key; it may be remembered for minutes.
    async fn secret(&self, mode: Mode) -> Result<Secret, Unavailable>;
    /// The gateway does not know it: whoever asks next is given the one that is kept now.
    fn forget(&self, mode: Mode);
}

/// Asks a gateway what it booked.
pub trait ReportDay {
    /// The gateway's name.
    fn name(&self) -> GatewayName;
    /// Its report of a day, as it wrote it: [`crate::reconcile::DailyReport`] reads it.
    async fn daily_report(&self, mode: Mode, day: Day) -> Result<String, NoAnswer>;
}
