//! An execution of the state machine, with what its type promises: STANDARD runs exactly once, EXPRESS that is started at
//! least once, EXPRESS that is waited for at most once.

use crate::expression::States;
use crate::invocation::{Broken, invoke};
use crate::machine::{State, Task, names};
use crate::options::{Fault, PER};
use crate::service::{Function, Service};
use crate::steps;
use crate::time::{End, Join, SECOND};
use crate::world::{Process, World};
use payments::failure::Unavailable;
use payments::id::{OperationId, PaymentId};
use payments::ports::Workflow;
use serde_json::{Value, json};
use std::rc::Rc;
use std::time::Duration;

/// Transitions of one execution: Step Functions allows 25,000; ours is over long before that.
const MAX_TRANSITIONS: u32 = 200;

impl World {
    /// Starts an execution. One that is not waited for, of the cheap kind, may run more than once.
    fn start(self: &Rc<Self>, payment_id: &PaymentId, operation: &OperationId, waited_for: bool) -> Join<()> {
        self.counts.borrow_mut().executions += 1;
        let again = !self.options.standard && !waited_for && !self.is_calm() && self.chance(200);
        if again {
            let join = self.time.spawn(execution(Rc::clone(self), payment_id.clone(), operation.clone(), false));
            drop(join);
        }
        let breaks_off = !self.options.standard && waited_for;
        self.time.spawn(execution(Rc::clone(self), payment_id.clone(), operation.clone(), breaks_off))
    }
}

impl Workflow for Process {
    async fn run(&self, id: &PaymentId, operation: &OperationId, patience: Duration) -> Result<(), Unavailable> {
        if self.world.options.standard {
            return self.start(id, operation).await;
        }
        let (world, payment, wanted) = (Rc::clone(&self.world), id.clone(), operation.clone());
        let running = self.call(Service::Workflow, move |_| world.start(&payment, &wanted, true)).await?;
        let patience = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
        match self.world.within(patience, running).await {
            Some(End::Done(())) => Ok(()),
            Some(End::Died) => Err(Unavailable::new("the workflow", "it broke off")),
            None => Err(Unavailable::new("the workflow", "it takes too long")),
        }
    }

    async fn start(&self, id: &PaymentId, operation: &OperationId) -> Result<(), Unavailable> {
        let (world, payment, wanted) = (Rc::clone(&self.world), id.clone(), operation.clone());
        let start = move |_: &World| drop(world.start(&payment, &wanted, false));
        Ok(self.call(Service::Workflow, start).await?)
    }
}

async fn execution(world: Rc<World>, payment_id: PaymentId, operation: OperationId, breaks_off: bool) {
    let limit = world.machine.timeout_seconds * SECOND;
    let process = Process::new(&world, Function::StateMachine, Some(payment_id.clone()));
    process.note(|| format!("execution of {operation}"));
    let input = json!({ "payment_id": payment_id, "operation_id": operation });
    let over = world.within(limit, Box::pin(walk(&process, &input, breaks_off))).await;
    process.note(|| format!("execution of {operation} ends: {}", over.as_deref().unwrap_or("out of time")));
}

/// Goes from state to state; answers with the last one's name.
async fn walk(process: &Process, execution_input: &Value, breaks_off: bool) -> String {
    let world = &process.world;
    let machine = std::sync::Arc::clone(&world.machine);
    let mut name = &machine.start_at;
    let mut input = execution_input.clone();
    let deaths = world.options.rates[Fault::DiesBefore as usize] / 4;
    for _ in 0..MAX_TRANSITIONS {
        if breaks_off && !world.is_calm() && world.chance(deaths.min(PER / 20)) {
            world.time.die().await;
        }
        match &machine.states[name] {
            State::Succeed | State::Fail => return name.clone(),
            State::Choice { rules, default } => {
                let states = States { input: &input, execution_input, result: None };
                let chosen = rules.iter().find(|(condition, _)| condition.holds(states)).map(|(_, next)| next);
                match chosen.or(default.as_ref()) {
                    Some(next) => name = next,
                    None => return "States.NoChoiceMatched".to_owned(),
                }
            }
            State::Task(task) => match attempt(process, task, &input, execution_input).await {
                Ok(output) => {
                    input = output;
                    match &task.next {
                        Some(next) => name = next,
                        None => return name.clone(),
                    }
                }
                Err(error) => match task.catch.iter().find(|catch| names(&catch.error_equals, &error)) {
                    Some(catch) => {
                        input = json!({ "Error": error });
                        name = &catch.next;
                    }
                    None => return error,
                },
            },
        }
    }
    world.violate("4 rest", process.subject.as_ref(), "an execution that goes round in circles");
    name.clone()
}

/// A task with its retries: its output, or the name of the error that is left.
async fn attempt(process: &Process, task: &Task, input: &Value, execution_input: &Value) -> Result<Value, String> {
    let world = &process.world;
    let mut attempts = vec![0; task.retry.len()];
    loop {
        let states = States { input, execution_input, result: None };
        let payload: Value = task.payload.iter().map(|(name, value)| (name.clone(), value.value(states))).collect();
        let called = world.within(task.timeout_seconds * SECOND, Box::pin(call(process, task.function, payload))).await;
        let error = match called {
            Some(Ok(result)) => return Ok(task.output.value(States { result: Some(&result), ..states })),
            Some(Err(error)) => error,
            None => "States.Timeout".to_owned(),
        };
        let place = task.retry.iter().position(|retry| names(&retry.error_equals, &error));
        process
            .note(|| format!("{:?} fails: {error}{}", task.function, if place.is_some() { "" } else { ", for good" }));
        let Some(place) = place.filter(|place| attempts[*place] < task.retry[*place].max_attempts) else {
            return Err(error);
        };
        let retry = &task.retry[place];
        let mut delay = retry.interval_seconds * SECOND * retry.backoff_rate.saturating_pow(attempts[place]);
        if let Some(most) = retry.max_delay_seconds {
            delay = delay.min(most * SECOND);
        }
        if retry.jitter_strategy.as_deref() == Some("FULL") {
            delay = world.between(0, delay + 1);
        }
        attempts[place] += 1;
        world.sleep(delay).await;
    }
}

/// One invocation of a step.
async fn call(process: &Process, function: Function, payload: Value) -> Result<Value, String> {
    let subject = process.subject.clone();
    let answer = invoke(process, function, subject, move |step| steps::step(step, function, payload.clone())).await;
    match answer {
        Ok(answer) => answer.map_err(str::to_owned),
        Err(broken) => {
            let one = process.world.below(2);
            let name = match broken {
                Broken::NotStarted => ["Lambda.TooManyRequestsException", "Lambda.ServiceException"][one],
                Broken::Died => ["Lambda.Unknown", "Runtime.ExitError"][one],
                Broken::TimedOut => "Sandbox.Timedout",
                Broken::AnswerLost => ["Lambda.SdkClientException", "Lambda.AWSLambdaException"][one],
            };
            Err(name.to_owned())
        }
    }
}
