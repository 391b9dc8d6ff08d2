//! A gateway's key in Secrets Manager. It is read when it is needed, remembered for minutes, so that a rotation is noticed, and
//! is in no variable, log or error.

use crate::config::{SdkConfig, StartError, sdk_config, variable};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use payments::failure::Unavailable;
use payments::ports::GatewaySecret;
use payments::secret::Secret;
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// The name of the secret in errors.
const WHAT: &str = "the gateway's key";
/// How long a key is remembered. One that the gateway refuses is forgotten at once.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);

/// One secret, by its ARN.
#[derive(Debug)]
pub struct SecretInManager {
    client: Client,
    arn: String,
    known: RefCell<Option<(Instant, Secret)>>,
}

impl SecretInManager {
    /// The variable of that name holds the secret's ARN, never the secret.
    pub fn from_env(name: &'static str) -> Result<Self, StartError> {
        Ok(Self::new(&sdk_config()?, variable(name)?))
    }

    /// The variable of that name holds the ARNs of several, separated by commas; of none, if it is empty or not there.
    pub fn all_from_env(name: &'static str) -> Result<Vec<Self>, StartError> {
        let (config, arns) = (sdk_config()?, std::env::var(name).unwrap_or_default());
        Ok(arns.split(',').filter(|arn| !arn.is_empty()).map(|arn| Self::new(&config, arn.to_owned())).collect())
    }

    fn new(config: &SdkConfig, arn: String) -> Self {
        Self { client: Client::new(config), arn, known: RefCell::default() }
    }
}

impl GatewaySecret for SecretInManager {
    async fn secret(&self) -> Result<Secret, Unavailable> {
        let known = self.known.borrow().clone();
        if let Some((_, secret)) = known.filter(|(read_at, _)| read_at.elapsed() < REMEMBERED) {
            return Ok(secret);
        }
        let answer = self.client.get_secret_value().secret_id(&self.arn).send().await;
        // Its code only: the SDK's own words may hold the answer's bytes.
        let answer = answer.map_err(|error| Unavailable::new(WHAT, error.code().unwrap_or("no answer").to_owned()))?;
        let text = answer.secret_string.ok_or_else(|| Unavailable::new(WHAT, "the secret is no text"))?;
        let secret = Secret::new(text);
        *self.known.borrow_mut() = Some((Instant::now(), secret.clone()));
        Ok(secret)
    }

    fn forget(&self) {
        self.known.borrow_mut().take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use aws_smithy_http_client::Builder;
    use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
    use aws_smithy_types::retry::RetryConfig;
    use aws_types::region::Region;
    use std::error::Error;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Secrets Manager on the loopback, which gives these answers in turn, each on a connection of its own.
    async fn manager(answers: &[(&'static str, &str)]) -> SecretInManager {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let answers: Vec<String> = answers
            .iter()
            .map(|(status, body)| {
                let length = body.len();
                format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
            })
            .collect();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                // The request is short, and what it says does not matter here.
                let _ = stream.read(&mut [0; 8192]).await;
                stream.write_all(answer.as_bytes()).await.expect("someone who reads");
            }
        });
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "a test")))
            .http_client(Builder::new().build_http())
            .retry_config(RetryConfig::disabled())
            .endpoint_url(endpoint)
            .build();
        SecretInManager::new(&config, "arn:aws:secretsmanager:us-east-1:1:secret:stripe".to_owned())
    }

    #[tokio::test]
    async fn a_key_is_remembered_until_the_gateway_refuses_it() {
        let kept = |key: &str| format!("{{\"SecretString\":\"{key}\"}}");
        let manager = manager(&[("200 OK", &kept("rk_test_old")), ("200 OK", &kept("rk_test_new"))]).await;
        for _ in 0..2 {
            assert_eq!(manager.secret().await.expect("a key").expose(), "rk_test_old");
        }
        manager.forget();
        for _ in 0..2 {
            assert_eq!(manager.secret().await.expect("a key").expose(), "rk_test_new");
        }
        assert!(!format!("{manager:?}").contains("rk_test"));
    }

    #[tokio::test]
    async fn an_error_says_its_code_and_nothing_that_was_answered() {
        let refused = r#"{"__type":"ResourceNotFoundException","Message":"rk_test_secret"}"#;
        let broken = r#"{"SecretString":"rk_test_secret","CreatedDate":"#;
        let manager = manager(&[("400 Bad Request", refused), ("200 OK", broken), ("200 OK", "{}")]).await;
        for expected in ["ResourceNotFoundException", "no answer", "the secret is no text"] {
            let error = manager.secret().await.expect_err("refused");
            let said = error.source().map(ToString::to_string).unwrap_or_default();
            assert_eq!((error.to_string().as_str(), said.as_str()), ("the gateway's key is unavailable", expected));
        }
    }
}
