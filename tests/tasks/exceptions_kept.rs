//! Exceptions in memory, as their table keeps them: by id, each change on condition of the revision.

use payments::ports::Saved;
use payments::reconcile::{Book, Exception, ExceptionId};
use std::cell::RefCell;
use std::collections::BTreeMap;

pub type KeptExceptions = RefCell<BTreeMap<ExceptionId, Exception>>;

pub fn find(kept: &KeptExceptions, book: &Book, id: &ExceptionId) -> Option<Exception> {
    kept.borrow().get(id).filter(|it| it.book() == *book).cloned()
}

pub fn save(kept: &KeptExceptions, exception: &Exception) -> Saved {
    // As the table stores it.
    let item: serde_dynamo::Item = serde_dynamo::to_item(exception).unwrap();
    let stored: Exception = serde_dynamo::from_item(item).unwrap();
    assert_eq!(stored, *exception);
    let mut exceptions = kept.borrow_mut();
    let there = exceptions.get(&exception.id);
    if there == Some(exception) {
        return Saved::Done;
    }
    if there.map_or(0, |there| there.revision) + 1 != exception.revision {
        return Saved::Conflict;
    }
    exceptions.insert(exception.id.clone(), stored);
    Saved::Done
}
