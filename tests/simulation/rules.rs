//! What `template.yaml` says of how things are wired, read as it is.

use crate::service::Function;
use anyhow::{Context, Result};
use serde_yaml_ng::Value;
use std::collections::BTreeMap;

/// The functions that Lambda runs here: each is a resource of its name.
const FUNCTIONS: [Function; 14] = [
    Function::Api,
    Function::Validate,
    Function::Authorize,
    Function::FraudCheck,
    Function::Execute,
    Function::Settle,
    Function::Void,
    Function::Refund,
    Function::Sweep,
    Function::Publish,
    Function::PostLedger,
    Function::Bill,
    Function::Ingest,
    Function::Republish,
];

/// The rules that the simulation goes by.
#[derive(Debug)]
pub struct Rules {
    /// The types of events that `bill` is told of.
    pub billed: Vec<String>,
    timeouts: BTreeMap<Function, i64>,
}

impl Rules {
    /// From the template's text.
    pub fn read(text: &str) -> Result<Self> {
        let template: Value = serde_yaml_ng::from_str(text).context("the template is not YAML")?;
        let pattern = &template["Resources"]["BillRule"]["Properties"]["EventPattern"]["detail-type"];
        let kinds = pattern.as_sequence().context("BillRule: expected detail-type, a list")?;
        let billed = kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let usual = &template["Globals"]["Function"]["Timeout"];
        let timeout = |function: Function| {
            let name = format!("{function:?}Function");
            let own = &template["Resources"][name.as_str()];
            own.as_mapping().with_context(|| format!("there is no {name}"))?;
            let seconds = own["Properties"]["Timeout"].as_i64().or_else(|| usual.as_i64());
            Ok((function, seconds.with_context(|| format!("{name}: expected a Timeout"))?))
        };
        Ok(Self { billed, timeouts: FUNCTIONS.into_iter().map(timeout).collect::<Result<_>>()? })
    }

    /// How long Lambda lets the function run, in seconds.
    pub fn timeout_seconds(&self, function: Function) -> i64 {
        self.timeouts[&function]
    }
}
