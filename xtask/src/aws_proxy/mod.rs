//! `aws-proxy`: stands between the functions (and the clients of `chaos`) and the emulator, and breaks the calls that its plan
//! says. Without one it passes everything on, byte for byte: the signature covers the `Host` that the caller knows.
//!
//! It knows where a message ends and what a call is named, and nothing of what it says.

mod call;
pub mod plan;
mod refusal;
pub mod tally;

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::control;
use crate::gateway_proxy::Ports;
use crate::gateway_proxy::message::{self, Message};
use crate::state::{Server, State};
use call::Call;
use plan::{Fault, Hit, Plan};
use tally::Tally;

/// Longer than the patience of a function's SDK, which is three seconds a try.
const STALL: Duration = Duration::from_millis(3500);
/// How long someone may take to say what to break, and to be answered.
const CONTROL_BOUND: Duration = Duration::from_secs(10);

/// An SDK tries a call again by itself. One in so many that are refused or lost is so at every try: its function hears of it.
const LASTS: u64 = 2;
/// The most calls whose further tries are waited for.
const MOST_LASTING: usize = 1_000;

/// What is broken now, and what was.
#[derive(Default)]
struct Weather {
    plan: Plan,
    tally: Tally,
    /// The latest calls that are broken at every try, by the name that their SDK gives them.
    lasting: VecDeque<(String, Hit)>,
}

impl Weather {
    /// What befalls this try.
    fn hit(&mut self, call: &Call, invocation: Option<&str>) -> Option<Hit> {
        let number = self.tally.count(call);
        if let Some((_, hit)) = self.lasting.iter().find(|(known, _)| Some(known.as_str()) == invocation) {
            return Some(*hit);
        }
        let hit = self.plan.hit(call, number)?;
        if let Some(invocation) = invocation.filter(|_| hit.fault.may_last() && hit.chance.is_multiple_of(LASTS)) {
            self.lasting.truncate(MOST_LASTING - 1);
            self.lasting.push_front((invocation.to_owned(), hit));
        }
        Some(hit)
    }
}

struct Proxy {
    peer: u16,
    weather: Mutex<Weather>,
}

/// Passes calls on until stopped.
pub async fn run(ports: Ports) -> Result<()> {
    let told_at = TcpListener::bind((Ipv4Addr::LOCALHOST, ports.control)).await.context("taking the control port")?;
    let door = TcpListener::bind((Ipv4Addr::LOCALHOST, ports.listen)).await.context("taking the port of functions")?;
    let proxy = Arc::new(Proxy { peer: ports.peer, weather: Mutex::default() });
    loop {
        tokio::select! {
            knocked = door.accept() => match knocked {
                Ok((stream, _)) => drop(tokio::spawn(proxy.clone().serve(stream))),
                // Too many open files, perhaps: they pass.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
            told = told_at.accept() => {
                if let Ok((stream, _)) = told {
                    drop(tokio::spawn(tokio::time::timeout(CONTROL_BOUND, proxy.clone().hear(stream))));
                }
            }
        }
    }
}

/// Has calls broken by this plan from now on; what the one before has done.
pub async fn set(state: &State, plan: &Plan) -> Result<Tally> {
    tell(state, &serde_json::to_string(plan).context("writing the plan")?).await
}

/// What the plan in force has done.
pub async fn read(state: &State) -> Result<Tally> {
    tell(state, "").await
}

async fn tell(state: &State, words: &str) -> Result<Tally> {
    let answer = control::tell(state, Server::AwsProxy, words).await?;
    serde_json::from_str(&answer).with_context(|| format!("{} says {answer:?}", Server::AwsProxy.name()))
}

impl Proxy {
    /// Takes a plan, or only tells the tally if the line is empty. Nonsense changes nothing.
    async fn hear(self: Arc<Self>, mut stream: TcpStream) -> Option<()> {
        let line = control::line(&mut stream).await?;
        let answer = if line.is_empty() {
            serde_json::to_string(&self.weather().tally)
        } else {
            let plan: Plan = serde_json::from_str(&line).ok()?;
            let before = std::mem::replace(&mut *self.weather(), Weather { plan, ..Weather::default() });
            serde_json::to_string(&before.tally)
        };
        stream.write_all(answer.ok()?.as_bytes()).await.ok()
    }

    fn weather(&self) -> std::sync::MutexGuard<'_, Weather> {
        self.weather.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What befalls this call. It is counted here: whatever befalls, befalls for certain.
    fn hit(&self, call: &Call, invocation: Option<&str>) -> Option<Hit> {
        let mut weather = self.weather();
        if weather.plan.rules.is_empty() {
            return None;
        }
        let hit = weather.hit(call, invocation)?;
        weather.tally.hit(call, hit.fault);
        Some(hit)
    }

    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        // Small messages to and fro: none waits for more to come.
        let _ = stream.set_nodelay(true);
        while let Some(request) = message::http(&mut stream).await {
            if self.answer(&mut stream, request).await.is_none() {
                return;
            }
        }
    }

    /// Answers the request, or breaks the call; `None` if the connection is to end.
    async fn answer(&self, stream: &mut TcpStream, request: Message) -> Option<()> {
        let call = Call::of(&request);
        let Some(Hit { fault, chance }) = self.hit(&call, request.header("amz-sdk-invocation-id")) else {
            let answer = self.carry_out(&request).await?;
            return stream.write_all(&answer.bytes).await.ok();
        };
        let answer = match fault {
            Fault::CutBefore => return None,
            Fault::Fail => refusal::broken(&call),
            Fault::Throttle => refusal::throttled(&call),
            Fault::CutAfter => {
                self.carry_out(&request).await?;
                return None;
            }
            Fault::CutWithin => {
                let answer = self.carry_out(&request).await?;
                let cut = &answer.bytes[..answer.bytes.len().saturating_sub(2)];
                // The other side may be gone already: that is a cut too.
                let _ = stream.write_all(cut).await;
                return None;
            }
            Fault::Delay => {
                tokio::time::sleep(Duration::from_millis(100 + chance % 1400)).await;
                self.carry_out(&request).await?
            }
            Fault::Slow => {
                let answer = self.carry_out(&request).await?;
                tokio::time::sleep(STALL).await;
                answer
            }
            Fault::Duplicate => {
                let first = self.carry_out(&request).await?;
                let second = self.carry_out(&request).await?;
                if chance.is_multiple_of(2) { first } else { second }
            }
            Fault::Echo => {
                let answer = self.carry_out(&request).await?;
                let peer = self.peer;
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(200 + chance % 4000)).await;
                    message::exchange_http(peer, &request).await
                });
                answer
            }
        };
        stream.write_all(&answer.bytes).await.ok()
    }

    async fn carry_out(&self, request: &Message) -> Option<Message> {
        message::exchange_http(self.peer, request).await
    }
}

#[cfg(test)]
mod tests;
