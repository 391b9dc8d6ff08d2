//! The real steps of the workflow, as Lambda runs them: the payload is read, the handler called, the failure named.

use crate::network::Lines;
use crate::service::Function;
use crate::world::Process;
use payments::failure::Failure;
use payments::step::{StepAnswer, StepRequest};
use serde_json::Value;
use std::rc::Rc;

/// One run: what the function answers, or the name of its error.
pub async fn step(process: Rc<Process>, function: Function, payload: Value) -> Result<Value, &'static str> {
    let request: StepRequest = serde_json::from_value(payload).map_err(|_| task::INVALID_INPUT)?;
    let p = &*process;
    let gateways = Lines::of(&process);
    match function {
        Function::Validate => named(validate::handle(p, p, p, p, request).await),
        Function::Authorize => {
            let ports = authorize::Ports {
                payments: p,
                merchants: p,
                vault: p,
                codes: p,
                gateways: &gateways,
                health: p,
                velocity: p,
                system: p,
            };
            named(authorize::handle(&ports, request).await)
        }
        Function::FraudCheck => named(fraud_check::handle(p, p, p, p, request).await),
        Function::Execute => named(execute::handle(p, &gateways, p, request).await),
        Function::Settle => named(settle::handle(p, p, p, p, request).await),
        Function::Void => named(void::handle(p, &gateways, p, request).await),
        Function::Refund => named(refund::handle(p, p, &gateways, p, request).await),
        Function::Client
        | Function::Api
        | Function::StateMachine
        | Function::Sweep
        | Function::Publish
        | Function::PostLedger
        | Function::Bill
        | Function::Ingest
        | Function::Republish
        | Function::Poller => Err(task::INVALID_INPUT),
    }
}

fn named<E: Failure>(answer: Result<StepAnswer, E>) -> Result<Value, &'static str> {
    let answer = answer.map_err(|error| error.name())?;
    serde_json::to_value(answer).map_err(|_| "UnwritableAnswer")
}
