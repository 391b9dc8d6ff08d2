//! How a request becomes a payment, whichever way it came: over HTTP (`api`) or over Kafka (`ingest`). The payment's id is
//! derived from merchant, mode and key, so the same request over both is one payment.
//!
//! It refuses to know headers, records and status codes.

mod create;
pub mod idempotency;
mod run;

pub use create::{Created, Ports, Request, create};
pub use run::Run;

use payments::failure::Unavailable;
use payments::problem::{Problem, ProblemKind};

/// Something of ours did not answer: logged here, once, and the client may send the same again.
pub fn unavailable(failure: Unavailable) -> Problem {
    tracing::error!(target: "florin", "{}", task::chain(&failure));
    Problem::new(ProblemKind::Unavailable, "send the same request again, with the same Idempotency-Key")
}
