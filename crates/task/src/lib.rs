//! The Lambda shell, the same around every function: parse the input, call the handler, name the failure for the
//! workflow, log it once with its causes. The only user of `lambda_runtime`; it knows no payment.

pub mod http;
pub mod kafka;
pub mod limit;
pub mod metric;
pub mod queue;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use payments::failure::Failure;
use payments::secret::blot_digits;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::error::Error as StdError;

/// Why a function could not start or go on.
pub type Error = lambda_runtime::Error;

/// The name of an input that is not what the function takes.
pub const INVALID_INPUT: &str = "InvalidInput";

/// A failed invocation as Lambda reports it.
#[derive(Debug)]
struct Failed(Diagnostic);

impl From<Failed> for Diagnostic {
    fn from(failed: Failed) -> Self {
        failed.0
    }
}

/// Starts the log and answers invocations with `handle` until the environment ends.
pub async fn serve<Request, Answer, F>(handle: impl AsyncFn(Request) -> Result<Answer, F>) -> Result<(), Error>
where
    Request: DeserializeOwned,
    Answer: Serialize,
    F: Failure,
{
    start_log();
    let handle = &handle;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let request_id = event.context.request_id.clone();
        invoke(handle, event.payload).await.inspect_err(|failed| {
            tracing::error!(request_id, error = failed.0.error_type, "{}", failed.0.error_message);
        })
    }))
    .await
}

/// One invocation: parse, call, name the failure.
async fn invoke<Request, Answer, F>(
    handle: &impl AsyncFn(Request) -> Result<Answer, F>,
    payload: Value,
) -> Result<Value, Failed>
where
    Request: DeserializeOwned,
    Answer: Serialize,
    F: Failure,
{
    let request = serde_path_to_error::deserialize::<_, Request>(payload).map_err(|error| {
        let message = format!("{}: {}", error.path(), error.inner());
        named(INVALID_INPUT, &message)
    })?;
    // Boxed: a handler over many generic ports is a deep type, and the compiler has a limit.
    let answer = Box::pin(handle(request)).await.map_err(|failure| named(failure.name(), &chain(&failure)))?;
    serde_json::to_value(answer).map_err(|error| named("UnwritableAnswer", &error.to_string()))
}

fn named(name: &str, message: &str) -> Failed {
    Failed(Diagnostic { error_type: name.to_owned(), error_message: blot_digits(message) })
}

/// An error and its causes, in one line.
pub fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Writes JSON lines to standard output, at the level of `LOG_LEVEL`.
fn start_log() {
    let level = std::env::var("LOG_LEVEL").unwrap_or_else(|_| "info".to_owned());
    let filter =
        tracing_subscriber::EnvFilter::try_new(format!("warn,florin={level},task={level}")).unwrap_or_default();
    // A second start in one process keeps the first log.
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_current_span(false).try_init();
}
