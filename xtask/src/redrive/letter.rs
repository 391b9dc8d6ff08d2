//! What a dead letter says about itself: where it came from, what it was, and why it died.
//!
//! Pure. What it shows of a letter is never its contents: reasons are cut short, and long numbers blotted out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use payments::secret::blot_digits;
use serde_json::Value;

use super::place::{DeadQueue, Queue};

/// The longest reason that is shown, in characters.
const LONGEST_REASON: usize = 160;

/// How a message of a dead-letter queue is marked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The queue that gave it up: SQS marks what it moves.
    pub source_arn: Option<String>,
    /// The target that a rule of the bus did not reach.
    pub target_arn: Option<String>,
    /// Why the rule did not reach it.
    pub error_code: Option<String>,
}

impl Marks {
    /// The queue that the message goes back to, or why there is none.
    ///
    /// What SQS did not mark was put here by a rule, or by hand in a rule's place.
    pub fn way_back<'a>(&self, place: &'a DeadQueue) -> Result<&'a Queue, String> {
        let named = |queues: &'a [Queue], arn: &str| {
            let found = queues.iter().find(|queue| queue.arn == arn);
            found.ok_or_else(|| format!("it came from {arn}, which does not put letters here"))
        };
        if let Some(arn) = &self.source_arn {
            return named(&place.sources, arn);
        }
        if let Some(arn) = &self.target_arn {
            return named(&place.targets, arn);
        }
        match (place.targets.as_slice(), place.sources.as_slice()) {
            ([only], _) | ([], [only]) => Ok(only),
            _ => Err("nothing says where it came from".to_owned()),
        }
    }

    /// Why it is here.
    pub fn reason(&self) -> String {
        let name = |arn: &str| arn.rsplit(':').next().unwrap_or_default().to_owned();
        match (&self.source_arn, &self.target_arn) {
            (Some(source), _) => format!("failed too often in {}", name(source)),
            (None, Some(target)) => {
                let code = self.error_code.as_deref().unwrap_or("no error code");
                shown(&format!("the bus did not reach {}: {code}", name(target)))
            }
            (None, None) => "put here by hand".to_owned(),
        }
    }
}

/// A record of a dead-letter topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buried {
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// Its header `source`: a function of ours put it here as it was.
    pub source: Option<String>,
    /// Its header `reason`.
    pub reason: Option<String>,
}

/// The record as it was on its own topic, and why it died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// Why.
    pub reason: String,
}

impl Buried {
    /// Our functions bury a record as it is and say so; Lambda wraps it into a document. Anything else is taken for a record
    /// as it is: at the worst, its reader buries it once more, and then it is marked.
    pub fn original(self) -> Original {
        let wrapped = if self.source.is_some() { None } else { self.value.as_deref().and_then(unwrap) };
        wrapped.unwrap_or_else(|| {
            let reason = self.reason.as_deref().map_or_else(|| "without a reason".to_owned(), shown);
            Original { key: self.key, value: self.value, reason }
        })
    }
}

/// The record in what Lambda says about one that it gave up.
fn unwrap(document: &[u8]) -> Option<Original> {
    let document: Value = serde_json::from_slice(document).ok()?;
    document.get("KafkaBatchInfo")?;
    // Lambda's pages show the event itself; other destinations get it as a text.
    let payload = &document["payload"];
    let payload = payload.as_str().map_or_else(|| Some(payload.clone()), |text| serde_json::from_str(text).ok())?;
    let mut records = payload["records"].as_object()?.values().filter_map(Value::as_array).flatten();
    let (record, None) = (records.next()?, records.next()) else { return None };
    let bytes = |field: &Value| {
        if field.is_null() { Some(None) } else { BASE64.decode(field.as_str()?).ok().map(Some) }
    };
    let context = &document["requestContext"];
    let condition = context["condition"].as_str().unwrap_or("given up");
    let function = context["functionArn"].as_str().and_then(|arn| arn.split(':').nth(6)).unwrap_or("its function");
    let reason = shown(&format!("{condition} in {function}"));
    Some(Original { key: bytes(&record["key"])?, value: bytes(&record["value"])?, reason })
}

/// A reason as it may be shown: one short line without long numbers.
fn shown(reason: &str) -> String {
    let line = reason.chars().map(|sign| if sign.is_control() { ' ' } else { sign });
    blot_digits(&line.collect::<String>()).chars().take(LONGEST_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poller::event::{Condition, Failure, Partition, Record, Source};

    fn queue(name: &str) -> Queue {
        Queue { name: name.to_owned(), arn: format!("arn:aws:sqs:r:1:{name}"), url: format!("http://sqs/1/{name}") }
    }

    #[test]
    fn a_message_goes_back_to_where_it_came_from() {
        let place = |sources: &[&str], targets: &[&str]| DeadQueue {
            queue: queue("dead"),
            sources: sources.iter().map(|name| queue(name)).collect(),
            targets: targets.iter().map(|name| queue(name)).collect(),
            worked_off_by: None,
        };
        let marks = |source: Option<&str>, target: Option<&str>| Marks {
            source_arn: source.map(|name| queue(name).arn),
            target_arn: target.map(|name| queue(name).arn),
            error_code: None,
        };
        let two = place(&["notify", "deliver"], &["notify"]);
        let one = place(&["bill"], &[]);
        let rows = [
            (&two, marks(Some("deliver"), None), Ok("deliver")),
            (&two, marks(Some("deliver"), Some("notify")), Ok("deliver")),
            (&two, marks(None, Some("notify")), Ok("notify")),
            (&two, marks(None, None), Ok("notify")),
            (&one, marks(None, None), Ok("bill")),
            (&one, marks(Some("other"), None), Err("which does not put letters here")),
            (&two, marks(None, Some("deliver")), Err("which does not put letters here")),
            (&place(&["a", "b"], &[]), marks(None, None), Err("nothing says")),
            (&place(&["a"], &["b", "c"]), marks(None, None), Err("nothing says")),
            (&place(&[], &[]), marks(None, None), Err("nothing says")),
        ];
        for (place, marks, expected) in rows {
            match (marks.way_back(place), expected) {
                (Ok(queue), Ok(name)) => assert_eq!(queue.name, name, "{marks:?}"),
                (Err(reason), Err(part)) => assert!(reason.contains(part), "{reason}"),
                (way, _) => panic!("{marks:?}: {way:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn the_record_that_lambda_gave_up_comes_out_as_it_went_in() {
        let bytes = |text: &[u8]| Some(text.to_vec());
        let rows = [
            (bytes(b"pay_1"), bytes(b"{\"id\": 1}\n\xff")),
            (None, bytes(b"value")),
            (bytes(b"k"), None),
            (bytes(b""), bytes(b"")),
        ];
        for (key, value) in rows {
            let failure = Failure {
                condition: Condition::RetriesExhausted,
                function_arn: "arn:aws:lambda:r:1:function:florin-post-ledger",
                invocations: 11,
                request_id: "id",
                timestamp: "now",
            };
            let source = Source { cluster_arn: "arn:cluster".to_owned(), bootstrap_servers: "b:1".to_owned() };
            let partition = Partition { topic: "payment-events".to_owned(), number: 2 };
            let record = Record { key: key.clone(), value: value.clone(), ..Record::default() };
            let mut document = failure.for_kafka(&source, &partition, &record);
            let reason = "RetriesExhausted in florin-post-ledger".to_owned();
            let expected = Original { key, value, reason };
            for _ in 0..2 {
                let buried = Buried { value: bytes(document.to_string().as_bytes()), ..Buried::default() };
                assert_eq!(buried.original(), expected);
                document["payload"] = document["payload"].to_string().into();
            }
        }
    }

    #[test]
    fn any_other_record_is_put_back_as_it_lies_there() {
        let lambda = br#"{"KafkaBatchInfo":{},"payload":{"records":{"a-0":[{"value":"eA=="}]}}}"#.to_vec();
        let key = Some(b"k".to_vec());
        let ours = Buried { key: key.clone(), value: Some(lambda), source: Some("a-0:7".to_owned()), reason: None };
        let original = ours.clone().original();
        assert_eq!((original.key, original.value), (key, ours.value), "a function of ours buried just this");
        for value in ["no JSON", "{}", r#"{"KafkaBatchInfo":{}}"#, r#"{"KafkaBatchInfo":{},"payload":{"records":{}}}"#]
        {
            let by_hand = Buried { value: Some(value.as_bytes().to_vec()), ..Buried::default() };
            assert_eq!(by_hand.clone().original().value, by_hand.value, "{value}");
        }
    }

    #[test]
    fn a_reason_shows_no_card_number_and_stays_one_short_line() {
        let reason = format!("card: 4242424242424242\n{}", "x".repeat(1000));
        let buried = Buried { source: Some("a-0:1".to_owned()), reason: Some(reason), ..Buried::default() };
        let shown = buried.original().reason;
        assert!(shown.starts_with("card: [digits] x") && shown.len() == LONGEST_REASON, "{shown}");
        let marks =
            Marks { target_arn: Some("arn:q".to_owned()), error_code: Some("4".repeat(16)), ..Marks::default() };
        assert_eq!(marks.reason(), "the bus did not reach q: [digits]");
    }
}
