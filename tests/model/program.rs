//! What an actor runs: a client's call, the sweep, one step of a run of the state machine, an order on its way. Between two
//! steps a run remembers its operation and where it is, and nothing else.

use crate::client::Client;
use crate::line::{Answer, Asked, Line};
use crate::naive::Naive;
use crate::pool::No;
use payments::failure::Failure;
use payments::id::{OperationId, OperationKind};
use payments::stage::StageName;
use payments::step::{StepAnswer, StepRequest};
use serde_json::Value;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Retries of one step, as in the state machine.
pub const RETRIES: u8 = 3;

/// What an actor runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Program {
    /// A client's call.
    Client(Client),
    /// One run of the sweep.
    Sweep,
    /// A step of a run, and how often it was tried before.
    Step { operation: No<OperationId>, step: Step, tried: u8 },
    /// What was sent, and nobody waits for any more: it arrives, or does not.
    OnItsWay(Asked),
    /// A variant that has to be found wanting.
    Naive(Naive),
}

/// A step of the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    Validate,
    Authorize,
    FraudCheck,
    Execute,
    Settle,
    Void,
    Refund,
}

/// How a step ended for the state machine: where the payment is, or the error's name, and whether it passes by itself.
pub type Outcome = Result<StageName, (&'static str, bool)>;

/// Where a program stands after the answers that it heard.
pub enum Stand {
    /// It waits for an answer.
    Asks(Asked),
    /// It is over, and the actor with it.
    Over,
    /// It is over, and the actor goes on with this.
    GoesOn(Program),
}

/// A question that was asked, and what was answered at which second.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    pub asked: Asked,
    pub answer: Answer,
    pub now: u32,
}

type Running<'l> = Pin<Box<dyn Future<Output = Option<Outcome>> + 'l>>;

impl Program {
    /// Where it stands after these exchanges, and whether the clock was read since the last.
    pub fn stand(self, line: &Line<'_>, exchanges: &[Exchange]) -> (Stand, bool) {
        if let Self::OnItsWay(sent) = self {
            return (Stand::Asks(sent), false);
        }
        let mut running = self.run(line);
        let mut context = Context::from_waker(Waker::noop());
        let mut polled = running.as_mut().poll(&mut context);
        // The sweep asks the table with the moment that it reads; `ports` leaves the moment to the table.
        assert!(!line.clock_was_read() || self == Self::Sweep, "{self:?} reads the clock before its first question");
        for Exchange { asked, answer, now } in exchanges {
            assert_eq!(line.asked(), *asked, "{self:?} has to ask the same whenever it has heard the same");
            line.answer(*answer, *now);
            polled = running.as_mut().poll(&mut context);
        }
        let stand = match polled {
            Poll::Pending => Stand::Asks(line.asked()),
            Poll::Ready(outcome) => self.after(line, outcome).map_or(Stand::Over, Stand::GoesOn),
        };
        (stand, line.clock_was_read())
    }

    fn run<'l>(self, line: &'l Line<'_>) -> Running<'l> {
        match self {
            Self::Client(client) => Box::pin(async move {
                client.call(line).await;
                None
            }),
            Self::Sweep => Box::pin(async move {
                // One that breaks off is followed by another, which is another actor.
                let _ = sweep::handle(line, line, line, Value::Null).await;
                None
            }),
            Self::Step { operation, step, .. } => {
                let operation_id = OperationId::clone(&line.values.operations.value(operation));
                let request = StepRequest { payment_id: line.shop.payment_id.clone(), operation_id };
                Box::pin(async move { Some(step.once(line, request).await) })
            }
            Self::OnItsWay(_) => unreachable!("it runs nowhere"),
            Self::Naive(naive) => Box::pin(async move {
                naive.run(line).await;
                None
            }),
        }
    }

    /// What the state machine does after a step.
    fn after(self, line: &Line<'_>, outcome: Option<Outcome>) -> Option<Self> {
        let Self::Step { operation, step, tried } = self else { return None };
        let next = match (step, outcome?) {
            (_, Err((_, true))) => return self.again(),
            (Step::Validate, Ok(_)) => Step::Authorize,
            (Step::Authorize, Ok(StageName::Authenticating)) => return None,
            (Step::Authorize, Ok(_)) => Step::FraudCheck,
            (Step::FraudCheck, Ok(StageName::Capturing)) => Step::Execute,
            (Step::FraudCheck, Ok(StageName::Voiding)) => Step::Void,
            (Step::FraudCheck, Ok(StageName::Captured)) => Step::Settle,
            (Step::FraudCheck, Ok(StageName::Refunding)) => Step::Refund,
            (Step::Execute, Ok(_)) => Step::Settle,
            (Step::Execute, Err(("CaptureRefused", _))) => Step::Void,
            (Step::Void, Err(("AlreadyCaptured", _))) => Step::Settle,
            (_, Ok(_) | Err((_, false))) => return None,
        };
        assert!(tried <= RETRIES, "{step:?} of {:?}", line.values.operations.value(operation));
        Some(Self::Step { operation, step: next, tried: 0 })
    }

    /// The same step once more, if the state machine tries it again.
    pub fn again(self) -> Option<Self> {
        match self {
            Self::Step { operation, step, tried } if tried < RETRIES => {
                Some(Self::Step { operation, step, tried: tried + 1 })
            }
            Self::Step { .. } | Self::Client(_) | Self::Sweep | Self::OnItsWay(_) | Self::Naive(_) => None,
        }
    }

    /// The first step of a run of that operation.
    pub fn run_of(line: &Line<'_>, operation: No<OperationId>) -> Self {
        let step = match line.values.operations.value(operation).kind() {
            OperationKind::Pay | OperationKind::Review | OperationKind::Confirm => Step::Validate,
            OperationKind::Capture => Step::Execute,
            OperationKind::Refund => Step::Refund,
            OperationKind::Cancel | OperationKind::Reverse => Step::Void,
        };
        Self::Step { operation, step, tried: 0 }
    }
}

fn named<E: Failure>(answer: Result<StepAnswer, E>) -> Outcome {
    answer.map(|answer| answer.stage).map_err(|error| (error.name(), error.transient()))
}

impl Step {
    /// The step's real handler.
    async fn once(self, line: &Line<'_>, request: StepRequest) -> Outcome {
        match self {
            Self::Validate => named(validate::handle(line, line, line, line, request).await),
            Self::Authorize => {
                let (payments, merchants, vault, codes) = (line, line, line, line);
                let (gateways, health, velocity, system) = (line, line, line, line);
                let ports = authorize::Ports { payments, merchants, vault, codes, gateways, health, velocity, system };
                named(authorize::handle(&ports, request).await)
            }
            Self::FraudCheck => named(fraud_check::handle(line, line, line, line, request).await),
            Self::Execute => named(execute::handle(line, line, line, request).await),
            Self::Settle => named(settle::handle(line, line, line, line, request).await),
            Self::Void => named(void::handle(line, line, line, request).await),
            Self::Refund => named(refund::handle(line, line, line, line, request).await),
        }
    }
}
