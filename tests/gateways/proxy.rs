//! A TCP proxy before a gateway's peer that breaks calls on purpose.

use crate::http::{self, Message};
use crate::iso8583;
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use xtask::gateway_proxy::kept::Kept;

/// How a call is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Carried out, and the answer comes when nobody waits for it any more.
    Delay,
    /// The request itself is delayed: it arrives when everything else is over.
    Late,
    /// The connection ends before the request arrives.
    CutBefore,
    /// The connection ends after it was carried out.
    CutAfter,
    /// The connection ends in the middle of the answer.
    CutWithin,
    /// The request arrives twice, and the second answer is the one that is given.
    Duplicate,
}

/// Every way.
pub const FAULTS: [Fault; 6] =
    [Fault::Delay, Fault::Late, Fault::CutBefore, Fault::CutAfter, Fault::CutWithin, Fault::Duplicate];

/// What is spoken.
#[derive(Clone, Copy, Debug)]
pub enum Protocol {
    Http,
    Iso8583,
}

type Answering = Pin<Box<dyn Future<Output = Message>>>;
/// What is behind the proxy.
pub type Peer = Rc<dyn Fn(Message) -> Answering>;

/// The proxy. It serves until its last handle is gone.
#[derive(Clone)]
pub struct Proxy(Rc<Inner>);

struct Inner {
    protocol: Protocol,
    port: u16,
    peer: Peer,
    /// Requests so far since the plan was made.
    calls: Cell<u32>,
    /// From which call on, how many, and how.
    plan: Cell<Option<(u32, u32, Fault)>>,
    /// Requests that are on their way.
    late: RefCell<Vec<Message>>,
    /// What was answered by idempotency key, where the peer is one that should keep them and does not.
    kept: RefCell<Kept>,
    keeps_keys: Cell<bool>,
}

impl Proxy {
    /// Listens on a free port of the loopback.
    pub async fn open(protocol: Protocol, peer: Peer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (calls, plan, late, kept) = (Cell::default(), Cell::default(), RefCell::default(), RefCell::default());
        let inner = Rc::new(Inner { protocol, port, peer, calls, plan, late, kept, keeps_keys: Cell::new(false) });
        let serving = Rc::downgrade(&inner);
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Some(inner) = serving.upgrade() else { return };
                tokio::task::spawn_local(async move { inner.serve(stream).await });
            }
        });
        Self(inner)
    }

    pub fn endpoint(&self) -> String {
        let scheme = match self.0.protocol {
            Protocol::Http => "http",
            Protocol::Iso8583 => "tcp",
        };
        format!("{scheme}://127.0.0.1:{}", self.0.port)
    }

    /// From the `from`th call on, `count` are broken.
    pub fn plan(&self, from: u32, count: u32, fault: Fault) {
        self.0.calls.set(0);
        self.0.plan.set(Some((from, count, fault)));
    }

    /// A request whose idempotency key was answered before is answered so again, and does not reach the peer; one that says
    /// something else under that key is refused: what Stripe promises, and localstripe does not do.
    pub fn keep_keys(&self, keeps: bool) {
        self.0.keeps_keys.set(keeps);
    }

    /// How many calls were made since the plan.
    pub fn calls(&self) -> u32 {
        self.0.calls.get()
    }

    /// Nothing is broken from now on.
    pub fn heal(&self) {
        self.0.plan.set(None);
    }

    /// What was on its way arrives. Nobody reads the answers.
    pub async fn deliver_late(&self) -> usize {
        let late = self.0.late.take();
        for request in &late {
            self.0.carry_out(request.clone()).await;
        }
        late.len()
    }
}

impl Inner {
    async fn serve(self: Rc<Self>, mut stream: TcpStream) {
        while let Some(request) = self.read(&mut stream).await {
            let call = self.calls.get();
            self.calls.set(call + 1);
            let fault = self.plan.get().filter(|(from, count, _)| (*from..from + count).contains(&call));
            match fault.map(|(.., fault)| fault) {
                None => {
                    let answer = self.carry_out(request).await;
                    if stream.write_all(&answer.bytes).await.is_err() {
                        return;
                    }
                }
                Some(Fault::Duplicate) => {
                    self.carry_out(request.clone()).await;
                    let answer = self.carry_out(request).await;
                    if stream.write_all(&answer.bytes).await.is_err() {
                        return;
                    }
                }
                Some(Fault::CutBefore) => return,
                Some(Fault::CutAfter) => {
                    self.carry_out(request).await;
                    return;
                }
                Some(Fault::CutWithin) => {
                    let answer = self.carry_out(request).await;
                    // The other side may be gone already: that is a cut too.
                    let _ = stream.write_all(&answer.bytes[..answer.bytes.len() - 2]).await;
                    return;
                }
                Some(Fault::Delay) => {
                    self.carry_out(request).await;
                    return until_it_hangs_up(stream).await;
                }
                Some(Fault::Late) => {
                    self.late.borrow_mut().push(request);
                    return until_it_hangs_up(stream).await;
                }
            }
        }
    }

    async fn read(&self, stream: &mut TcpStream) -> Option<Message> {
        match self.protocol {
            Protocol::Http => http::read(stream).await,
            Protocol::Iso8583 => iso8583::read(stream).await,
        }
    }

    async fn carry_out(&self, request: Message) -> Message {
        let key = request.header("idempotency-key").filter(|_| self.keeps_keys.get());
        if let Some(answer) = key.and_then(|key| self.kept.borrow().answer(key, &request)) {
            return answer;
        }
        let answer = (self.peer)(request.clone()).await;
        if let Some(key) = key {
            self.kept.borrow_mut().keep(key, &request, &answer);
        }
        answer
    }
}

async fn until_it_hangs_up(mut stream: TcpStream) {
    // However it ends, it ends.
    let _ = stream.read(&mut [0]).await;
}
