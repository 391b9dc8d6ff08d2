//! As much of HTTP/1.1 as the proxy needs: whole messages with a `Content-Length`.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest message: localstripe writes a few kilobytes.
const MAX: usize = 4 * 1024 * 1024;

/// A message, whole, as it was read.
#[derive(Clone, Debug)]
pub struct Message {
    pub bytes: Vec<u8>,
    head: usize,
}

impl Message {
    /// Of another protocol, whole: it has no lines.
    pub fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, head: 0 }
    }

    /// The first line, such as `POST /path HTTP/1.1`.
    pub fn start(&self) -> &str {
        self.lines().next().unwrap()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let fields = self.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }

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
        std::str::from_utf8(&self.bytes[..self.head]).unwrap().split("\r\n")
    }
}

/// The next message; `None` if the other side is gone.
pub async fn read(stream: &mut TcpStream) -> Option<Message> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let message = Message { bytes: bytes.clone(), head: end + 4 };
            assert!(message.header("transfer-encoding").is_none(), "{}", message.start());
            let length = message.header("content-length").map_or(0, |length| length.parse::<usize>().unwrap());
            while bytes.len() < end + 4 + length {
                more(stream, &mut bytes).await?;
            }
            return Some(Message { bytes, head: end + 4 });
        }
        more(stream, &mut bytes).await?;
    }
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    assert!(bytes.len() < MAX);
    let read = stream.read_buf(bytes).await.ok()?;
    (read > 0).then_some(())
}

/// Sends a message on a connection of its own and reads the answer.
pub async fn exchange(port: u16, request: &[u8]) -> Message {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(request).await.unwrap();
    read(&mut stream).await.unwrap()
}

/// An answer.
pub fn answer(status: &str, headers: &str, body: &[u8]) -> Message {
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
    Message { head: head.len(), bytes: [head.as_bytes(), body].concat() }
}
