//! Gateways.

use crate::failure::Unavailable;
use crate::gateway::{
    Authorization, AuthorizeOrder, Capabilities, CaptureAnswer, CaptureOrder, DraftOrder, Drafted, Effect, GatewayName,
    NoAnswer, Question, RefundAnswer, RefundOrder, VoidAnswer, VoidOrder,
};
use crate::id::Mode;
use crate::reconcile::Day;
use crate::secret::Secret;

/// A card gateway.
pub trait Gateway {
    /// Its name.
    fn name(&self) -> GatewayName;
    /// What it can do.
    fn capabilities(&self) -> Capabilities;
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

/// The keys by which a gateway knows us, one for each mode. They are read from where secrets are kept, and are nowhere else.
pub trait GatewaySecret {
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
