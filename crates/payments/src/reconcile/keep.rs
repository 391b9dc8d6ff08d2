//! The one way in which an exception is changed: read it, work out what it becomes, store that on condition of its
//! revision, again if someone else was faster. What is as it should be is not written.

use super::exception::{Exception, ExceptionId};
use super::side::Book;
use crate::failure::Unavailable;
use crate::ports::{Exceptions, Saved};

/// How often an exception is worked out anew because its owner decided meanwhile.
const MAX_ROUNDS: u32 = 8;

/// Keeps what was found. Found again, it is the same exception, with its owner's decision.
pub async fn raise(kept: &impl Exceptions, finding: &Exception) -> Result<(), Unavailable> {
    let found = |there: Option<Exception>| match there {
        Some(there) => there.found_again(finding.clone()),
        None => finding.clone(),
    };
    change(kept, &finding.book(), &finding.id, |there| Some(found(there))).await
}

/// Says of an exception that it is not found any more, if there is one of that id.
pub async fn withdraw(kept: &impl Exceptions, book: &Book, id: &ExceptionId) -> Result<(), Unavailable> {
    change(kept, book, id, |there| there.map(Exception::withdrawn)).await
}

/// Changes the exception of that id into what `become_what` makes of it; `None` leaves it alone.
pub async fn change(
    kept: &impl Exceptions,
    book: &Book,
    id: &ExceptionId,
    become_what: impl Fn(Option<Exception>) -> Option<Exception>,
) -> Result<(), Unavailable> {
    for _ in 0..MAX_ROUNDS {
        let there = kept.exception(book, id).await?;
        let Some(next) = become_what(there.clone()) else { return Ok(()) };
        if there.as_ref() == Some(&next) || kept.save_exception(&next).await? == Saved::Done {
            return Ok(());
        }
    }
    Err(Unavailable::new("the exceptions", format!("{id} changed {MAX_ROUNDS} times meanwhile")))
}
