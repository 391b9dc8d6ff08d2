//! The Kafka event-source poller: what Lambda's own pollers do on AWS, for the emulator that does not.
//!
//! Reads the deployed mappings again and again, and serves each with a worker. It knows no topic, function or rule
//! of the payments: all of that is in the deployed template.

pub mod answer;
pub mod batch;
pub mod clock;
mod delivery;
pub mod discovery;
pub mod event;
pub mod intrinsics;
pub mod lag;
pub mod lane;
pub mod mapping;
mod member;
pub mod report;
mod worker;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::discovery::Discovery;
use self::mapping::Mapping;
use self::report::Reporter;
use crate::aws;
use crate::state::State;
use crate::workspace::Workspace;

/// How often the deployed stack is looked at: whether its mappings have changed.
const REREAD: Duration = Duration::from_secs(3);
/// How often the report is written.
const REPORT: Duration = Duration::from_millis(250);

/// What all workers share.
pub struct Context {
    kafka: String,
    endpoint: String,
    lambda: aws_sdk_lambda::Client,
    reporter: Reporter,
    twice: bool,
}

struct Worker {
    mapping: Mapping,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Worker {
    fn start(context: &Arc<Context>, mapping: Mapping) -> Self {
        say(&format!("{} <- {}: taken up ({})", mapping.function, mapping.group, mapping.topics.join(", ")));
        context.reporter.add(&mapping);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(worker::serve(Arc::clone(context), mapping.clone(), stopped));
        Self { mapping, stop, task }
    }
}

/// A line of the poller's log, which is its stdout.
pub fn say(line: &str) {
    // A full disk must not stop deliveries.
    let _ = writeln!(std::io::stdout(), "{} {line}", clock::rfc3339(clock::now_milliseconds()));
}

/// Serves the deployed mappings until SIGTERM or SIGINT.
pub async fn run(workspace: &Workspace, twice: bool) -> Result<()> {
    let state = State::load(workspace).context("no stack here: start one with `cargo xtask up`")?;
    let stack = state.stack_name.clone().context("nothing is deployed yet")?;
    let endpoint = state.endpoint()?;
    let config = aws::sdk_config(&endpoint);
    let lambda = aws_sdk_lambda::Client::new(&config);
    let reporter = Reporter::new();
    let context = Arc::new(Context { kafka: state.kafka()?, endpoint, lambda, reporter, twice });
    let mut deployed = Discovery::new(aws_sdk_cloudformation::Client::new(&config), stack);
    let mut terminated = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let mut workers = BTreeMap::new();
    let mut reread = tokio::time::interval(REREAD);
    let mut write = tokio::time::interval(REPORT);
    say(if twice { "started; every batch is delivered twice" } else { "started" });
    let mut last_error = String::new();
    loop {
        tokio::select! {
            _ = terminated.recv() => break,
            _ = interrupted.recv() => break,
            _ = write.tick() => context.reporter.write(workspace)?,
            _ = reread.tick() => match deployed.news().await {
                Ok(news) => {
                    if let Some(mappings) = news {
                        follow(&context, &mut workers, mappings).await;
                    }
                    context.reporter.started();
                    last_error.clear();
                }
                // Workers go on with what they know; the same error is said once.
                Err(error) => {
                    let error = format!("{error:#}");
                    if error != last_error {
                        say(&format!("the mappings cannot be read: {error}"));
                    }
                    last_error = error;
                }
            },
        }
    }
    say("stopping");
    stop(workers.into_values().collect()).await;
    Ok(())
}

/// Stops workers whose mapping has changed or gone, and starts those that are new.
async fn follow(context: &Arc<Context>, workers: &mut BTreeMap<String, Worker>, mappings: Vec<Mapping>) {
    let wanted: BTreeMap<String, Mapping> = mappings.into_iter().map(|mapping| (mapping.id.clone(), mapping)).collect();
    let obsolete: Vec<String> = workers
        .iter()
        .filter(|(id, worker)| wanted.get(*id) != Some(&worker.mapping))
        .map(|(id, _)| id.clone())
        .collect();
    let stopped: Vec<Worker> = obsolete.iter().filter_map(|id| workers.remove(id)).collect();
    for worker in &stopped {
        say(&format!("{} <- {}: let go", worker.mapping.function, worker.mapping.group));
        context.reporter.remove(&worker.mapping.id);
    }
    stop(stopped).await;
    for (id, mapping) in wanted {
        workers.entry(id).or_insert_with(|| Worker::start(context, mapping));
    }
}

async fn stop(workers: Vec<Worker>) {
    for worker in &workers {
        // It fails only if the worker has ended already.
        let _ = worker.stop.send(true);
    }
    for worker in workers {
        if let Err(error) = worker.task.await {
            say(&format!("{}: its worker ended badly: {error}", worker.mapping.function));
        }
    }
}
