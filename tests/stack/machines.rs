//! Copies of the deployed workflow, of both types, that start at the state under test and say by which names they caught.

use crate::numbers::unique;
use crate::shop::{Shop, until};
use serde_json::{Value, json};
use xtask::aws::Call;

/// How long one execution may take: its retries are over after some seconds.
const RUN_SECONDS: u64 = 75;

/// Express or Standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Express,
    Standard,
}

/// How an execution ended.
#[derive(Debug)]
pub struct Outcome {
    pub succeeded: bool,
    /// The failure's name.
    pub error: Option<String>,
    pub output: Value,
    /// The states that were entered, where a history is kept.
    pub entered: Option<Vec<String>>,
    /// The whole history as text, where one is kept.
    pub history: String,
}

/// A copy of the deployed machine.
pub struct Machine {
    endpoint: String,
    arn: String,
    kind: Kind,
}

async fn call(endpoint: &str, action: &str, body: Value) -> anyhow::Result<Value> {
    let target = format!("AWSStepFunctions.{action}");
    let body = body.to_string().into_bytes();
    Call { service: "states", method: "POST", path: "/", target: Some(&target), body }.send(endpoint).await
}

/// Every catcher hands on the names that it is for: the outcome then tells one from the other.
fn tell_catchers(definition: &mut Value) {
    for state in definition["States"].as_object_mut().unwrap().values_mut() {
        for catcher in state.get_mut("Catch").and_then(Value::as_array_mut).into_iter().flatten() {
            let names = catcher["ErrorEquals"].clone();
            catcher["Output"] = json!({ "caught_by": names, "error": "{% $states.errorOutput.Error %}" });
        }
    }
}

impl Machine {
    /// A copy that starts at `state`; `None` leaves the start as it is.
    pub async fn make(shop: &Shop, kind: Kind, state: Option<&str>) -> Self {
        let endpoint = shop.stack.endpoint.clone();
        let deployed = json!({ "stateMachineArn": shop.stack.outputs["PaymentStateMachineArn"] });
        let deployed = call(&endpoint, "DescribeStateMachine", deployed).await.unwrap();
        let mut definition: Value = serde_json::from_str(deployed["definition"].as_str().unwrap()).unwrap();
        if let Some(state) = state {
            assert!(definition["States"].get(state).is_some(), "no state {state}");
            definition["StartAt"] = json!(state);
        }
        tell_catchers(&mut definition);
        let kind_name = if kind == Kind::Express { "EXPRESS" } else { "STANDARD" };
        let made = json!({
            "name": format!("test-{}", unique()), "definition": definition.to_string(),
            "roleArn": deployed["roleArn"], "type": kind_name,
        });
        let made = call(&endpoint, "CreateStateMachine", made).await.unwrap();
        Self { endpoint, arn: made["stateMachineArn"].as_str().unwrap().to_owned(), kind }
    }

    /// Runs it to its end.
    pub async fn run(&self, payment_id: &str) -> Outcome {
        let input = json!({ "payment_id": payment_id, "operation_id": "pay" }).to_string();
        let start = json!({ "stateMachineArn": self.arn, "input": input });
        match self.kind {
            Kind::Express => {
                let ended = call(&self.endpoint, "StartSyncExecution", start).await.unwrap();
                outcome(&ended, None, String::new())
            }
            Kind::Standard => {
                let started = call(&self.endpoint, "StartExecution", start).await.unwrap();
                let execution = json!({ "executionArn": started["executionArn"] });
                let ended = until("the execution's end", RUN_SECONDS, || async {
                    let seen = call(&self.endpoint, "DescribeExecution", execution.clone()).await.ok()?;
                    (seen["status"] != "RUNNING").then_some(seen)
                })
                .await;
                let history = call(&self.endpoint, "GetExecutionHistory", execution).await.unwrap();
                let events = history["events"].as_array().into_iter().flatten();
                let entered = events.filter_map(|event| event["stateEnteredEventDetails"]["name"].as_str());
                outcome(&ended, Some(entered.map(str::to_owned).collect()), history.to_string())
            }
        }
    }

    pub async fn delete(self) {
        call(&self.endpoint, "DeleteStateMachine", json!({ "stateMachineArn": self.arn })).await.unwrap();
    }
}

fn outcome(ended: &Value, entered: Option<Vec<String>>, history: String) -> Outcome {
    let output = ended["output"].as_str().and_then(|text| serde_json::from_str(text).ok());
    Outcome {
        succeeded: ended["status"] == "SUCCEEDED",
        error: ended["error"].as_str().map(str::to_owned),
        output: output.unwrap_or_default(),
        entered,
        history,
    }
}
