//! Following a route: the next gateway that may be asked, by what is known of its health, and what its answer says of that.

use super::{RouteOutcome, Routed};
use crate::breaker::{Breaker, Call, SLOW_MILLIS};
use crate::gateway::{GatewayName, NoAnswer};
use crate::id::Mode;
use crate::payment::Payment;
use crate::ports::{Breakers, Clock, Gateway, Gateways};
use crate::timestamp::Timestamp;

/// A gateway that may be asked.
#[derive(Debug)]
pub struct Chosen<'g, G> {
    /// It.
    pub gateway: &'g G,
    /// What the route says now.
    pub routed: Routed,
    /// Whether its breaker watches: only where there was a choice.
    pub watched: bool,
    /// Whether the payment tries a gateway that was found answering pings again.
    pub trial: bool,
}

/// The first of the route's gateways that was not thought of yet, is there, takes the amount, and is well. If all that is
/// against each is its breaker, the first of those: nobody is helped by a payment that is not even tried.
///
/// Where there is one gateway only, its breaker is not asked; where the breakers do not answer, all are well.
pub async fn choose<'g, All: Gateways>(
    gateways: &'g All,
    breakers: &impl Breakers,
    clock: &impl Clock,
    candidates: &[GatewayName],
    payment: &Payment,
    mut routed: Routed,
) -> Result<Chosen<'g, All::Gateway>, Routed> {
    let (watched, mode) = (candidates.len() > 1, payment.owner.mode);
    let mut avoided = None;
    for name in candidates {
        if routed.knows(name) {
            continue;
        }
        let Some(gateway) = gateways.find(name) else {
            routed = routed.with(name, RouteOutcome::NotThere);
            continue;
        };
        if !gateway.takes(mode, payment.amount) {
            routed = routed.with(name, RouteOutcome::NotTaken);
            continue;
        }
        let breaker = if watched { breakers.ask(name, mode, clock.now()).await } else { Ok(Breaker::Closed) };
        let trial = match breaker.unwrap_or(Breaker::Closed) {
            Breaker::Closed => Some(false),
            Breaker::Open => None,
            Breaker::Probe => answers(gateway, mode, breakers, clock).await.then_some(true),
        };
        if let Some(trial) = trial {
            return Ok(Chosen { gateway, routed: routed.with(name, RouteOutcome::Asked), watched, trial });
        }
        routed = routed.with(name, RouteOutcome::BreakerOpen);
        avoided.get_or_insert((name, gateway));
    }
    match avoided {
        Some((name, gateway)) => {
            Ok(Chosen { gateway, routed: routed.with(name, RouteOutcome::Asked), watched, trial: false })
        }
        None => Err(routed),
    }
}

async fn answers(gateway: &impl Gateway, mode: Mode, breakers: &impl Breakers, clock: &impl Clock) -> bool {
    if gateway.ping(mode).await.is_ok() {
        return true;
    }
    // If the breaker is not told, the next caller finds out by itself.
    let _ = breakers.record(&gateway.name(), mode, Call::TrialFailed, clock.now()).await;
    false
}

/// Tells the breaker what became of a call that began then. If it is not told, it judges by fewer calls.
pub async fn report<T>(
    breakers: &impl Breakers,
    (gateway, mode): (&GatewayName, Mode),
    trial: bool,
    answer: &Result<T, NoAnswer>,
    began: Timestamp,
    now: Timestamp,
) {
    let answered = answer.is_ok() && now.as_millis() - began.as_millis() <= SLOW_MILLIS;
    let call = match (answered, trial) {
        (true, true) => Call::TrialAnswered,
        (true, false) => Call::Answered,
        (false, true) => Call::TrialFailed,
        (false, false) => Call::Failed,
    };
    let _ = breakers.record(gateway, mode, call, now).await;
}
