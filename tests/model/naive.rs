//! Variants that anyone might write first, kept to show that the search finds what is wrong with them.

use crate::line::Line;
use payments::gateway::{CaptureAnswer, CaptureOrder, GatewayOperation, VoidOrder};
use payments::id::{OperationId, OperationKind};
use payments::operation::Wanted;
use payments::payment::{Actor, Payment};
use payments::ports::{Clock, Gateway, LoadPayment, SavePayment};
use payments::stage::{Captured, Stage, VoidReason};

/// A variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Naive {
    /// A capture that reads, calls the gateway, and then writes: there is no intent before the call.
    Capture,
    /// A cancel that lets the hold go whatever is under way on it.
    Cancel,
}

impl Naive {
    /// Runs it. What goes wrong on its way ends it.
    pub async fn run(self, line: &Line<'_>) {
        let done = match self {
            Self::Capture => capture(line).await,
            Self::Cancel => cancel(line).await,
        };
        let _ = done;
    }
}

/// All of the hold.
async fn capture(line: &Line<'_>) -> Option<()> {
    let payment = LoadPayment::load(line, &line.shop.payment_id).await.ok()??;
    let Stage::RequiresCapture(held) = payment.stage.clone() else { return None };
    let id = OperationId::derive(&payment.payment_id, OperationKind::Capture, &"naive".parse().ok()?);
    let order = CaptureOrder {
        key: payment.gateway_key(GatewayOperation::Capture(&id), 1),
        mode: payment.owner.mode,
        hold_key: payment.gateway_key(GatewayOperation::Authorize, held.0.hold.attempt),
        hold_reference: None,
        amount: payment.amount,
        last: true,
    };
    let CaptureAnswer::Captured { reference } = line.capture(&order).await.ok()? else { return None };
    // One version in the end instead of one before and one after.
    let now = line.now();
    let wanted = Wanted::Capture { amount: None, last: true };
    let version = payment.version;
    let intent = payment.accept(id, wanted, String::new(), now).ok()?;
    let outcome = Stage::Captured(Captured(held.0));
    let captured = Payment { version, ..intent }.took_effect(reference, outcome, Actor::Execute, now);
    line.save(&captured).await.ok().map(drop)
}

/// Whatever is left of the hold, whoever else is at it.
async fn cancel(line: &Line<'_>) -> Option<()> {
    let payment = LoadPayment::load(line, &line.shop.payment_id).await.ok()??;
    let held = match payment.stage.clone() {
        Stage::RequiresCapture(stage) => stage.0,
        Stage::Capturing(stage) => stage.0,
        _ => return None,
    };
    let Stage::Voiding(undo) = payment.void(held, VoidReason::Requested) else { return None };
    let order = VoidOrder {
        key: payment.gateway_key(GatewayOperation::Void, undo.attempt),
        mode: payment.owner.mode,
        hold_key: payment.gateway_key(GatewayOperation::Authorize, undo.hold_attempt),
        hold_reference: undo.reference(),
        captured: payment.captured(),
    };
    line.void(&order).await.ok()?;
    line.save(&payment.advance(undo.voided(), Actor::Void, line.now())).await.ok().map(drop)
}
