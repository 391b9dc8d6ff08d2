//! Metrics, written as log lines in CloudWatch's embedded metric format: no call, no permission, no wait. CloudWatch reads them
//! from the function's log group, by namespace `Florin` and the function's name.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use serde_json::{Map, Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where all metrics are.
const NAMESPACE: &str = "Florin";
/// By what they are told apart.
const DIMENSION: &str = "FunctionName";

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Time.
    Seconds,
}

impl Unit {
    /// CloudWatch's word for it.
    fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
        }
    }
}

/// Writes the numbers under their names; an empty list writes nothing.
pub fn emit(metrics: &[(&str, Unit, i64)]) {
    if metrics.is_empty() {
        return;
    }
    let function = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // The runtime takes what is written to standard output for log lines; tracing's own layout is not CloudWatch's.
    #[allow(clippy::print_stdout, reason = "it is a log line")]
    {
        println!("{}", line(metrics, &function, now.as_millis()));
    }
}

/// The line.
pub fn line(metrics: &[(&str, Unit, i64)], function: &str, millis: u128) -> Value {
    let units: Vec<Value> =
        metrics.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit.name() })).collect();
    let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": units });
    let mut line = Map::new();
    line.insert("_aws".to_owned(), json!({ "Timestamp": millis, "CloudWatchMetrics": [directive] }));
    line.insert(DIMENSION.to_owned(), json!(function));
    line.extend(metrics.iter().map(|(name, _, value)| ((*name).to_owned(), json!(value))));
    Value::Object(line)
}
