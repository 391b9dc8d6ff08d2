//! The one way in which a step changes a payment: load, decide, save on condition of the version, again if someone
//! else was faster.

use crate::failure::{NotFound, Unavailable};
use crate::gateway::{Effect, GatewayName, NoAnswer, Question};
use crate::id::{OperationId, PaymentId};
use crate::payment::Payment;
use crate::ports::{Gateway, Gateways, LoadPayment, SavePayment, Saved};
use crate::stage::StageName;
use serde::{Deserialize, Serialize};

/// How often a step starts again because someone else changed the payment, before it leaves the rest to a retry.
const MAX_ROUNDS: u32 = 8;

/// What a step is handed; nothing else travels through the workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepRequest {
    /// The payment to work on.
    pub payment_id: PaymentId,
    /// Which operation on it.
    pub operation_id: OperationId,
}

/// What a step answers: where the payment is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepAnswer {
    /// The stage's name.
    pub stage: StageName,
}

impl StepAnswer {
    /// Where that payment is.
    pub fn of(payment: &Payment) -> Self {
        Self { stage: StageName::from(&payment.stage) }
    }
}

/// What a step made of the payment it saw.
#[derive(Debug)]
pub enum Move<E> {
    /// Nothing is missing.
    Stay,
    /// Save this version and answer.
    Finish(Box<Payment>),
    /// Save this version, then look again: an intent before its call.
    Continue(Box<Payment>),
    /// Save this version, then fail with this error: the workflow acts on its name.
    Fail(Box<Payment>, E),
}

/// Runs `decide` on the payment until it rests. `decide` is told whether this very call wrote the version it sees, so
/// that a gateway call can tell its own fresh intent from one that it found.
///
/// Fails if there is no such payment, if the store does not answer, or with what `decide` fails with.
pub async fn advance<P, E>(
    payments: &P,
    payment_id: &PaymentId,
    decide: impl AsyncFn(Payment, bool) -> Result<Move<E>, E>,
) -> Result<StepAnswer, E>
where
    P: LoadPayment + SavePayment,
    E: From<Unavailable> + From<NotFound>,
{
    let mut own: Option<Payment> = None;
    for _ in 0..MAX_ROUNDS {
        let fresh = own.is_some();
        let seen = match own.take() {
            Some(payment) => payment,
            None => payments.load(payment_id).await?.ok_or_else(|| NotFound(payment_id.clone()))?,
        };
        let stay = StepAnswer::of(&seen);
        let (next, end) = match decide(seen, fresh).await? {
            Move::Stay => return Ok(stay),
            Move::Finish(next) => (next, Some(Ok(()))),
            Move::Continue(next) => (next, None),
            Move::Fail(next, error) => (next, Some(Err(error))),
        };
        match (payments.save(&next).await?, end) {
            // An intent that is there already may be another run's: who sends by it has to be one alone.
            (Saved::Conflict, _) | (Saved::There, None) => {}
            (Saved::Done, None) => own = Some(*next),
            (Saved::Done | Saved::There, Some(end)) => return end.map(|()| StepAnswer::of(&next)),
        }
    }
    Err(Unavailable::new("the payment's turn", format!("someone else was faster {MAX_ROUNDS} times")).into())
}

/// The gateway that a payment is bound to. One that this deployment does not have certainly did nothing now.
pub fn gateway<'g, All: Gateways>(gateways: &'g All, name: &GatewayName) -> Result<&'g All::Gateway, NoAnswer> {
    gateways.find(name).ok_or_else(|| NoAnswer::Unavailable(format!("there is no gateway {name} here")))
}

/// What became of an order that was just sent. When its answer was lost, the gateway is asked for it by its key; a later
/// repeat under the same key has the same effect.
pub async fn answered<A>(
    gateway: &impl Gateway,
    question: Question,
    sent: Result<A, NoAnswer>,
    read: impl Fn(Effect) -> Option<A>,
) -> Result<A, NoAnswer> {
    match sent {
        Err(lost @ NoAnswer::Unknown(_)) => match gateway.look_up(&question).await {
            Ok(Some(effect)) => read(effect).ok_or(lost),
            Ok(None) | Err(_) => Err(lost),
        },
        answer => answer,
    }
}
