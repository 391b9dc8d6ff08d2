//! The line to the acquirer: one TCP connection, used again by later invocations, and one order on it at a time. Each message
//! stands behind its length in two bytes. TLS everywhere but on this machine.
//!
//! An answer is taken for an order's only if it names that order. A connection on which anything went wrong is closed, so an
//! answer that comes too late meets nobody.

use super::message::{MAX_MESSAGE, Message};
use super::name::transmission;
use crate::https::{NotAnswered, Timeouts};
use payments::timestamp::Timestamp;
use payments_aws::StartError;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// A connection that was idle for so long is asked first whether it is one still.
const IDLE: i64 = 30_000;
/// Messages that are read while an answer is waited for: echoes of the other side, answers that came twice.
const MAX_STRAYS: usize = 8;
/// By what an answer names its order: trace, retrieval reference, terminal. Not by its transmission: an acquirer may answer a
/// repeat with what it answered first.
const MATCHED: [u8; 3] = [11, 37, 41];
/// By what an answer names a message that is no order, and has no retrieval reference.
const MATCHED_ECHO: [u8; 2] = [7, 11];
/// Network management: is anybody there?
const ECHO: u16 = 800;
const ECHO_TEST: &str = "301";

/// The text is not where we may connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected tls://<host>:<port>, or tcp://127.0.0.1:<port>")]
pub struct NotAnAddress;

/// Where the acquirer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
    local: bool,
}

impl Address {
    /// Takes TLS to anywhere, and plain TCP to this machine only.
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let (scheme, rest) = text.split_once("://").ok_or(NotAnAddress)?;
        let (host, port) = rest.rsplit_once(':').ok_or(NotAnAddress)?;
        let local = match (scheme, host) {
            ("tcp", "127.0.0.1") => true,
            ("tls", host) if ServerName::try_from(host).is_ok() => false,
            _ => return Err(NotAnAddress),
        };
        Ok(Self { host: host.to_owned(), port: port.parse().map_err(|_| NotAnAddress)?, local })
    }
}

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

struct Open {
    stream: Box<dyn Duplex>,
    used_at: Timestamp,
}

struct Inner {
    address: Address,
    tls: TlsConnector,
    timeouts: Timeouts,
    open: Mutex<Option<Open>>,
}

/// The line. Clones share its connection.
#[derive(Clone)]
pub struct Line(Arc<Inner>);

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Line").field(&self.0.address).finish()
    }
}

impl Line {
    /// With the embedded web roots. Nothing is connected yet.
    pub fn new(address: Address, timeouts: Timeouts) -> Result<Self, StartError> {
        let mut roots = rustls::RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| StartError::Connection { what: "the acquirer", source: error.into() })?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tls = TlsConnector::from(Arc::new(tls));
        Ok(Self(Arc::new(Inner { address, tls, timeouts, open: Mutex::new(None) })))
    }

    /// Sends the message and reads its answer. Never sends it a second time.
    pub async fn exchange(&self, request: &Message, now: Timestamp) -> Result<Message, NotAnswered> {
        let frame = frame(request).map_err(not_sent)?;
        let Timeouts { connect, total } = self.0.timeouts;
        let mut open = timeout(total, self.0.open.lock()).await.map_err(not_sent)?;
        // Taken out: if anything breaks off, the connection is gone, and with it whatever answer is on its way.
        let kept = match open.take() {
            Some(kept) => kept.in_order(now, connect).await,
            None => None,
        };
        let mut stream = match kept {
            Some(stream) => stream,
            None => timeout(connect, self.connect()).await.map_err(not_sent)?.map_err(not_sent)?,
        };
        let answer = timeout(total, talk(&mut stream, &frame, request)).await.map_err(lost)??;
        *open = Some(Open { stream, used_at: now });
        Ok(answer)
    }

    /// Asks whether anybody is there, and connects by that: at init, while a Lambda has a whole processor.
    pub async fn echo(&self, now: Timestamp) -> Result<(), NotAnswered> {
        self.exchange(&echo(now), now).await.map(drop)
    }

    async fn connect(&self) -> Result<Box<dyn Duplex>, std::io::Error> {
        let Address { host, port, local } = &self.0.address;
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.set_nodelay(true)?;
        if *local {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(host.clone()).map_err(std::io::Error::other)?;
        Ok(Box::new(self.0.tls.connect(name, stream).await?))
    }
}

impl Open {
    /// The connection, if it can still be used: it is open, nothing unread is in it, and somebody is there.
    async fn in_order(mut self, now: Timestamp, patience: Duration) -> Option<Box<dyn Duplex>> {
        let unread = timeout(Duration::ZERO, self.stream.read_u8()).await;
        if unread.is_ok() {
            return None;
        }
        if now.as_millis() - self.used_at.as_millis() >= IDLE {
            let echo = echo(now);
            let frame = frame(&echo).ok()?;
            timeout(patience, talk(&mut self.stream, &frame, &echo)).await.ok()?.ok()?;
        }
        Some(self.stream)
    }
}

fn echo(now: Timestamp) -> Message {
    let trace = now.as_millis().rem_euclid(999_999) + 1;
    Message::new(ECHO).with(7, &transmission(now)).with(11, &format!("{trace:06}")).with(70, ECHO_TEST)
}

fn frame(message: &Message) -> Result<Zeroizing<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
    let bytes = message.encode()?;
    let length = u16::try_from(bytes.len())?.to_be_bytes();
    Ok(Zeroizing::new([length.as_slice(), &bytes].concat()))
}

async fn talk(stream: &mut Box<dyn Duplex>, frame: &[u8], request: &Message) -> Result<Message, NotAnswered> {
    stream.write_all(frame).await.map_err(lost)?;
    stream.flush().await.map_err(lost)?;
    for _ in 0..=MAX_STRAYS {
        let message = read(stream).await?;
        if answers(&message, request) {
            return Ok(message);
        }
    }
    Err(lost(format!("more than {MAX_STRAYS} messages of others")))
}

async fn read(stream: &mut Box<dyn Duplex>) -> Result<Message, NotAnswered> {
    let length = usize::from(stream.read_u16().await.map_err(lost)?);
    if length > MAX_MESSAGE {
        return Err(lost(format!("a message of {length} bytes")));
    }
    // Answers repeat the card number.
    let mut bytes = Zeroizing::new(vec![0; length]);
    stream.read_exact(&mut bytes).await.map_err(lost)?;
    Message::decode(&bytes).map_err(lost)
}

/// Whether it is the answer to that very order: of its kind, to a repeat or not, and with all that names it.
fn answers(message: &Message, request: &Message) -> bool {
    let matched = if request.kind() == ECHO { MATCHED_ECHO.as_slice() } else { &MATCHED };
    message.kind() / 10 == request.kind() / 10 + 1
        && matched.iter().all(|field| message.field(*field) == request.field(*field))
}

fn not_sent(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> NotAnswered {
    NotAnswered::NotSent(source.into())
}

fn lost(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> NotAnswered {
    NotAnswered::Lost(source.into())
}

#[cfg(test)]
mod tests;
