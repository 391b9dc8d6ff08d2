//! What an outbox lost: a stretch of time whose changes a table's stream could not deliver. The table remembers them, so
//! each of its payments, payouts or movements is told again from the first version on; consumers know an event by its id.

use crate::bank::BookedMovement;
use crate::event::{Event, Unreadable};
use crate::id::{BankMovementId, PaymentId};
use crate::payment::Payment;
use crate::payout::{Payout, PayoutKey};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A stream's times and those in a history are of different clocks, and a change is written a moment after it is dated: ten
/// minutes are looked at on either side.
const SLACK_SECONDS: i64 = 10 * 60;

/// A table whose stream is an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outbox {
    /// Payments.
    Payments,
    /// Payouts.
    Payouts,
    /// Movements at the bank.
    BankMovements,
}

/// What the tables are called where they are deployed.
#[derive(Clone, Debug)]
pub struct OutboxNames {
    /// The payments table.
    pub payments: String,
    /// The payouts table.
    pub payouts: String,
    /// The bank movements table.
    pub bank_movements: String,
}

impl OutboxNames {
    /// The table of that stream, if it is one of these.
    fn of_stream(&self, stream_arn: &str) -> Option<Outbox> {
        let (_, table) = stream_arn.split_once(":table/")?;
        let (name, _) = table.split_once("/stream/")?;
        let tables = [
            (&self.payments, Outbox::Payments),
            (&self.payouts, Outbox::Payouts),
            (&self.bank_movements, Outbox::BankMovements),
        ];
        tables.into_iter().find_map(|(known, outbox)| (known == name).then_some(outbox))
    }
}

/// An item's key, with the attributes that it has in its table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Key {
    /// A payment's.
    Payment {
        /// Its id.
        payment_id: PaymentId,
    },
    /// A payout's.
    Payout(PayoutKey),
    /// A movement's.
    Movement {
        /// Its id.
        movement_id: BankMovementId,
    },
}

/// An item of such a table.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A payment.
    Payment(Box<Payment>),
    /// A payout.
    Payout(Box<Payout>),
    /// A movement.
    Movement(Box<BookedMovement>),
}

impl Subject {
    /// The events of all its versions, oldest first.
    pub fn events(&self) -> Vec<Event> {
        match self {
            Self::Payment(payment) => Event::all_of(payment),
            Self::Payout(payout) => Event::all_of_payout(payout),
            Self::Movement(booked) => vec![Event::of_movement(booked)],
        }
    }
}

/// A stretch of time of one table, and how far its sweep came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    /// Whose changes.
    pub table: Outbox,
    /// From when on changes may have been lost (milliseconds).
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// The last item that was looked at, in the table's own order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Key>,
}

impl Stretch {
    /// Reads a sweep's or an operator's own message, or what Lambda says about a batch of a stream that it gave up.
    pub fn read(text: &str, names: &OutboxNames) -> Result<Self, Unreadable> {
        let value: Value = serde_json::from_str(text).map_err(|_| Unreadable::NotJson)?;
        let Some(batch) = value.get("DDBStreamBatchInfo") else {
            return serde_json::from_value(value).map_err(|error| Unreadable::Shape(error.to_string()));
        };
        let wrong = |field: &str, expected: &str| {
            Unreadable::Shape(format!("DDBStreamBatchInfo.{field}: expected {expected}, found {}", batch[field]))
        };
        let Some(table) = names.of_stream(batch["streamArn"].as_str().unwrap_or_default()) else {
            let OutboxNames { payments, payouts, bank_movements } = names;
            return Err(wrong("streamArn", &format!("a stream of {payments}, {payouts} or {bank_movements}")));
        };
        let time = |field: &str| {
            let text = batch[field].as_str().unwrap_or_default();
            Timestamp::parse_rfc3339(text).map_err(|_| wrong(field, "a time as in 2026-11-24T10:00:00Z"))
        };
        let (first, last) = (time("approximateArrivalOfFirstRecord")?, time("approximateArrivalOfLastRecord")?);
        let (since, until) = (first.plus_seconds(-SLACK_SECONDS), last.plus_seconds(SLACK_SECONDS));
        Ok(Self { table, since, until, after: None })
    }

    /// Whether a version of it may be among what was lost.
    pub fn concerns(&self, subject: &Subject) -> bool {
        let within = |at: Timestamp| (self.since..=self.until).contains(&at);
        match subject {
            Subject::Payment(payment) => payment.history.iter().any(|change| within(change.at)),
            Subject::Payout(payout) => payout.history.iter().any(|change| within(change.at)),
            Subject::Movement(booked) => within(booked.read_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names() -> OutboxNames {
        let name = |table: &str| format!("florin-{table}");
        OutboxNames { payments: name("payments"), payouts: name("payouts"), bank_movements: name("bank-movements") }
    }

    /// As AWS's documentation has it.
    fn by_aws(table: &str) -> Value {
        json!({
            "requestContext": {
                "requestId": "316aa6d0-8154-xmpl-9af7-85d5f4a6bc81",
                "functionArn": "arn:aws:lambda:eu-central-1:123456789012:function:florin-publish",
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 1,
            },
            "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
            "version": "1.0",
            "timestamp": "2026-11-25T06:13:49.717Z",
            "DDBStreamBatchInfo": {
                "shardId": "shardId-00000001573689847184-864758bb",
                "startSequenceNumber": "800000000003126276362",
                "endSequenceNumber": "800000000003126276362",
                "approximateArrivalOfFirstRecord": "2026-11-24T10:00:00Z",
                "approximateArrivalOfLastRecord": "2026-11-24T11:00:00.5Z",
                "batchSize": 1,
                "streamArn": format!(
                    "arn:aws:dynamodb:eu-central-1:123456789012:table/{table}/stream/2026-11-24T00:04:06.388"
                ),
            },
        })
    }

    /// As the poller of MiniStack 1.5.33 wrote it when it gave up three payouts.
    const BY_MINISTACK: &str = r#"{
        "requestContext": {
            "requestId": "d0128422-3fa7-4c26-829b-ee3cc4c60a4e",
            "functionArn": "arn:aws:lambda:eu-central-1:000000000000:function:florin-publish",
            "condition": "MaxRecordAgeExceeded", "approximateInvokeCount": 1
        },
        "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
        "version": "1.0",
        "timestamp": "2026-11-25T03:24:11Z",
        "DDBStreamBatchInfo": {
            "shardId": "shardId-00000000000000000000-00000000",
            "startSequenceNumber": "000000017955770490820000000001",
            "endSequenceNumber": "000000017955770490820000000003",
            "approximateArrivalOfFirstRecord": "2026-11-25T03:24:09Z",
            "approximateArrivalOfLastRecord": "2026-11-25T03:24:09Z",
            "batchSize": 3,
            "streamArn":
                "arn:aws:dynamodb:eu-central-1:000000000000:table/florin-payouts/stream/2026-11-25T03:23:52.772"
        }
    }"#;

    #[test]
    fn a_batch_that_was_given_up_is_a_stretch_of_its_table_with_slack() {
        let aws = ("2026-11-24T09:50:00Z", "2026-11-24T11:10:00.5Z");
        let ministack = ("2026-11-25T03:14:09Z", "2026-11-25T03:34:09Z");
        for (document, table, (since, until)) in [
            (by_aws("florin-payments").to_string(), Outbox::Payments, aws),
            (by_aws("florin-payouts").to_string(), Outbox::Payouts, aws),
            (by_aws("florin-bank-movements").to_string(), Outbox::BankMovements, aws),
            (BY_MINISTACK.to_owned(), Outbox::Payouts, ministack),
        ] {
            let stretch = Stretch::read(&document, &names()).expect("a stretch");
            assert_eq!((stretch.table, stretch.after.as_ref()), (table, None));
            assert_eq!((&*stretch.since.to_rfc3339(), &*stretch.until.to_rfc3339()), (since, until));
            let again = serde_json::to_string(&stretch).expect("plain data");
            assert_eq!(Stretch::read(&again, &names()), Ok(stretch));
        }
    }

    #[test]
    fn what_is_no_stretch_of_ours_is_refused_with_the_field_s_name() {
        let with = |field: &str, value: Value| {
            let mut document = by_aws("florin-payments");
            document["DDBStreamBatchInfo"][field] = value;
            document.to_string()
        };
        for (text, says) in [
            ("what".to_owned(), "not JSON"),
            ("{}".to_owned(), "missing field `table`"),
            (r#"{"table":"tokens","since":0,"until":1}"#.to_owned(), "unknown variant `tokens`"),
            (r#"{"table":"payouts","since":0}"#.to_owned(), "missing field `until`"),
            (r#"{"table":"payouts","since":0,"until":1,"to":2}"#.to_owned(), "unknown field `to`"),
            (
                by_aws("other-payments").to_string(),
                "streamArn: expected a stream of florin-payments, florin-payouts or",
            ),
            (by_aws("florin-payments-2").to_string(), "streamArn"),
            (with("streamArn", Value::Null), "streamArn"),
            (with("approximateArrivalOfFirstRecord", json!("today")), "approximateArrivalOfFirstRecord"),
            (with("approximateArrivalOfLastRecord", Value::Null), "approximateArrivalOfLastRecord"),
        ] {
            let error = Stretch::read(&text, &names()).expect_err(says).to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_sweep_that_is_under_way_keeps_its_table_s_own_key() {
        for (table, key) in [
            ("payments", json!({ "payment_id": format!("pay_{}", "0".repeat(32)) })),
            ("payouts", json!({ "owner_currency": "mer_a#test#EUR", "number": 3 })),
            ("bank_movements", json!({ "movement_id": format!("bnk_{}", "0".repeat(32)) })),
        ] {
            let message = json!({ "table": table, "since": 0, "until": 1, "after": key });
            let stretch = Stretch::read(&message.to_string(), &names()).expect("a stretch");
            assert_eq!(serde_json::to_value(&stretch).expect("plain data"), message);
        }
    }
}
