//! The payment workflow on Step Functions, EXPRESS or STANDARD.

use crate::config::{StartError, sdk_config, variable};
use crate::table::unavailable;
use aws_sdk_sfn::Client;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::timeout::TimeoutConfig;
use payments::failure::Unavailable;
use payments::id::{OperationId, PaymentId};
use payments::ports::Workflow;
use payments::step::StepRequest;
use std::time::Duration;

/// The deployed state machine.
#[derive(Clone, Debug)]
pub struct PaymentWorkflow {
    client: Client,
    machine: String,
    express: bool,
}

impl PaymentWorkflow {
    /// From `PAYMENT_STATE_MACHINE` and `WORKFLOW_TYPE`.
    pub async fn from_env() -> Result<Self, StartError> {
        let express = match variable("WORKFLOW_TYPE")?.as_str() {
            "EXPRESS" => true,
            "STANDARD" => false,
            _ => {
                return Err(StartError::VariableWrong {
                    name: "WORKFLOW_TYPE",
                    expected: "expected EXPRESS or STANDARD",
                });
            }
        };
        let config = aws_sdk_sfn::config::Builder::from(&sdk_config()?);
        let config = if variable("AWS_ENDPOINT_URL").is_ok() { config.interceptor(WithoutHostPrefix) } else { config };
        Ok(Self { client: Client::from_conf(config.build()), machine: variable("PAYMENT_STATE_MACHINE")?, express })
    }
}

impl Workflow for PaymentWorkflow {
    async fn run(
        &self,
        payment_id: &PaymentId,
        operation: &OperationId,
        patience: Duration,
    ) -> Result<(), Unavailable> {
        if !self.express {
            return self.start(payment_id, operation).await;
        }
        let run =
            self.client.start_sync_execution().state_machine_arn(&self.machine).input(input(payment_id, operation));
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(patience).operation_timeout(patience).build();
        let run = run.customize().config_override(aws_sdk_sfn::config::Config::builder().timeout_config(timeouts));
        run.send().await.map(|_| ()).map_err(|error| unavailable("the payment workflow", error))
    }

    async fn start(&self, payment_id: &PaymentId, operation: &OperationId) -> Result<(), Unavailable> {
        let run = self.client.start_execution().state_machine_arn(&self.machine).input(input(payment_id, operation));
        run.send().await.map(|_| ()).map_err(|error| unavailable("the payment workflow", error))
    }
}

fn input(payment_id: &PaymentId, operation_id: &OperationId) -> String {
    let request = StepRequest { payment_id: payment_id.clone(), operation_id: operation_id.clone() };
    serde_json::to_string(&request).expect("two strings are always JSON")
}

/// Takes `sync-` off the host again: the SDK puts it before any endpoint, and a local one has no such name.
#[derive(Debug)]
struct WithoutHostPrefix;

#[dyn_dispatch_hint]
impl Intercept for WithoutHostPrefix {
    fn name(&self) -> &'static str {
        "WithoutHostPrefix"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let uri = request.uri().replacen("://sync-", "://", 1);
        Ok(request.set_uri(uri)?)
    }
}
