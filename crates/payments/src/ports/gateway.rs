//! Gateways.

use crate::gateway::{
    Authorization, AuthorizeOrder, CaptureAnswer, CaptureOrder, Effect, GatewayKey, GatewayName, NoAnswer,
    RefundAnswer, RefundOrder, VoidAnswer, VoidOrder,
};
use crate::id::Mode;
use crate::reconcile::Day;

/// A card gateway.
pub trait Gateway {
    /// Its name.
    fn name(&self) -> GatewayName;
    /// Places a hold.
    async fn authorize(&self, order: &AuthorizeOrder) -> Result<Authorization, NoAnswer>;
    /// Takes money of a hold.
    async fn capture(&self, order: &CaptureOrder) -> Result<CaptureAnswer, NoAnswer>;
    /// Lets a hold, or what is left of it, go, and sees to it that none will ever be placed under its key.
    async fn void(&self, order: &VoidOrder) -> Result<VoidAnswer, NoAnswer>;
    /// Gives captured money back.
    async fn refund(&self, order: &RefundOrder) -> Result<RefundAnswer, NoAnswer>;
    /// What the order of that key did; `None` if the gateway never saw it.
    async fn look_up(&self, key: &GatewayKey) -> Result<Option<Effect>, NoAnswer>;
}

/// Asks a gateway what it booked.
pub trait ReportDay {
    /// The gateway's name.
    fn name(&self) -> GatewayName;
    /// Its report of a day, as it wrote it: [`crate::reconcile::DailyReport`] reads it.
    async fn daily_report(&self, mode: Mode, day: Day) -> Result<String, NoAnswer>;
}
