//! Where a message of a gateway's protocol begins and ends.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::fault::Gateway;

/// The longest message: a page of a table, or a file that a function writes to S3.
const MAX: usize = 64 * 1024 * 1024;
/// What ends the head of an HTTP message.
const END: &[u8] = b"\r\n\r\n";

/// A message, whole, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// All of it.
    pub bytes: Vec<u8>,
    /// How long its head is, if it has lines.
    head: usize,
}

impl Message {
    /// Of a protocol without lines, whole.
    pub fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, head: 0 }
    }

    /// The first line, such as `POST /path HTTP/1.1`.
    pub fn start(&self) -> &str {
        self.lines().next().unwrap_or_default()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.lines().skip(1).filter_map(|line| line.split_once(':'));
        let (_, value) = fields.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value.trim())
    }

    /// What follows the head.
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.head..]
    }

    /// The same with another body.
    pub fn with_body(&self, body: &[u8]) -> Self {
        let other = |line: &&str| !line.is_empty() && !line.to_ascii_lowercase().starts_with("content-length:");
        let lines: String = self.lines().filter(other).map(|line| format!("{line}\r\n")).collect();
        let head = format!("{lines}content-length: {}\r\n\r\n", body.len());
        Self { head: head.len(), bytes: [head.as_bytes(), body].concat() }
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        std::str::from_utf8(&self.bytes[..self.head]).unwrap_or_default().split("\r\n")
    }
}

/// The next message; `None` if the other side is gone, or does not speak the protocol.
pub async fn read(gateway: Gateway, stream: &mut TcpStream) -> Option<Message> {
    match gateway {
        Gateway::Stripe => http(stream).await,
        Gateway::Iso8583 => framed(stream).await,
    }
}

/// An answer over HTTP; each of the headers ends its line.
pub fn answer(status: &str, headers: &str, body: &[u8]) -> Message {
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
    Message { head: head.len(), bytes: [head.as_bytes(), body].concat() }
}

/// Sends a request to that port of the loopback, on a connection of its own, and reads the answer.
pub async fn exchange(gateway: Gateway, port: u16, request: &[u8]) -> Option<Message> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
    stream.write_all(request).await.ok()?;
    read(gateway, &mut stream).await
}

/// The same over HTTP, where an answer may come in chunks, and one to `HEAD` has no body.
pub async fn exchange_http(port: u16, request: &Message) -> Option<Message> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
    stream.set_nodelay(true).ok()?;
    stream.write_all(&request.bytes).await.ok()?;
    let answer = head(&mut stream).await?;
    let status = answer.start().split(' ').nth(1).unwrap_or_default();
    if request.start().starts_with("HEAD ") || matches!(status, "204" | "304") {
        return Some(answer);
    }
    match answer.header("transfer-encoding") {
        Some(coding) if coding.eq_ignore_ascii_case("chunked") => chunks(&mut stream, answer).await,
        Some(_) => None,
        None => body(&mut stream, answer).await,
    }
}

/// The next message of HTTP/1.1, with a `Content-Length` or without a body.
pub async fn http(stream: &mut TcpStream) -> Option<Message> {
    let message = head(stream).await?;
    if message.header("transfer-encoding").is_some() {
        return None;
    }
    body(stream, message).await
}

/// A message's head, and what came with it.
async fn head(stream: &mut TcpStream) -> Option<Message> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(END.len()).position(|window| window == END) {
            return Some(Message { bytes, head: end + END.len() });
        }
        more(stream, &mut bytes).await?;
    }
}

/// The body behind a head, in one piece.
async fn body(stream: &mut TcpStream, mut message: Message) -> Option<Message> {
    let length = message.header("content-length").map_or(Some(0), |length| length.parse::<usize>().ok())?;
    if message.header("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.ok()?;
    }
    while message.bytes.len() < message.head.checked_add(length)? {
        more(stream, &mut message.bytes).await?;
    }
    Some(message)
}

/// The body behind a head, in chunks: each has its length, in hexadecimal digits, on a line before it; the last has none.
async fn chunks(stream: &mut TcpStream, mut message: Message) -> Option<Message> {
    let mut at = message.head;
    loop {
        let line = loop {
            match message.bytes[at..].windows(2).position(|window| window == b"\r\n") {
                Some(end) => break at..at + end,
                None => more(stream, &mut message.bytes).await?,
            }
        };
        let digits = std::str::from_utf8(&message.bytes[line.clone()]).ok()?;
        let length = usize::from_str_radix(digits.split(';').next()?.trim(), 16).ok()?;
        let end = line.end.checked_add(2)?.checked_add(length)?.checked_add(2)?;
        while message.bytes.len() < end {
            more(stream, &mut message.bytes).await?;
        }
        at = end;
        if length == 0 {
            return Some(message);
        }
    }
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(bytes).await.ok()?;
    (read > 0 && bytes.len() <= MAX).then_some(())
}

/// The next message of two bytes of length, and so many more.
pub async fn framed(stream: &mut TcpStream) -> Option<Message> {
    let length = stream.read_u16().await.ok()?;
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.resize(2 + usize::from(length), 0);
    stream.read_exact(&mut bytes[2..]).await.ok()?;
    Some(Message::of(bytes))
}
