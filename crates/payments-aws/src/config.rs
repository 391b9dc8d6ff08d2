//! What every AWS client here is made of: the Lambda environment's region and credentials, one HTTP client, bounded
//! retries and time-outs.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
pub use aws_types::SdkConfig;
use aws_types::region::Region;
use std::time::Duration;

/// The SDK's own tries of one call; the workflow, the stream and the client try again above it.
const MAX_ATTEMPTS: u32 = 3;
/// One try of one call.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// The function cannot start: its environment is not what the template promises.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A variable is missing.
    #[error("the environment variable {0} is missing")]
    VariableMissing(&'static str),
    /// A variable does not hold what it should.
    #[error("the environment variable {name} is wrong: {expected}")]
    VariableWrong {
        /// Which.
        name: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// A connection could not be opened.
    #[error("cannot connect to {what}")]
    Connection {
        /// To what.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A variable of the environment.
pub fn variable(name: &'static str) -> Result<String, StartError> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or(StartError::VariableMissing(name))
}

/// The configuration of every client, from the Lambda environment. `AWS_ENDPOINT_URL` points it at a local stack.
pub fn sdk_config() -> Result<SdkConfig, StartError> {
    let credentials = Credentials::new(
        variable("AWS_ACCESS_KEY_ID")?,
        variable("AWS_SECRET_ACCESS_KEY")?,
        variable("AWS_SESSION_TOKEN").ok(),
        None,
        "lambda environment",
    );
    let http = Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(variable("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build());
    if let Ok(endpoint) = variable("AWS_ENDPOINT_URL") {
        config = config.endpoint_url(endpoint);
    }
    Ok(config.build())
}
