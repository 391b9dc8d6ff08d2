//! A gateway, or a part of one, that is a function of ours: invoked, waited for, and never invoked twice by itself, for the
//! lifecycle asks what became of an order first.
//!
//! It tells apart what certainly was not done from what may have been.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Config;
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::primitives::Blob;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use payments::gateway::NoAnswer;
use payments_aws::SdkConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// A function, by its name.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    client: Client,
    name: String,
    unavailable: &'static str,
}

impl Function {
    /// By its name, and by the one error name with which it says that it did nothing.
    pub(crate) fn new(config: &SdkConfig, name: String, unavailable: &'static str) -> Self {
        let config = aws_sdk_lambda::config::Builder::from(config).retry_config(RetryConfig::disabled());
        Self { client: Client::from_conf(config.build()), name, unavailable }
    }

    /// Its answer; a later one than that counts as lost.
    #[allow(clippy::wildcard_enum_match_arm, reason = "the SDK's error is open: what we do not know is unknown")]
    pub(crate) async fn ask<A: DeserializeOwned>(
        &self,
        order: &impl Serialize,
        patience: Duration,
    ) -> Result<A, NoAnswer> {
        let payload = serde_json::to_vec(order).expect("an order is plain data");
        let timeouts = TimeoutConfig::builder().operation_timeout(patience).operation_attempt_timeout(patience).build();
        let invocation = self.client.invoke().function_name(&self.name).payload(Blob::new(payload)).customize();
        let answer = invocation.config_override(Config::builder().timeout_config(timeouts)).send().await;
        let answer = answer.map_err(|error| match &error {
            SdkError::ConstructionFailure(_) => NoAnswer::Unavailable("the order could not be written".to_owned()),
            SdkError::ServiceError(refused) if refused.err().is_too_many_requests_exception() => {
                NoAnswer::Unavailable("too many requests".to_owned())
            }
            _ => NoAnswer::Unknown("no answer to the invocation".to_owned()),
        })?;
        let body = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).map_err(|error| NoAnswer::Unknown(error.to_string()))?;
        if answer.function_error.is_some() {
            let name = body.get("errorType").and_then(Value::as_str).unwrap_or("an unnamed error").to_owned();
            return Err(if name == self.unavailable { NoAnswer::Unavailable(name) } else { NoAnswer::Unknown(name) });
        }
        serde_json::from_value(body).map_err(|error| NoAnswer::Unknown(error.to_string()))
    }
}
