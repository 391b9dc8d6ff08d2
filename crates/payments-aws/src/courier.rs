//! Webhooks out: one POST each, to vetted addresses of the public internet only.
//!
//! A name is resolved here and nowhere else, and the connection goes to an address that was looked at: whatever the name
//! means a moment later, nobody is asked again. hyper's client alone: it knows no proxy and no redirect.

use crate::config::{StartError, variable};
use crate::vetting::{NotConnected, Vetted, vetted_connector};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use payments::ports::Courier;
use payments::webhook_delivery::{AttemptError, Outcome};
use payments::webhook_url::{TestReceiver, WebhookUrl};
use std::error::Error as StdError;
use std::time::Duration;

/// From the first packet to the last byte that is read.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
/// An idle connection is kept for so long; the environment may be frozen in between.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Idle connections to one host.
const IDLE_PER_HOST: usize = 2;
/// What is read of an answer's body.
const MAX_READ: usize = 16 * 1024;

/// HTTPS to merchants.
#[derive(Clone, Debug)]
pub struct HttpsCourier {
    client: Client<Vetted, Full<Bytes>>,
    receiver: Option<TestReceiver>,
    timeout: Duration,
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
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .build(vetted_connector(receiver.is_none())?);
        Ok(Self { client, receiver, timeout })
    }

    async fn send(&self, url: &str, headers: &[(&'static str, String)], body: &str) -> Outcome {
        let mut request =
            Request::post(url).header("content-type", "application/json").header("user-agent", "Florin-Webhooks/1");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::from(body.to_owned())).map_err(|_| AttemptError::UrlRefused)?;
        let answered = async {
            let answer = self.client.request(request).await.map_err(|error| named(&error))?;
            Ok((answer.status().as_u16(), answer.into_body()))
        };
        let deadline = tokio::time::Instant::now() + self.timeout;
        let answered = tokio::time::timeout_at(deadline, answered).await.map_err(|_| AttemptError::TimedOut)?;
        let (status, mut body) = answered?;
        // Read, so that the connection can be used again; what is longer or later is cut off with its connection. The
        // status is the answer, whatever becomes of the body.
        let mut read = 0;
        while read < MAX_READ
            && let Ok(Some(Ok(frame))) = tokio::time::timeout_at(deadline, body.frame()).await
        {
            read += frame.data_ref().map_or(0, Bytes::len);
        }
        Ok(status)
    }
}

impl Courier for HttpsCourier {
    async fn post(&self, url: &WebhookUrl, headers: &[(&'static str, String)], body: &str) -> Outcome {
        // Once more: the rules may have become stricter, and an address in the URL itself is never resolved.
        let url = WebhookUrl::parse(url.as_str(), self.receiver.as_ref()).map_err(|_| AttemptError::UrlRefused)?;
        self.send(url.as_str(), headers, body).await
    }
}

/// The word for an error, whose text may hold more than its merchant should read.
fn named(error: &Error) -> AttemptError {
    let mut cause = error.source();
    while let Some(source) = cause {
        match source.downcast_ref::<NotConnected>() {
            Some(NotConnected::NoAddress) => return AttemptError::NameNotResolved,
            Some(NotConnected::NotGlobal) => return AttemptError::AddressRefused,
            Some(NotConnected::TooSlow) => return AttemptError::TimedOut,
            None => cause = source.source(),
        }
    }
    if error.is_connect() { AttemptError::ConnectionFailed } else { AttemptError::BrokenAnswer }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
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
        assert_eq!(courier.send(&rebound, &[], "{}").await, Err(AttemptError::AddressRefused));
        assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn over_https_nothing_is_said_before_tls_stands() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("https://{}/hook", listener.local_addr().expect("an address"));
        let heard = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut bytes = vec![0; 4096];
            let length = stream.read(&mut bytes).await.expect("a first message");
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.expect("an answer");
            bytes.truncate(length);
            bytes
        });
        let courier = HttpsCourier::new(None, TOTAL_TIMEOUT).expect("a client");
        assert_eq!(courier.send(&url, &[], "the body").await, Err(AttemptError::ConnectionFailed));
        let heard = heard.await.expect("a server");
        assert_eq!(heard.first(), Some(&22), "a TLS handshake record");
        assert!(!heard.windows(8).any(|window| window == b"the body"), "the body in the clear");
    }

    #[tokio::test]
    async fn a_url_that_is_not_allowed_any_more_is_not_sent_to() {
        let (_, url, connections) = courier("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let strict = HttpsCourier::new(None, TOTAL_TIMEOUT).expect("a client");
        assert_eq!(strict.post(&url, &[], "{}").await, Err(AttemptError::UrlRefused));
        assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 0);
    }
}
