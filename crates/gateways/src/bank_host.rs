//! The bank's host, over HTTP: files go in, messages come out. It stands where a bank has its EBICS or SFTP gateway, and
//! speaks as PyPI `mock-bank` does.
//!
//! Messages stay in the mailbox: what was read is remembered on our side, so that a crash between reading and remembering
//! loses nothing.

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use payments::failure::Unavailable;
use payments::payout::message::Waiting;
use payments::ports::{BankIn, BankOut, HandedOver};
use payments_aws::{StartError, variable};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// From the first packet to the last byte.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer that is read: 8 MiB.
const MAX_ANSWER: usize = 8 * 1024 * 1024;
/// What went wrong, in errors.
const WHAT: &str = "the bank";

/// The bank.
#[derive(Clone, Debug)]
pub struct BankHost {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: String,
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
        let endpoint = variable(NAME)?;
        let local = endpoint.starts_with("http://127.0.0.1:");
        if !local && !endpoint.starts_with("https://") || endpoint.parse::<Uri>().is_err() {
            let expected = "expected https://<host>, or http://127.0.0.1:<port>";
            return Err(StartError::VariableWrong { name: NAME, expected });
        }
        let mut roots = rustls::RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| StartError::Connection { what: WHAT, source: error.into() })?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls);
        let connector = if local { connector.https_or_http() } else { connector.https_only() }.enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, endpoint: endpoint.trim_end_matches('/').to_owned() })
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
            .uri(format!("{}{path}", self.endpoint))
            .header("content-type", media_type)
            .body(Full::from(body))
            .map_err(|error| Unavailable::new(WHAT, error))?;
        let answered = async {
            let answer = self.client.request(request).await.map_err(|error| Unavailable::new(WHAT, error))?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            Ok((status, body.map_err(|error| Unavailable::new(WHAT, error))?.to_bytes()))
        };
        tokio::time::timeout(TIMEOUT, answered).await.map_err(|error| Unavailable::new(WHAT, error))?
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
