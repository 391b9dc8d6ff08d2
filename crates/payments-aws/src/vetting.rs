//! Connections to vetted addresses: a name is resolved once, is refused if any of its addresses is not global, and what was
//! looked at is connected to.

use crate::config::StartError;
use hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use payments::webhook_address::is_global;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_service::Service;

/// Name, connection and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Addresses of one name.
const MAX_ADDRESSES: usize = 16;

type Boxed = Box<dyn std::error::Error + Send + Sync>;
type Pending<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotConnected {
    #[error("the name has no address")]
    NoAddress,
    #[error("the name has an address that is not global")]
    NotGlobal,
    #[error("no connection in time")]
    TooSlow,
}

/// Connects to vetted addresses, within its time.
#[derive(Clone, Debug)]
pub(crate) struct Vetted(HttpsConnector<HttpConnector<Resolver>>);

/// A connector with the embedded web roots. Without TLS only if `https_only` is false.
pub(crate) fn vetted_connector(https_only: bool) -> Result<Vetted, StartError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| StartError::Connection { what: "the internet", source: error.into() })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tcp = HttpConnector::new_with_resolver(Resolver);
    // TLS is the layer above's; whether it may be left out is said there.
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
    let builder = if https_only { builder.https_only() } else { builder.https_or_http() };
    Ok(Vetted(builder.enable_http1().wrap_connector(tcp)))
}

impl Service<Uri> for Vetted {
    type Response = <HttpsConnector<HttpConnector<Resolver>> as Service<Uri>>::Response;
    type Error = Boxed;
    type Future = Pending<Self::Response, Boxed>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Boxed>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, self.0.call(uri));
        Box::pin(async move { connected.await.map_err(|_| NotConnected::TooSlow)? })
    }
}

/// Resolves names to global addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolver;

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = NotConnected;
    type Future = Pending<Self::Response, NotConnected>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NotConnected>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            // The port is put in by the connector.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| NotConnected::NoAddress)?;
            Ok(vetted(found.collect())?.into_iter())
        })
    }
}

/// The addresses, at most [`MAX_ADDRESSES`], if every one that the name has is global.
fn vetted(mut found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, NotConnected> {
    if found.is_empty() {
        return Err(NotConnected::NoAddress);
    }
    if !found.iter().all(|address| is_global(address.ip())) {
        return Err(NotConnected::NotGlobal);
    }
    found.truncate(MAX_ADDRESSES);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

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
