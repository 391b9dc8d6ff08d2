//! A state machine as its definition says: read once, refused if it says anything that is not known here.

use crate::expression::Expression;
use crate::service::Function;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The definition.
#[derive(Debug)]
pub struct Machine {
    pub start_at: String,
    pub timeout_seconds: i64,
    pub states: BTreeMap<String, State>,
}

#[derive(Debug)]
pub enum State {
    Task(Box<Task>),
    Choice { rules: Vec<(Expression, String)>, default: Option<String> },
    Succeed,
    Fail,
}

#[derive(Debug)]
pub struct Task {
    pub function: Function,
    pub payload: Vec<(String, Expression)>,
    pub output: Expression,
    pub timeout_seconds: i64,
    pub retry: Vec<Retry>,
    pub catch: Vec<Catch>,
    /// None: the execution ends with it.
    pub next: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Retry {
    pub error_equals: Vec<String>,
    #[serde(default = "one")]
    pub interval_seconds: i64,
    #[serde(default = "two")]
    pub backoff_rate: i64,
    #[serde(default = "three")]
    pub max_attempts: u32,
    #[serde(default)]
    pub max_delay_seconds: Option<i64>,
    #[serde(default)]
    pub jitter_strategy: Option<String>,
}

fn one() -> i64 {
    1
}

fn two() -> i64 {
    2
}

fn three() -> u32 {
    3
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Catch {
    pub error_equals: Vec<String>,
    pub next: String,
}

/// Whether an error of that name is among those.
pub fn names(list: &[String], error: &str) -> bool {
    list.iter().any(|name| match name.as_str() {
        "States.ALL" => true,
        "States.TaskFailed" => error != "States.Timeout",
        name => name == error,
    })
}

impl Machine {
    /// From the definition's text.
    pub fn read(text: &str) -> Result<Self> {
        let definition: Value = serde_yaml_ng::from_str(text).context("the definition is not YAML")?;
        if definition["QueryLanguage"] != "JSONata" {
            bail!("QueryLanguage: expected JSONata");
        }
        let states = definition["States"].as_object().context("States: expected a map")?;
        let read = |(name, state): (&String, &Value)| {
            Ok((name.clone(), State::read(state).with_context(|| format!("state {name}"))?))
        };
        let machine = Self {
            start_at: text_of(&definition, "StartAt")?,
            timeout_seconds: definition["TimeoutSeconds"].as_i64().unwrap_or(i64::MAX / 2000),
            states: states.iter().map(read).collect::<Result<_>>()?,
        };
        machine.check()?;
        Ok(machine)
    }

    /// Every state that is named is there.
    fn check(&self) -> Result<()> {
        let mut named = vec![&self.start_at];
        for state in self.states.values() {
            match state {
                State::Task(task) => {
                    named.extend(&task.next);
                    named.extend(task.catch.iter().map(|catch| &catch.next));
                }
                State::Choice { rules, default } => {
                    named.extend(rules.iter().map(|(_, next)| next));
                    named.extend(default);
                }
                State::Succeed | State::Fail => {}
            }
        }
        match named.into_iter().find(|name| !self.states.contains_key(*name)) {
            Some(missing) => bail!("there is no state {missing}"),
            None => Ok(()),
        }
    }
}

fn text_of(value: &Value, field: &str) -> Result<String> {
    Ok(value[field].as_str().with_context(|| format!("{field}: expected a text"))?.to_owned())
}

impl State {
    fn read(state: &Value) -> Result<Self> {
        match state["Type"].as_str() {
            Some("Task") => Ok(Self::Task(Box::new(Task::read(state)?))),
            Some("Choice") => {
                let rules = state["Choices"].as_array().context("Choices: expected a list")?;
                let rule = |rule: &Value| Ok((Expression::read(&rule["Condition"])?, text_of(rule, "Next")?));
                let default = state["Default"].as_str().map(str::to_owned);
                Ok(Self::Choice { rules: rules.iter().map(rule).collect::<Result<_>>()?, default })
            }
            Some("Succeed") => Ok(Self::Succeed),
            Some("Fail") => Ok(Self::Fail),
            other => bail!("Type: {other:?} is not known here"),
        }
    }
}

impl Task {
    fn read(state: &Value) -> Result<Self> {
        const KNOWN: [&str; 10] =
            ["Comment", "Type", "Resource", "Arguments", "Output", "TimeoutSeconds", "Retry", "Catch", "Next", "End"];
        let fields = state.as_object().context("expected a map")?;
        if let Some(unknown) = fields.keys().find(|field| !KNOWN.contains(&field.as_str())) {
            bail!("{unknown} is not known here");
        }
        if state["Resource"] != "arn:aws:states:::lambda:invoke" {
            bail!("Resource: expected lambda:invoke");
        }
        let arguments = &state["Arguments"];
        let function = arguments["FunctionName"].as_str().and_then(Function::of_arn);
        let payload = arguments["Payload"].as_object().context("Payload: expected a map")?;
        let list = |field: &str| state.get(field).cloned().unwrap_or_else(|| Value::Array(Vec::new()));
        let expression = |(name, value): (&String, &Value)| Ok((name.clone(), Expression::read(value)?));
        Ok(Self {
            function: function.context("FunctionName: expected a step's")?,
            payload: payload.iter().map(expression).collect::<Result<_>>()?,
            output: Expression::read(&state["Output"])?,
            timeout_seconds: state["TimeoutSeconds"].as_i64().unwrap_or(i64::MAX / 2000),
            retry: serde_json::from_value(list("Retry"))?,
            catch: serde_json::from_value(list("Catch"))?,
            next: state["Next"].as_str().map(str::to_owned),
        })
    }
}
