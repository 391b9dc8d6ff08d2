//! The Kafka event source mappings of a deployed stack, as its processed template describes them.
//!
//! `ListEventSourceMappings` of the emulator leaves out topics and consumer groups, hence the template.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::intrinsics::Scope;

/// Lambda's own default.
const DEFAULT_BATCH_SIZE: u64 = 100;
/// Lambda's own default for Kafka, in milliseconds.
const DEFAULT_WINDOW_MILLISECONDS: u64 = 500;
/// What Lambda applies, without saying so, if retries have no limit but failures a destination.
const RETRIES_WITH_DESTINATION: u32 = 10;

/// How records are batched and retried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Records in a batch at most.
    pub batch_size: usize,
    /// How long the first record waits for others.
    pub window: Duration,
    /// Retries after the first try; for ever if none.
    pub most_retries: Option<u32>,
    /// Older records are given up.
    pub longest_age: Option<Duration>,
    /// Whether a failed batch is split.
    pub bisects: bool,
    /// Whether the function's answer names the records that failed.
    pub reports_failures: bool,
}

/// Where records go that are given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A topic of the same cluster.
    Topic(String),
    /// A queue, by its name.
    Queue(String),
}

/// Where a group without commits begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record.
    Earliest,
    /// After the newest.
    Latest,
}

/// One mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Its logical id in the template.
    pub id: String,
    /// The function's name.
    pub function: String,
    /// The function's ARN.
    pub function_arn: String,
    /// The cluster's ARN, as events name it.
    pub cluster_arn: String,
    /// What it reads.
    pub topics: Vec<String>,
    /// Its consumer group.
    pub group: String,
    /// Where it begins.
    pub start: Start,
    /// How it batches and retries.
    pub policy: Policy,
    /// Where failures go.
    pub destination: Option<Destination>,
}

/// All enabled Kafka mappings of a processed template that were deployed.
pub fn parse(template: &Value, scope: &Scope) -> Result<Vec<Mapping>> {
    let resources = template["Resources"].as_object().context("a template without resources")?;
    let mut mappings = Vec::new();
    for (id, resource) in resources {
        let properties = &resource["Properties"];
        let is_kafka = resource["Type"] == "AWS::Lambda::EventSourceMapping" && properties.get("Topics").is_some();
        // A resource behind a false condition has no physical id.
        let Some(physical_id) = scope.physical_ids.get(id).filter(|_| is_kafka) else {
            continue;
        };
        let mapping = scope.resolve(properties).and_then(|properties| read(id, physical_id, &properties, scope));
        mappings.extend(mapping.with_context(|| format!("the mapping {id}"))?);
    }
    Ok(mappings)
}

fn read(id: &str, physical_id: &str, properties: &Value, scope: &Scope) -> Result<Option<Mapping>> {
    if properties["Enabled"] == false || properties["Enabled"] == "false" {
        return Ok(None);
    }
    let function = properties["FunctionName"].as_str().context("no FunctionName")?;
    let function = function.split_once(":function:").map_or(function, |(_, name)| name);
    let topics = properties["Topics"].as_array().context("Topics is no list")?;
    let topics = topics.iter().map(|topic| topic.as_str().map(str::to_owned)).collect::<Option<_>>();
    let group = ["AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig"]
        .into_iter()
        .find_map(|config| properties[config]["ConsumerGroupId"].as_str())
        .unwrap_or(physical_id);
    let destination =
        properties["DestinationConfig"]["OnFailure"]["Destination"].as_str().map(destination).transpose()?;
    Ok(Some(Mapping {
        id: id.to_owned(),
        function: function.to_owned(),
        function_arn: format!("arn:aws:lambda:{}:{}:function:{function}", scope.region, scope.account),
        cluster_arn: properties["EventSourceArn"].as_str().unwrap_or_default().to_owned(),
        topics: topics.context("a topic is no string")?,
        group: group.to_owned(),
        start: match properties["StartingPosition"].as_str() {
            Some("TRIM_HORIZON") => Start::Earliest,
            Some("LATEST") => Start::Latest,
            other => bail!("StartingPosition is TRIM_HORIZON or LATEST here, not {other:?}"),
        },
        policy: policy(properties, destination.is_some())?,
        destination,
    }))
}

fn policy(properties: &Value, has_destination: bool) -> Result<Policy> {
    let number = |name: &str| number(properties, name);
    let window = number("MaximumBatchingWindowInSeconds")?
        .map_or(DEFAULT_WINDOW_MILLISECONDS, |seconds| seconds.unsigned_abs().saturating_mul(1_000));
    let unlimited = has_destination.then_some(RETRIES_WITH_DESTINATION);
    let most_retries = match number("MaximumRetryAttempts")? {
        None | Some(-1) => unlimited,
        Some(most) => Some(u32::try_from(most).context("MaximumRetryAttempts")?),
    };
    let longest_age = match number("MaximumRecordAgeInSeconds")? {
        None | Some(-1) => None,
        Some(seconds) => Some(Duration::from_secs(u64::try_from(seconds).context("MaximumRecordAgeInSeconds")?)),
    };
    let batch_size = number("BatchSize")?.map_or(DEFAULT_BATCH_SIZE, i64::unsigned_abs).max(1);
    let bisects = &properties["BisectBatchOnFunctionError"];
    let reports = properties["FunctionResponseTypes"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(Policy {
        batch_size: usize::try_from(batch_size).context("BatchSize")?,
        window: Duration::from_millis(window),
        most_retries,
        longest_age,
        bisects: *bisects == true || *bisects == "true",
        reports_failures: reports.iter().any(|kind| kind == "ReportBatchItemFailures"),
    })
}

/// A parameter's value is a string even where a number is wanted.
fn number(properties: &Value, name: &str) -> Result<Option<i64>> {
    let value = &properties[name];
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    if number.is_none() && !value.is_null() {
        bail!("{name} is a number, not {value}");
    }
    Ok(number)
}

fn destination(name: &str) -> Result<Destination> {
    if let Some(topic) = name.strip_prefix("kafka://") {
        return Ok(Destination::Topic(topic.to_owned()));
    }
    match name.strip_prefix("arn:aws:sqs:").and_then(|rest| rest.rsplit(':').next()) {
        Some(queue) => Ok(Destination::Queue(queue.to_owned())),
        None => bail!("the destination {name}: kafka://<topic> and SQS queues are understood here"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn parse_one(extra: Value) -> Result<Option<Mapping>> {
        let mut properties = json!({
            "FunctionName": { "Ref": "PostLedger" }, "EventSourceArn": { "Ref": "Cluster" },
            "Topics": ["payment-events"], "StartingPosition": "TRIM_HORIZON",
        });
        properties.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let template = json!({ "Resources": {
            "Ours": { "Type": "AWS::Lambda::EventSourceMapping", "Properties": properties },
            "NotDeployed": { "Type": "AWS::Lambda::EventSourceMapping", "Properties": { "Topics": ["x"] } },
            "Stream": { "Type": "AWS::Lambda::EventSourceMapping", "Properties": { "BatchSize": 1 } },
        } });
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let scope = Scope {
            parameters: BTreeMap::from([pair("Cluster", "arn:cluster")]),
            physical_ids: BTreeMap::from([
                pair("Ours", "uuid"),
                pair("Stream", "u2"),
                pair("PostLedger", "florin-post-ledger"),
            ]),
            account: "1".to_owned(),
            region: "r".to_owned(),
            ..Scope::default()
        };
        parse(&template, &scope).map(|mut mappings| mappings.pop())
    }

    #[test]
    fn a_mapping_is_read_with_lambdas_defaults() {
        let mapping = parse_one(json!({})).unwrap().unwrap();
        assert_eq!(mapping.function_arn, "arn:aws:lambda:r:1:function:florin-post-ledger");
        assert_eq!((mapping.group.as_str(), mapping.cluster_arn.as_str()), ("uuid", "arn:cluster"));
        assert_eq!(mapping.start, Start::Earliest);
        let defaults = Policy {
            batch_size: 100,
            window: Duration::from_millis(500),
            most_retries: None,
            longest_age: None,
            bisects: false,
            reports_failures: false,
        };
        assert_eq!(mapping.policy, defaults);
        assert_eq!(parse_one(json!({ "Enabled": false })).unwrap(), None);
    }

    #[test]
    fn properties_are_honoured() {
        let to_topic = json!({ "OnFailure": { "Destination": "kafka://payment-events-dlq" } });
        let to_queue = json!({ "OnFailure": { "Destination": "arn:aws:sqs:r:1:failed" } });
        type Row = (Value, fn(Mapping) -> Value, Value);
        let rows: [Row; 9] = [
            (json!({ "MaximumRetryAttempts": 3 }), |m| json!(m.policy.most_retries), json!(3)),
            (json!({ "MaximumRetryAttempts": -1 }), |m| json!(m.policy.most_retries), json!(null)),
            (json!({ "DestinationConfig": to_topic }), |m| json!(m.policy.most_retries), json!(10)),
            (
                json!({ "DestinationConfig": to_topic }),
                |m| json!(format!("{:?}", m.destination)),
                json!("Some(Topic(\"payment-events-dlq\"))"),
            ),
            (
                json!({ "DestinationConfig": to_queue }),
                |m| json!(format!("{:?}", m.destination)),
                json!("Some(Queue(\"failed\"))"),
            ),
            (json!({ "BatchSize": "25" }), |m| json!(m.policy.batch_size), json!(25)),
            (json!({ "MaximumBatchingWindowInSeconds": 0 }), |m| json!(m.policy.window.as_secs()), json!(0)),
            (
                json!({ "FunctionResponseTypes": ["ReportBatchItemFailures"] }),
                |m| json!(m.policy.reports_failures),
                json!(true),
            ),
            (
                json!({ "AmazonManagedKafkaEventSourceConfig": { "ConsumerGroupId": "g" } }),
                |m| json!(m.group),
                json!("g"),
            ),
        ];
        for (extra, read, expected) in rows {
            assert_eq!(read(parse_one(extra.clone()).unwrap().unwrap()), expected, "{extra}");
        }
        let refused = parse_one(json!({ "StartingPosition": "AT_TIMESTAMP" })).unwrap_err();
        assert!(format!("{refused:#}").contains("the mapping Ours: StartingPosition"));
    }
}
