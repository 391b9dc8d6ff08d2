//! The intrinsic functions that a deployed template may use in an event source mapping, and its conditions.
//!
//! It knows CloudFormation's rules, and refuses to know what a mapping is. What it cannot resolve is an error.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// What a deployed stack's references stand for.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Parameters and their values.
    pub parameters: BTreeMap<String, String>,
    /// Physical ids of the resources that were made, by logical id.
    pub physical_ids: BTreeMap<String, String>,
    /// The types of these resources.
    pub types: BTreeMap<String, String>,
    /// The template's conditions.
    pub conditions: Value,
    /// The stack's name.
    pub stack_name: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
}

/// The pseudo parameter that takes its property away.
const NO_VALUE: &str = "AWS::NoValue";
/// A condition may name another; deeper than this it names itself.
const DEEPEST: usize = 32;

impl Scope {
    /// The value with every intrinsic replaced.
    pub fn resolve(&self, value: &Value) -> Result<Value> {
        match value {
            Value::Array(items) => items.iter().map(|item| self.resolve(item)).collect(),
            Value::Object(fields) => match fields.iter().next().filter(|_| fields.len() == 1) {
                Some((name, argument)) if name == "Ref" && argument == NO_VALUE => Ok(Value::Null),
                Some((name, argument)) if name == "Ref" => self.reference(text(argument)?).map(Value::String),
                Some((name, argument)) if name.starts_with("Fn::") => self.function(name, argument),
                Some(_) | None => {
                    let resolved = fields
                        .iter()
                        .map(|(name, field)| Ok((name.clone(), self.resolve(field)?)))
                        // A property whose value is `AWS::NoValue` is left out.
                        .filter(|resolved| !matches!(resolved, Ok((_, Value::Null))));
                    resolved.collect::<Result<_>>().map(Value::Object)
                }
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(value.clone()),
        }
    }

    fn function(&self, name: &str, argument: &Value) -> Result<Value> {
        match name {
            "Fn::GetAtt" => self.attribute(argument).map(Value::String),
            "Fn::Sub" => self.substitute(argument).map(Value::String),
            "Fn::Join" => {
                let parts = self.resolve(&argument[1])?;
                let parts: Vec<&str> = items(&parts)?.iter().map(text).collect::<Result<_>>()?;
                Ok(Value::String(parts.join(text(&argument[0])?)))
            }
            "Fn::If" => {
                let holds = self.condition(text(&argument[0])?, 0)?;
                self.resolve(&argument[if holds { 1 } else { 2 }])
            }
            _ => bail!("{name} is not understood here"),
        }
    }

    fn reference(&self, name: &str) -> Result<String> {
        let pseudo = match name {
            "AWS::AccountId" => Some(&self.account),
            "AWS::Region" => Some(&self.region),
            "AWS::StackName" => Some(&self.stack_name),
            _ => None,
        };
        if name == "AWS::Partition" {
            return Ok("aws".to_owned());
        }
        let found = pseudo.or_else(|| self.parameters.get(name)).or_else(|| self.physical_ids.get(name));
        found.cloned().with_context(|| format!("nothing is named {name}"))
    }

    fn attribute(&self, argument: &Value) -> Result<String> {
        let (resource, attribute) = match argument.as_str() {
            Some(dotted) => dotted.split_once('.').context("Fn::GetAtt without an attribute")?,
            None => (text(&argument[0])?, text(&argument[1])?),
        };
        let physical = self.physical_ids.get(resource).with_context(|| format!("no resource {resource}"))?;
        let arn = |service: &str, rest: &str| format!("arn:aws:{service}:{}:{}:{rest}", self.region, self.account);
        let last = physical.rsplit('/').next().unwrap_or(physical);
        match (self.types.get(resource).map(String::as_str), attribute) {
            (_, "Arn") if physical.starts_with("arn:") => Ok(physical.clone()),
            (Some("AWS::SQS::Queue"), "Arn") => Ok(arn("sqs", last)),
            (Some("AWS::Lambda::Function"), "Arn") => Ok(arn("lambda", &format!("function:{physical}"))),
            _ => bail!("{resource}.{attribute} is not understood here"),
        }
    }

    fn substitute(&self, argument: &Value) -> Result<String> {
        let (template, variables) = match argument.as_str() {
            Some(template) => (template, Value::Null),
            None => (text(&argument[0])?, self.resolve(&argument[1])?),
        };
        let mut pieces = template.split("${");
        let mut result = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once('}').context("Fn::Sub with an open ${")?;
            match (name.strip_prefix('!'), variables.get(name)) {
                (Some(literal), _) => result.push_str(&format!("${{{literal}}}")),
                (None, Some(variable)) => result.push_str(text(variable)?),
                (None, None) if name.contains('.') => result.push_str(&self.attribute(&name.into())?),
                (None, None) => result.push_str(&self.reference(name)?),
            }
            result.push_str(rest);
        }
        Ok(result)
    }

    /// Whether a named condition holds.
    pub fn condition(&self, name: &str, depth: usize) -> Result<bool> {
        let Some(condition) = self.conditions.get(name).filter(|_| depth < DEEPEST) else {
            bail!("no condition {name}, or it names itself");
        };
        self.holds(condition, depth + 1)
    }

    fn holds(&self, condition: &Value, depth: usize) -> Result<bool> {
        let (name, argument) =
            condition.as_object().and_then(|fields| fields.iter().next()).context("an empty condition")?;
        let mut each = items(argument).unwrap_or_default().iter().map(|part| self.holds(part, depth));
        match name.as_str() {
            "Condition" => self.condition(text(argument)?, depth),
            "Fn::Equals" => Ok(self.resolve(&argument[0])? == self.resolve(&argument[1])?),
            "Fn::Not" => Ok(!self.holds(&argument[0], depth)?),
            "Fn::And" => each.try_fold(true, |all, part| Ok(all && part?)),
            "Fn::Or" => each.try_fold(false, |any, part| Ok(any || part?)),
            _ => bail!("{name} is not understood in a condition"),
        }
    }
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("a string is expected, not {value}"))
}

fn items(value: &Value) -> Result<&[Value]> {
    value.as_array().map(Vec::as_slice).with_context(|| format!("a list is expected, not {value}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scope() -> Scope {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Scope {
            parameters: BTreeMap::from([pair("Environment", "local"), pair("Topic", "payment-events")]),
            physical_ids: BTreeMap::from([
                pair("Queue", "http://localhost:4566/000000000000/failed"),
                pair("F", "florin-f"),
            ]),
            types: BTreeMap::from([pair("Queue", "AWS::SQS::Queue"), pair("F", "AWS::Lambda::Function")]),
            conditions: json!({
                "Local": { "Fn::Equals": [{ "Ref": "Environment" }, "local"] },
                "Aws": { "Fn::Not": [{ "Condition": "Local" }] },
                "Either": { "Fn::Or": [{ "Condition": "Local" }, { "Condition": "Aws" }] },
                "Both": { "Fn::And": [{ "Condition": "Local" }, { "Condition": "Aws" }] },
                "Self": { "Condition": "Self" },
            }),
            stack_name: "florin".to_owned(),
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
        }
    }

    #[test]
    fn intrinsics_resolve_or_say_what_they_lack() {
        let rows = [
            (json!({ "Ref": "Topic" }), Ok(json!("payment-events"))),
            (json!({ "Fn::Sub": "${AWS::StackName}-${Topic}-${!x}" }), Ok(json!("florin-payment-events-${x}"))),
            (json!({ "Fn::Sub": ["kafka://${T}", { "T": { "Ref": "Topic" } }] }), Ok(json!("kafka://payment-events"))),
            (json!({ "Fn::GetAtt": ["Queue", "Arn"] }), Ok(json!("arn:aws:sqs:us-east-1:000000000000:failed"))),
            (json!({ "Fn::Sub": "${F.Arn}" }), Ok(json!("arn:aws:lambda:us-east-1:000000000000:function:florin-f"))),
            (json!({ "Fn::Join": ["-", ["a", { "Ref": "Topic" }]] }), Ok(json!("a-payment-events"))),
            (json!({ "Fn::If": ["Local", ["yes"], "no"] }), Ok(json!(["yes"]))),
            (json!({ "Fn::If": ["Both", 1, 2] }), Ok(json!(2))),
            (json!({ "Fn::If": ["Either", 1, 2] }), Ok(json!(1))),
            (json!({ "a": { "Fn::If": ["Local", { "Ref": "AWS::NoValue" }, 1] }, "b": 2 }), Ok(json!({ "b": 2 }))),
            (json!({ "Ref": "Nothing" }), Err("nothing is named Nothing")),
            (json!({ "Fn::If": ["Self", 1, 2] }), Err("names itself")),
            (json!({ "Fn::Cidr": [] }), Err("Fn::Cidr is not understood")),
        ];
        for (value, expected) in rows {
            match expected {
                Ok(expected) => assert_eq!(scope().resolve(&value).unwrap(), expected, "{value}"),
                Err(part) => assert!(scope().resolve(&value).unwrap_err().to_string().contains(part), "{value}"),
            }
        }
    }
}
