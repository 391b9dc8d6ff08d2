//! What the outbox lost: a stretch of time whose changes the table's stream could not deliver. The table remembers them, so
//! each of its payments is told again from the first version on; consumers know an event by its id.

use crate::event::Unreadable;
use crate::id::PaymentId;
use crate::payment::Payment;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The stream's times and those in a payment's history are of different clocks: ten minutes are looked at on either side.
const SLACK_SECONDS: i64 = 10 * 60;

/// A stretch of time, and how far its sweep came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    /// From when on changes may have been lost (milliseconds).
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// The last payment that was looked at, in the table's own order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<PaymentId>,
}

impl Stretch {
    /// Reads a sweep's own message, or what Lambda says about a batch of the table's stream that it gave up.
    pub fn read(text: &str, table: &str) -> Result<Self, Unreadable> {
        let value: Value = serde_json::from_str(text).map_err(|_| Unreadable::NotJson)?;
        let shape = |what: &str| Unreadable::Shape(what.to_owned());
        let Some(batch) = value.get("DDBStreamBatchInfo") else {
            return serde_json::from_value(value).map_err(|error| Unreadable::Shape(error.to_string()));
        };
        let of = batch["streamArn"].as_str().unwrap_or_default();
        if !of.contains(&format!(":table/{table}/")) {
            return Err(shape("DDBStreamBatchInfo.streamArn: expected the stream of the payments table"));
        }
        let time = |name: &str| {
            let text = batch[name].as_str().unwrap_or_default();
            Timestamp::parse_rfc3339(text).map_err(|_| shape("DDBStreamBatchInfo: expected the records' times"))
        };
        let (first, last) = (time("approximateArrivalOfFirstRecord")?, time("approximateArrivalOfLastRecord")?);
        Ok(Self { since: first.plus_seconds(-SLACK_SECONDS), until: last.plus_seconds(SLACK_SECONDS), after: None })
    }

    /// Whether a version of the payment may be among what was lost.
    pub fn concerns(&self, payment: &Payment) -> bool {
        payment.history.iter().any(|change| (self.since..=self.until).contains(&change.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_batch_that_lambda_gave_up_is_a_stretch_with_slack_and_another_table_s_is_none() {
        let document = json!({
            "requestContext": { "condition": "RetryAttemptsExhausted" },
            "DDBStreamBatchInfo": {
                "streamArn": "arn:aws:dynamodb:eu-central-1:1:table/florin-payments/stream/2026-11-24T00:00:00.000",
                "approximateArrivalOfFirstRecord": "2026-11-24T10:00:00Z",
                "approximateArrivalOfLastRecord": "2026-11-24T11:00:00.5Z",
            },
        });
        let stretch = Stretch::read(&document.to_string(), "florin-payments").expect("a stretch");
        assert_eq!(stretch.since.to_rfc3339(), "2026-11-24T09:50:00Z");
        assert_eq!(stretch.until.to_rfc3339(), "2026-11-24T11:10:00.5Z");
        let again = serde_json::to_string(&stretch).expect("plain data");
        assert_eq!(Stretch::read(&again, "florin-payments"), Ok(stretch));
        assert!(Stretch::read(&document.to_string(), "florin-payouts").is_err());
        assert!(Stretch::read("{}", "florin-payments").is_err());
    }
}
