//! The bank's host, over HTTP: files go in, messages come out. It stands where a bank has its EBICS or SFTP gateway, and
//! speaks as PyPI `mock-bank` does.
//!
//! Messages stay in the mailbox: what was read is remembered on our side, so that a crash between reading and remembering
//! loses nothing.

use crate::https::{EXPECTED, Endpoint, HttpsClient, Timeouts};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request};
use payments::failure::Unavailable;
use payments::payout::message::Waiting;
use payments::ports::{BankIn, BankOut, HandedOver};
use payments_aws::{StartError, variable};
use serde::Deserialize;
use std::time::Duration;

/// A file is taken within seconds.
const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(3), total: Duration::from_secs(10) };
/// What went wrong, in errors.
const WHAT: &str = "the bank";

/// The bank.
#[derive(Clone, Debug)]
pub struct BankHost {
    client: HttpsClient,
}

/// The bank's answer to a file.
#[derive(Deserialize)]
struct Receipt {
    #[serde(default)]
    reason: Option<String>,
}

/// A message in the mailbox.
#[derive(Deserialize)]
struct Listed {
    id: u64,
    #[serde(rename = "type")]
    kind: String,
}

impl BankHost {
    /// From `BANK_ENDPOINT`, such as `https://host`; without TLS only on this machine.
    pub fn from_env() -> Result<Self, StartError> {
        const NAME: &str = "BANK_ENDPOINT";
        let wrong = |_| StartError::VariableWrong { name: NAME, expected: EXPECTED };
        let endpoint = Endpoint::parse(&variable(NAME)?).map_err(wrong)?;
        Ok(Self { client: HttpsClient::new(WHAT, endpoint, TIMEOUTS)? })
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        body: Vec<u8>,
    ) -> Result<(u16, Bytes), Unavailable> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", media_type)
            .body(Full::from(body))
            .map_err(|error| Unavailable::new(WHAT, error))?;
        let answer = self.client.send(request).await.map_err(|error| Unavailable::new(WHAT, error))?;
        Ok((answer.status, answer.body))
    }

    async fn get(&self, path: &str) -> Result<Bytes, Unavailable> {
        let (status, body) = self.ask(Method::GET, path, "application/json", Vec::new()).await?;
        if status == 200 { Ok(body) } else { Err(Unavailable::new(WHAT, format!("it answered {status}"))) }
    }
}

impl BankOut for BankHost {
    async fn hand_over(&self, media_type: &str, bytes: &[u8]) -> Result<HandedOver, Unavailable> {
        let (status, body) = self.ask(Method::POST, "/payments", media_type, bytes.to_vec()).await?;
        let receipt = serde_json::from_slice::<Receipt>(&body);
        match (status, receipt) {
            (422, Ok(Receipt { reason: Some(reason) })) if reason == "DUPL" => Ok(HandedOver::SeenBefore),
            // A file that is refused outright is the bank's all the same: its status report says so of every transfer.
            (200..=299 | 422, Ok(_)) => Ok(HandedOver::Taken),
            (status, _) => Err(Unavailable::new(WHAT, format!("it answered {status} to a file"))),
        }
    }
}

impl BankIn for BankHost {
    async fn waiting(&self) -> Result<Vec<Waiting>, Unavailable> {
        let body = self.get("/_mock/mailbox?leave").await?;
        let listed: Vec<Listed> = serde_json::from_slice(&body).map_err(|error| Unavailable::new(WHAT, error))?;
        Ok(listed.into_iter().map(|one| Waiting { id: one.id.to_string(), kind: one.kind }).collect())
    }

    async fn fetch(&self, message_id: &str) -> Result<Vec<u8>, Unavailable> {
        if message_id.is_empty() || !message_id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Unavailable::new(WHAT, "a message's name is a number"));
        }
        Ok(self.get(&format!("/_mock/mailbox/{message_id}")).await?.to_vec())
    }
}
