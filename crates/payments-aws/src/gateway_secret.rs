//! A gateway's keys in Secrets Manager, one secret per mode. A key is read when it is needed, remembered for minutes, so that a rotation is noticed, and
//! is in no variable, log or error.

use crate::config::{SdkConfig, StartError, sdk_config, variable};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use payments::failure::Unavailable;
use payments::id::Mode;
use payments::ports::GatewaySecret;
use payments::secret::Secret;
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// The name of the secret in errors.
const WHAT: &str = "the gateway's key";
/// How long a key is remembered. One that the gateway refuses is forgotten at once.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);

/// The keys of both modes, or of one.
#[derive(Debug)]
pub struct SecretPerMode {
    test: Option<SecretInManager>,
    live: Option<SecretInManager>,
}

impl SecretPerMode {
    /// The variables of these names hold the secrets' ARNs, never the secrets; `None` if both are empty.
    pub fn from_env(test: &'static str, live: &'static str) -> Result<Option<Self>, StartError> {
        let arns = [test, live].map(|name| variable(name).ok());
        Ok(if arns == [None, None] { None } else { Some(Self::new(&sdk_config()?, arns)) })
    }

    /// By the secrets' ARNs: the test mode's and the live mode's.
    pub fn new(config: &SdkConfig, arns: [Option<String>; 2]) -> Self {
        let [test, live] = arns.map(|arn| arn.map(|arn| SecretInManager::new(config, arn)));
        Self { test, live }
    }

    fn of(&self, mode: Mode) -> Option<&SecretInManager> {
        match mode {
            Mode::Test => self.test.as_ref(),
            Mode::Live => self.live.as_ref(),
        }
    }
}

impl GatewaySecret for SecretPerMode {
    fn is_there(&self, mode: Mode) -> bool {
        self.of(mode).is_some()
    }

    async fn secret(&self, mode: Mode) -> Result<Secret, Unavailable> {
        let manager = self.of(mode).ok_or_else(|| Unavailable::new(WHAT, format!("there is none for {mode} mode")))?;
        manager.secret().await
    }

    fn forget(&self, mode: Mode) {
        if let Some(manager) = self.of(mode) {
            manager.known.borrow_mut().take();
        }
    }
}

/// One secret, by its ARN.
#[derive(Debug)]
struct SecretInManager {
    client: Client,
    arn: String,
    known: RefCell<Option<(Instant, Secret)>>,
}

impl SecretInManager {
    fn new(config: &SdkConfig, arn: String) -> Self {
        Self { client: Client::new(config), arn, known: RefCell::default() }
    }

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
    async fn manager(answers: &[(&'static str, &str)]) -> SecretPerMode {
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
        SecretPerMode::new(&config, [Some("arn:aws:secretsmanager:us-east-1:1:secret:stripe".to_owned()), None])
    }

    #[tokio::test]
    async fn a_key_is_remembered_until_the_gateway_refuses_it() {
        let kept = |key: &str| format!("{{\"SecretString\":\"{key}\"}}");
        let manager = manager(&[("200 OK", &kept("rk_test_old")), ("200 OK", &kept("rk_test_new"))]).await;
        for _ in 0..2 {
            assert_eq!(manager.secret(Mode::Test).await.expect("a key").expose(), "rk_test_old");
        }
        // Nobody's: there is no key of live mode to forget.
        manager.forget(Mode::Live);
        assert_eq!(manager.secret(Mode::Test).await.expect("a key").expose(), "rk_test_old");
        manager.forget(Mode::Test);
        for _ in 0..2 {
            assert_eq!(manager.secret(Mode::Test).await.expect("a key").expose(), "rk_test_new");
        }
        assert!(!format!("{manager:?}").contains("rk_test"));
    }

    #[tokio::test]
    async fn an_error_says_its_code_and_nothing_that_was_answered() {
        let refused = r#"{"__type":"ResourceNotFoundException","Message":"rk_test_secret"}"#;
        let broken = r#"{"SecretString":"rk_test_secret","CreatedDate":"#;
        let manager = manager(&[("400 Bad Request", refused), ("200 OK", broken), ("200 OK", "{}")]).await;
        for expected in ["ResourceNotFoundException", "no answer", "the secret is no text"] {
            let error = manager.secret(Mode::Test).await.expect_err("refused");
            let said = error.source().map(ToString::to_string).unwrap_or_default();
            assert_eq!((error.to_string().as_str(), said.as_str()), ("the gateway's key is unavailable", expected));
        }
        let error = manager.secret(Mode::Live).await.expect_err("there is none");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("there is none for live mode"));
    }
}
