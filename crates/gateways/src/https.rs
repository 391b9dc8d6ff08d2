//! HTTP to everything outside: one pool of connections, used again by later invocations, with a connect and a total
//! time-out; TLS everywhere but on this machine. hyper's client alone: it knows no proxy and no redirect.
//!
//! It tells apart what certainly never left from what may have been carried out.

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use payments_aws::StartError;
use std::sync::Arc;
use std::time::Duration;

/// An idle connection is kept for so long; the environment may be frozen in between.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Idle connections to one host.
const IDLE_PER_HOST: usize = 4;
/// The longest answer that is read: 8 MiB.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// The text is not where we may connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{EXPECTED}")]
pub struct NotAnEndpoint;

/// What an endpoint looks like.
pub const EXPECTED: &str = "expected https://<host>, or http://127.0.0.1:<port>";

/// Where a service is, such as `https://host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    base: String,
    local: bool,
}

impl Endpoint {
    /// Takes TLS to anywhere, and plain HTTP to this machine only.
    pub fn parse(text: &str) -> Result<Self, NotAnEndpoint> {
        let uri: Uri = text.parse().map_err(|_| NotAnEndpoint)?;
        let plain_authority = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if !plain_authority || uri.query().is_some() {
            return Err(NotAnEndpoint);
        }
        let local = match (uri.scheme_str(), uri.host()) {
            (Some("https"), Some(_)) => false,
            (Some("http"), Some("127.0.0.1")) if uri.port().is_some() => true,
            _ => return Err(NotAnEndpoint),
        };
        Ok(Self { base: text.trim_end_matches('/').to_owned(), local })
    }
}

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// From the first packet to the last byte of the answer.
    pub total: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NotAnswered {
    /// Nothing left this machine.
    #[error("no connection")]
    NotSent(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It may have arrived.
    #[error("no answer")]
    Lost(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// An answer, whatever it says.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// A service's client. Clones share its connections.
#[derive(Clone, Debug)]
pub struct HttpsClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: Endpoint,
    total: Duration,
}

impl HttpsClient {
    /// With the embedded web roots. `what` names the service in errors.
    pub fn new(what: &'static str, endpoint: Endpoint, timeouts: Timeouts) -> Result<Self, StartError> {
        let mut roots = rustls::RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| StartError::Connection { what, source: error.into() })?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(timeouts.connect));
        tcp.set_nodelay(true);
        // TLS is the layer above's.
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls);
        let connector = if endpoint.local { connector.https_or_http() } else { connector.https_only() };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .build(connector.enable_http1().wrap_connector(tcp));
        Ok(Self { client, endpoint, total: timeouts.total })
    }

    /// Sends the request, whose target is a path here, and reads the whole answer. Never sends it a second time.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, NotAnswered> {
        let (mut parts, body) = request.into_parts();
        let target = format!("{}{}", self.endpoint.base, parts.uri);
        parts.uri = target.parse().map_err(|error: hyper::http::uri::InvalidUri| NotAnswered::NotSent(error.into()))?;
        let answered = async {
            let answer = self.client.request(Request::from_parts(parts, body)).await.map_err(|error| {
                if error.is_connect() { NotAnswered::NotSent(error.into()) } else { NotAnswered::Lost(error.into()) }
            })?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await.map_err(NotAnswered::Lost)?;
            Ok(Answer { status, body: body.to_bytes() })
        };
        tokio::time::timeout(self.total, answered).await.map_err(|late| NotAnswered::Lost(late.into()))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_goes_to_this_machine_only() {
        let check = |text: &str, local: Option<bool>| {
            assert_eq!(Endpoint::parse(text).ok().map(|endpoint| endpoint.local), local, "{text}");
        };
        check("https://api.stripe.com", Some(false));
        check("http://127.0.0.1:8420/", Some(true));
        check("http://127.0.0.1", None);
        check("http://api.stripe.com", None);
        check("http://127.0.0.1:80@api.stripe.com/", None);
        check("http://127.0.0.1.example.com:80", None);
        check("https://user@host", None);
        check("https://host?x=1", None);
        check("ftp://host", None);
        check("host", None);
        check("", None);
    }

    #[tokio::test]
    async fn what_never_left_is_told_from_what_may_have_arrived() {
        let timeouts = Timeouts { connect: Duration::from_millis(300), total: Duration::from_millis(600) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let endpoint = Endpoint::parse(&format!("http://{address}")).expect("an endpoint");
        let client = HttpsClient::new("the test", endpoint, timeouts).expect("a client");
        let request = || Request::get("/").body(Full::default()).expect("a request");
        // The kernel takes the connection; nobody answers.
        assert!(matches!(client.send(request()).await, Err(NotAnswered::Lost(_))));
        drop(listener);
        let client = HttpsClient::new("the test", client.endpoint, timeouts).expect("a client");
        assert!(matches!(client.send(request()).await, Err(NotAnswered::NotSent(_))));
    }
}
