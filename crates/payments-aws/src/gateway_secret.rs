//! A gateway's key in Secrets Manager. It is read when it is needed, remembered for minutes, so that a rotation is noticed, and
//! is in no variable, log or error.

use crate::config::{StartError, sdk_config, variable};
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
        Ok(Self { client: Client::new(&sdk_config()?), arn: variable(name)?, known: RefCell::default() })
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
