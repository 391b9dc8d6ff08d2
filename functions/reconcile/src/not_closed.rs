//! A payout that the payout machine gave up for a day: an exception of our own book.

use crate::NotClosed;
use payments::failure::Unavailable;
use payments::id::Owner;
use payments::ports::Exceptions;
use payments::reconcile::{Exception, payout_not_closed, raise};
use serde::Deserialize;

/// A function's error, as Lambda reports it.
#[derive(Deserialize)]
struct Reported {
    #[serde(rename = "errorMessage")]
    message: String,
}

/// Keeps the exception; the same once more changes nothing.
pub(crate) async fn raise_not_closed(kept: &impl Exceptions, what: NotClosed) -> Result<Exception, Unavailable> {
    let NotClosed { merchant_id, mode, day, error, cause } = what;
    let owner = Owner { merchant_id, mode };
    // A time-out or an error of Lambda's own has a cause that is no function's.
    let reason = match serde_json::from_str(&cause) {
        Ok(Reported { message }) => format!("{error}: {message}"),
        Err(_) => error,
    };
    let exception = payout_not_closed(&owner, day, &reason);
    raise(kept, &exception).await?;
    tracing::error!(target: "florin", %owner, %day, exception = %exception.id, "no payout is closed: {reason}");
    Ok(exception)
}
