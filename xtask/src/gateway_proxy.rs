//! `gateway-proxy`: stands between the functions and what stands for a gateway on the local stack, and breaks calls as it is told.
//! `fault` tells it, over a port of its own.
//!
//! It knows where a message ends, and nothing of what it says, but for one thing that Stripe promises and localstripe does not
//! keep: a key that was answered is answered so again.

pub mod kept;
pub mod message;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Mutex, watch};

use crate::control;
use crate::fault::{Fault, Gateway};
use kept::Kept;
use message::Message;

/// Longer than anybody's patience: Stripe's is eight seconds, an acquirer's six.
const SLOW: Duration = Duration::from_secs(15);
/// How long someone may take to say what to break.
const CONTROL_BOUND: Duration = Duration::from_secs(2);
/// How long it takes until an end has come through.
const SETTLED: Duration = Duration::from_millis(100);
/// Connections that wait to be taken.
const BACKLOG: u32 = 256;

/// The ports of a proxy, all of the loopback.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Ports {
    /// Where functions find it
    #[arg(long)]
    pub listen: u16,
    /// Where it is told what to break
    #[arg(long)]
    pub control: u16,
    /// Where its peer is
    #[arg(long)]
    pub peer: u16,
}

/// Where functions knock.
enum Door {
    Open(TcpListener),
    /// The port stays ours, and the kernel refuses connections to it.
    Shut(#[allow(dead_code, reason = "it is held, not used")] TcpSocket),
}

impl Door {
    fn of(fault: Fault, port: u16) -> Result<Self> {
        let socket = TcpSocket::new_v4().context("making a socket")?;
        socket.set_reuseaddr(true).context("taking a port again")?;
        socket.bind((Ipv4Addr::LOCALHOST, port).into()).with_context(|| format!("taking port {port}"))?;
        Ok(match fault {
            Fault::Down => Self::Shut(socket),
            Fault::None | Fault::Slow | Fault::CutBefore | Fault::CutAfter | Fault::CutWithin | Fault::Duplicate => {
                Self::Open(socket.listen(BACKLOG).with_context(|| format!("listening on port {port}"))?)
            }
        })
    }

    async fn knock(&self) -> std::io::Result<TcpStream> {
        match self {
            Self::Open(listener) => listener.accept().await.map(|(stream, _)| stream),
            Self::Shut(_) => std::future::pending().await,
        }
    }
}

struct Proxy {
    gateway: Gateway,
    peer: u16,
    fault: watch::Receiver<Fault>,
    kept: Mutex<Kept>,
}

/// Passes calls on until stopped.
pub async fn run(gateway: Gateway, ports: Ports) -> Result<()> {
    let told_at = TcpListener::bind((Ipv4Addr::LOCALHOST, ports.control)).await.context("taking the control port")?;
    let (set, fault) = watch::channel(Fault::None);
    let proxy = Arc::new(Proxy { gateway, peer: ports.peer, fault, kept: Mutex::default() });
    let mut door = Some(Door::of(Fault::None, ports.listen)?);
    loop {
        let open = door.as_ref().context("a door is opened after one was shut")?;
        tokio::select! {
            knocked = open.knock() => match knocked {
                Ok(stream) => drop(tokio::spawn(proxy.clone().serve(stream))),
                // Too many open files, perhaps: they pass.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
            told = told_at.accept() => {
                let Ok((mut stream, _)) = told else { continue };
                // Whoever does not say it in time, or is gone when it is answered, has changed nothing.
                let said = tokio::time::timeout(CONTROL_BOUND, control::line(&mut stream)).await.ok().flatten();
                if let Some(fault) = said.and_then(|said| Fault::from_str(&said, false).ok()) {
                    set.send_replace(fault);
                    if (fault == Fault::Down) != matches!(open, Door::Shut(_)) {
                        drop(door.take());
                        door = Some(Door::of(fault, ports.listen)?);
                        // Whoever keeps a connection shall have seen it end.
                        tokio::time::sleep(SETTLED).await;
                    }
                }
                let now = *set.borrow();
                let _ = stream.write_all(now.name().as_bytes()).await;
            }
        }
    }
}

impl Proxy {
    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        let mut fault = self.fault.clone();
        loop {
            let gone = async {
                // It ends with the proxy, and then nothing matters.
                let _ = fault.wait_for(|fault| *fault == Fault::Down).await.is_ok();
            };
            let request = tokio::select! {
                biased;
                () = gone => None,
                request = message::read(self.gateway, &mut stream) => request,
            };
            let Some(request) = request else { return };
            if self.answer(&mut stream, &request).await.is_none() {
                return;
            }
        }
    }

    /// Answers the request, or breaks the call; `None` if the connection is to end.
    async fn answer(&self, stream: &mut TcpStream, request: &Message) -> Option<()> {
        let fault = *self.fault.borrow();
        if matches!(fault, Fault::Down | Fault::CutBefore) {
            return None;
        }
        let mut answer = self.carry_out(request).await?;
        match fault {
            Fault::Slow => tokio::time::sleep(SLOW).await,
            Fault::Duplicate => answer = self.carry_out(request).await?,
            Fault::CutAfter => return None,
            Fault::CutWithin => {
                let cut = &answer.bytes[..answer.bytes.len().saturating_sub(2)];
                // The other side may be gone already: that is a cut too.
                let _ = stream.write_all(cut).await;
                return None;
            }
            Fault::None | Fault::Down | Fault::CutBefore => {}
        }
        stream.write_all(&answer.bytes).await.ok()
    }

    /// One at a time, where a key has to be known again; the peers have one thread too.
    async fn carry_out(&self, request: &Message) -> Option<Message> {
        let exchange = message::exchange(self.gateway, self.peer, &request.bytes);
        let Some(key) = request.header("idempotency-key") else {
            return exchange.await;
        };
        let mut kept = self.kept.lock().await;
        if let Some(answer) = kept.answer(key, request) {
            return Some(answer);
        }
        let answer = exchange.await?;
        kept.keep(key, request, &answer);
        Some(answer)
    }
}

#[cfg(test)]
mod tests;
