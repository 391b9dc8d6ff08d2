//! What is said to a proxy over its control port: a line, and what it answers.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::state::{Server, State};

/// A proxy answers at once.
const BOUND: Duration = Duration::from_secs(10);

/// Says this to the proxy; its answer.
pub async fn tell(state: &State, proxy: Server, words: &str) -> Result<String> {
    let name = proxy.name();
    let port = state.control_ports.get(&proxy);
    let port = *port.with_context(|| format!("there is no {name} here: `cargo xtask up`"))?;
    let told = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(format!("{words}\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = tokio::time::timeout(BOUND, told).await.with_context(|| format!("{name} is silent"))?;
    answer.with_context(|| format!("talking to {name}"))
}

/// What somebody says, as the proxy hears it.
pub async fn line(stream: &mut TcpStream) -> Option<String> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.ok()?;
    Some(line.trim().to_owned())
}
