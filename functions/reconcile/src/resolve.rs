//! The owner's side of exceptions: what is open, and what becomes of it.

use crate::{Decision, Error};
use payments::failure::Unavailable;
use payments::ports::{Clock, Exceptions, Reconciliations, Saved};
use payments::reconcile::{Book, Exception, Resolution, State};

/// How often a decision begins anew because a run changed the exception.
const MAX_ROUNDS: u32 = 8;

/// The book's exceptions, the oldest first.
pub(crate) async fn list(kept: &impl Reconciliations, book: &Book, all: bool) -> Result<Vec<Exception>, Unavailable> {
    let mut exceptions = kept.exceptions(book).await?;
    exceptions.retain(|exception| all || exception.state() == State::Open);
    Ok(exceptions)
}

/// Writes the decision down, once. Who decided what is logged.
pub(crate) async fn resolve(
    kept: &impl Exceptions,
    clock: &impl Clock,
    books: impl Iterator<Item = Book> + Clone,
    decision: &Decision,
) -> Result<Exception, Error> {
    let (id, by) = (&decision.exception, decision.by.trim());
    let resolution = Resolution::try_new(decision.kind, &decision.note, by, clock.now());
    let resolution = resolution.filter(|_| !by.is_empty()).ok_or(Error::DecisionWithoutReason)?;
    for _ in 0..MAX_ROUNDS {
        let exception = find(kept, books.clone(), decision).await?;
        let revision = exception.revision;
        let resolved = exception.resolved(resolution.clone())?;
        if resolved.revision == revision {
            return Ok(resolved);
        }
        if kept.save_exception(&resolved).await? == Saved::Done {
            tracing::info!(target: "florin", exception = %id, kind = %decision.kind, by, "an exception is resolved");
            return Ok(resolved);
        }
    }
    Err(Unavailable::new("the exceptions", format!("{id} changed {MAX_ROUNDS} times meanwhile")).into())
}

async fn find(
    kept: &impl Exceptions,
    books: impl Iterator<Item = Book>,
    decision: &Decision,
) -> Result<Exception, Error> {
    for book in books {
        if let Some(exception) = kept.exception(&book, &decision.exception).await? {
            return Ok(exception);
        }
    }
    Err(Error::ExceptionNotFound(decision.exception.clone()))
}
