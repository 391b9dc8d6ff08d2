//! What `template.yaml` says of how things are wired, read as it is.

use anyhow::{Context, Result};
use serde_yaml_ng::Value;

/// The rules that the simulation goes by.
#[derive(Debug)]
pub struct Rules {
    /// The types of events that `bill` is told of.
    pub billed: Vec<String>,
}

impl Rules {
    /// From the template's text.
    pub fn read(text: &str) -> Result<Self> {
        let template: Value = serde_yaml_ng::from_str(text).context("the template is not YAML")?;
        let pattern = &template["Resources"]["BillRule"]["Properties"]["EventPattern"]["detail-type"];
        let kinds = pattern.as_sequence().context("BillRule: expected detail-type, a list")?;
        let billed = kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(Self { billed })
    }
}
