//! Webhooks out: one POST each, to vetted addresses of the public internet only.
//!
//! A name is resolved here and nowhere else, and the connection goes to an address that was looked at: whatever the name
//! means a moment later, nobody is asked again. No proxy, no redirect, little is read.

use crate::config::{StartError, variable};
use payments::ports::Courier;
use payments::webhook_address::is_global;
use payments::webhook_delivery::{AttemptError, Outcome};
use payments::webhook_url::{TestReceiver, WebhookUrl};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// From the first packet to the last byte that is read.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
/// Name, connection and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// An idle connection is kept for so long; the environment may be frozen in between.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Idle connections to one host.
const IDLE_PER_HOST: usize = 2;
/// What is read of an answer's body.
const MAX_READ: usize = 16 * 1024;
/// Addresses of one name.
const MAX_ADDRESSES: usize = 16;

/// HTTPS to merchants.
#[derive(Clone, Debug)]
pub struct HttpsCourier {
    client: reqwest::Client,
    receiver: Option<TestReceiver>,
}

/// The address that tests may be reached at, from `WEBHOOK_TEST_RECEIVER`; none if the variable is empty.
pub fn test_receiver() -> Result<Option<TestReceiver>, StartError> {
    let expected = "expected 127.0.0.1:<port>, or nothing";
    let text = variable("WEBHOOK_TEST_RECEIVER").unwrap_or_default();
    TestReceiver::parse(&text).map_err(|_| StartError::VariableWrong { name: "WEBHOOK_TEST_RECEIVER", expected })
}

impl HttpsCourier {
    /// With the receiver of `WEBHOOK_TEST_RECEIVER`, if there is one.
    pub async fn from_env() -> Result<Self, StartError> {
        Self::new(test_receiver()?, TOTAL_TIMEOUT)
    }

    /// One client, whose connections are used again by later invocations.
    fn new(receiver: Option<TestReceiver>, timeout: Duration) -> Result<Self, StartError> {
        let failed = |source| StartError::Connection { what: "the outside", source };
        let mut roots = rustls::RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.into()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(Vetting))
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .https_only(receiver.is_none())
            .user_agent("Florin-Webhooks/1")
            .timeout(timeout)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .build()
            .map_err(|error| failed(error.into()))?;
        Ok(Self { client, receiver })
    }

    async fn send(&self, url: &str, headers: &[(&'static str, String)], body: &str) -> Result<u16, reqwest::Error> {
        let mut request = self.client.post(url).header("content-type", "application/json").body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let mut answer = request.send().await?;
        let status = answer.status().as_u16();
        // Read, so that the connection can be used again; what is longer is cut off with its connection.
        // The status is the answer, whatever becomes of the body.
        let mut read = 0;
        while read < MAX_READ
            && let Ok(Some(chunk)) = answer.chunk().await
        {
            read += chunk.len();
        }
        Ok(status)
    }
}

impl Courier for HttpsCourier {
    async fn post(&self, url: &WebhookUrl, headers: &[(&'static str, String)], body: &str) -> Outcome {
        // Once more: the rules may have become stricter, and an address in the URL itself is never resolved.
        let url = WebhookUrl::parse(url.as_str(), self.receiver.as_ref()).map_err(|_| AttemptError::UrlRefused)?;
        self.send(url.as_str(), headers, body).await.map_err(|error| named(&error))
    }
}

/// Resolves names, and refuses a name if any of its addresses is not global.
#[derive(Clone, Copy, Debug)]
struct Vetting;

/// Why a name was not resolved.
#[derive(Debug, thiserror::Error)]
enum NotResolved {
    #[error("the name has no address")]
    NoAddress,
    #[error("the name has an address that is not global")]
    NotGlobal,
}

impl Resolve for Vetting {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is put in by the client.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| NotResolved::NoAddress)?;
            let found: Vec<SocketAddr> = found.take(MAX_ADDRESSES).collect();
            Ok(Box::new(vetted(found)?.into_iter()) as Addrs)
        })
    }
}

fn vetted(found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, NotResolved> {
    if found.is_empty() {
        return Err(NotResolved::NoAddress);
    }
    if found.iter().all(|address| is_global(address.ip())) { Ok(found) } else { Err(NotResolved::NotGlobal) }
}

/// The word for an error, whose text may hold more than its merchant should read.
fn named(error: &reqwest::Error) -> AttemptError {
    let mut cause = error.source();
    while let Some(source) = cause {
        match source.downcast_ref::<NotResolved>() {
            Some(NotResolved::NoAddress) => return AttemptError::NameNotResolved,
            Some(NotResolved::NotGlobal) => return AttemptError::AddressRefused,
            None => cause = source.source(),
        }
    }
    if error.is_timeout() {
        AttemptError::TimedOut
    } else if error.is_connect() {
        AttemptError::ConnectionFailed
    } else {
        AttemptError::BrokenAnswer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A courier whose receiver answers every connection with these bytes and then falls silent.
    async fn courier(answer: &'static str) -> (HttpsCourier, WebhookUrl, Arc<std::sync::atomic::AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let authority = listener.local_addr().expect("an address").to_string();
        let connections = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = connections.clone();
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                // Nobody waits for the rest of the request or cares whether the answer is read.
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                open.push(stream);
            }
        });
        let receiver = TestReceiver::parse(&authority).expect("a receiver");
        let url = WebhookUrl::parse(&format!("http://{authority}/hook"), receiver.as_ref()).expect("a URL");
        let courier = HttpsCourier::new(receiver, Duration::from_millis(500)).expect("a client");
        (courier, url, connections)
    }

    #[tokio::test]
    async fn the_status_is_the_answer_and_nothing_is_followed() {
        let rows = [
            ("HTTP/1.1 204 No Content\r\n\r\n", Ok(204)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nslow", Ok(200)),
            ("HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", Ok(302)),
            ("HTTP/1.1 307 Again\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", Ok(307)),
            ("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", Ok(500)),
            ("SSH-2.0-OpenSSH_9.2\r\n", Err(AttemptError::BrokenAnswer)),
            ("", Err(AttemptError::TimedOut)),
        ];
        for (answer, expected) in rows {
            let (courier, url, connections) = courier(answer).await;
            assert_eq!(courier.post(&url, &[("webhook-id", "a".to_owned())], "{}").await, expected, "{answer}");
            assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 1, "{answer}");
        }
    }

    #[tokio::test]
    async fn a_name_with_a_private_address_is_not_connected_to() {
        let (courier, url, connections) = courier("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        // No registered URL names localhost: it stands for a name that came to mean the loopback.
        let rebound = url.as_str().replace("127.0.0.1", "localhost");
        let error = courier.send(&rebound, &[], "{}").await.expect_err("refused");
        assert_eq!(named(&error), AttemptError::AddressRefused);
        assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_url_that_is_not_allowed_any_more_is_not_sent_to() {
        let (_, url, connections) = courier("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let strict = HttpsCourier::new(None, TOTAL_TIMEOUT).expect("a client");
        assert_eq!(strict.post(&url, &[], "{}").await, Err(AttemptError::UrlRefused));
        assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 0);
    }

    #[test]
    fn one_private_address_spoils_a_name() {
        let check = |addresses: &[&str], good: bool| {
            let found = addresses.iter().map(|address| SocketAddr::new(address.parse().expect("an address"), 0));
            assert_eq!(vetted(found.collect()).is_ok(), good, "{addresses:?}");
        };
        check(&["8.8.8.8", "2606:4700:4700::1111"], true);
        check(&["8.8.8.8", "10.0.0.1"], false);
        check(&["2606:4700:4700::1111", "::ffff:127.0.0.1"], false);
        check(&["169.254.169.254"], false);
        check(&[], false);
    }
}
