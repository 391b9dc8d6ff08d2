//! What a function's answer says about the records it was given. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

/// What became of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function ended well, with this answer.
    Answered(Vec<u8>),
    /// The function failed, was killed, or ran out of time.
    Failed(String),
    /// The function was never asked: throttled, unknown, or the endpoint is away.
    Undelivered(String),
}

/// What became of one partition's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All are done.
    Done,
    /// All before this offset are done; from there on they must come again.
    FailedFrom(i64),
    /// Nobody has seen them.
    Undelivered,
}

/// One partition's records in a batch: its key, first and last offset.
pub type Range = (String, i64, i64);

/// The verdict for each partition of a batch, in its order, and a word on what was wrong.
pub fn judge(outcome: &Outcome, ranges: &[Range], reports_failures: bool) -> (Vec<Verdict>, Option<String>) {
    let all = |verdict: fn(i64) -> Verdict| ranges.iter().map(|(_, first, _)| verdict(*first)).collect();
    match outcome {
        Outcome::Failed(error) => (all(Verdict::FailedFrom), Some(error.clone())),
        Outcome::Undelivered(error) => (all(|_| Verdict::Undelivered), Some(error.clone())),
        Outcome::Answered(_) if !reports_failures => (all(|_| Verdict::Done), None),
        Outcome::Answered(answer) => match failed_offsets(answer, ranges) {
            Err(error) => (all(Verdict::FailedFrom), Some(error)),
            Ok(failed) => {
                let verdict =
                    |(key, _, _): &Range| failed.get(key).map_or(Verdict::Done, |at| Verdict::FailedFrom(*at));
                let word = (!failed.is_empty()).then(|| format!("reported {} partitions as failed", failed.len()));
                (ranges.iter().map(verdict).collect(), word)
            }
        },
    }
}

/// The first failed offset of each partition. Anything Lambda would not understand fails the whole batch.
fn failed_offsets(answer: &[u8], ranges: &[Range]) -> Result<BTreeMap<String, i64>, String> {
    if answer.is_empty() {
        return Ok(BTreeMap::new());
    }
    let answer: Value = serde_json::from_slice(answer).map_err(|error| format!("the answer is not JSON: {error}"))?;
    let items = match answer {
        Value::Null => return Ok(BTreeMap::new()),
        Value::Object(mut answer) => match answer.remove("batchItemFailures") {
            None | Some(Value::Null) => return Ok(BTreeMap::new()),
            Some(Value::Array(items)) => items,
            Some(other) => return Err(format!("batchItemFailures is no list but {other}")),
        },
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err("the answer is no object".to_owned());
        }
    };
    let mut failed: BTreeMap<String, i64> = BTreeMap::new();
    for item in items {
        let identifier = &item["itemIdentifier"];
        let (Some(key), Some(offset)) = (identifier["partition"].as_str(), identifier["offset"].as_i64()) else {
            return Err(format!("an item without partition and offset: {item}"));
        };
        let known = ranges.iter().any(|(known, first, last)| known == key && (*first..=*last).contains(&offset));
        if !known {
            return Err(format!("{key} at {offset} was not in the batch"));
        }
        let first = failed.entry(key.to_owned()).or_insert(offset);
        *first = offset.min(*first);
    }
    Ok(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str, reports: bool, expected: [Verdict; 2]) {
        let ranges = [("t-0".to_owned(), 10, 19), ("t-1".to_owned(), 5, 5)];
        let outcome = Outcome::Answered(answer.as_bytes().to_vec());
        assert_eq!(judge(&outcome, &ranges, reports).0, expected, "{answer}");
    }

    #[test]
    fn an_answer_is_read_as_lambda_reads_it() {
        use Verdict::{Done, FailedFrom};
        let whole = [FailedFrom(10), FailedFrom(5)];
        let item = |partition: &str, offset: i64| {
            format!(r#"{{"itemIdentifier":{{"partition":"{partition}","offset":{offset}}}}}"#)
        };
        let list = |items: &[String]| format!(r#"{{"batchItemFailures":[{}]}}"#, items.join(","));
        for nothing in ["", "null", "{}", r#"{"batchItemFailures":null}"#, r#"{"batchItemFailures":[]}"#] {
            check(nothing, true, [Done, Done]);
        }
        check(&list(&[item("t-0", 15)]), true, [FailedFrom(15), Done]);
        check(&list(&[item("t-0", 17), item("t-0", 12)]), true, [FailedFrom(12), Done]);
        check(&list(&[item("t-0", 10), item("t-1", 5)]), true, [FailedFrom(10), FailedFrom(5)]);
        check(&list(&[item("t-0", 20)]), true, whole.clone());
        check(&list(&[item("t-2", 1)]), true, whole.clone());
        check(r#"{"batchItemFailures":[{"itemIdentifier":"t-0-15"}]}"#, true, whole.clone());
        check(r#"{"batchItemFailures":"all"}"#, true, whole.clone());
        check("not JSON", true, whole);
        check(&list(&[item("t-0", 15)]), false, [Done, Done]);
        check("not JSON", false, [Done, Done]);
    }
}
