//! How Lambda runs a function: for a caller who may not hear of it, in a process that may die, for a limited time.

use crate::options::Fault;
use crate::service::{Function, Service};
use crate::time::{End, SECOND};
use crate::world::{Process, World};
use payments::id::PaymentId;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

/// Why a caller has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Nothing ran.
    NotStarted,
    Died,
    TimedOut,
    /// It ran, or still runs.
    AnswerLost,
}

impl World {
    /// What comes of it within that time; none if nothing does.
    pub async fn within<T>(&self, millis: i64, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut alarm = pin!(self.sleep(millis));
        poll_fn(|context| {
            if let Poll::Ready(answer) = work.as_mut().poll(context) {
                return Poll::Ready(Some(answer));
            }
            alarm.as_mut().poll(context).map(|()| None)
        })
        .await
    }
}

/// One invocation. The work may run more than once, and after its caller stopped to wait.
pub async fn invoke<T, W>(
    caller: &Process,
    function: Function,
    subject: Option<PaymentId>,
    work: impl Fn(Rc<Process>) -> W + 'static,
) -> Result<T, Broken>
where
    T: 'static,
    W: Future<Output = T> + 'static,
{
    let world = &caller.world;
    world.counts.borrow_mut().invocations += 1;
    let fault = world.arrives(caller, Service::Lambda);
    let start = {
        let (world, subject) = (Rc::clone(world), subject.clone());
        move || world.time.spawn(work(Rc::new(Process::new(&world, function, subject.clone()))))
    };
    let limit = world.rules.timeout_seconds(function) * SECOND;
    match fault {
        Some(Fault::Before | Fault::Throttled | Fault::Apart) => {
            world.sleep(world.between(1, 100)).await;
            return Err(Broken::NotStarted);
        }
        Some(Fault::Late) => {
            let (outside, later) = (Rc::clone(world), world.between(SECOND, 60 * SECOND));
            world.time.spawn(async move {
                outside.sleep(later).await;
                drop(start());
            });
            world.sleep(world.between(1, SECOND)).await;
            return Err(Broken::AnswerLost);
        }
        Some(Fault::Twice) => {
            drop(start());
            world.sleep(world.between(0, 200)).await;
        }
        // A cold start.
        Some(Fault::Slow | Fault::Stale) => world.sleep(world.between(100, 6 * SECOND)).await,
        Some(Fault::After | Fault::DiesBefore | Fault::DiesAfter) | None => {}
    }
    let running = start();
    let id = running.id;
    let end = world.within(limit, running).await;
    match end {
        Some(End::Done(_)) if fault == Some(Fault::After) => Err(Broken::AnswerLost),
        Some(End::Done(answer)) => Ok(answer),
        Some(End::Died) => Err(Broken::Died),
        None => {
            world.time.kill(id);
            Err(Broken::TimedOut)
        }
    }
}
