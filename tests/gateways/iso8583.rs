//! The acquirer's row: the real adapter, and PyPI `iso8583sim` as a process. `ISO8583_ENDPOINT` says where it listens.
//!
//! iso8583sim reads every message, and approves or declines by its rules; it remembers nothing. What an acquirer remembers is
//! kept here, between the proxy and iso8583sim: its books refuse what only somebody with a memory can refuse, and answer a
//! message that came before as it was answered then. What they refuse does not reach iso8583sim.

use crate::http::Message as Frame;
use crate::proxy::{Peer, Protocol, Proxy};
use crate::stripe::WorldCards;
use crate::world::World;
use crate::{Row, Truth};
use gateways::https::Timeouts;
use gateways::iso8583::{Acceptor, Address, Iso8583Gateway, Line, Message, retrieval_reference};
use payments::gateway::{GatewayKey, GatewayOperation};
use payments::id::{Mode, PaymentId};
use payments::ports::Clock;
use payments::timestamp::Timestamp;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;
use xtask::gateway_proxy::message;

pub use message::framed as read;

/// What an answer repeats of its request.
const ECHOED: [u8; 12] = [2, 3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49];
/// By what a message is known again, repeat or not.
const KNOWN_BY: [u8; 4] = [11, 32, 37, 41];

/// Field 39 of the books.
const DECLINED: &str = "05";
const INVALID: &str = "12";
const WRONG_AMOUNT: &str = "13";
const NO_ACTION: &str = "21";
const NO_RECORD: &str = "25";

pub struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let millis = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
        Timestamp::from_millis(millis.try_into().unwrap())
    }
}

#[derive(Default)]
struct Hold {
    reference: String,
    placed: u64,
    amount: u64,
    captured: u64,
    reversed: bool,
    refunds: Vec<u64>,
}

/// What an acquirer remembers: answers by what they answered, and holds by their original data elements.
#[derive(Default)]
struct Books {
    answers: BTreeMap<Vec<String>, Frame>,
    holds: BTreeMap<String, Hold>,
}

fn amount(request: &Message) -> u64 {
    request.field(4).unwrap().parse().unwrap()
}

/// The original data elements of what the message is about.
fn original(request: &Message) -> String {
    let field = |field| request.field(field).unwrap();
    match request.kind() {
        100 => format!("0100{}{}{:0>11}{:011}", field(11), field(7), field(32), 0),
        _ => field(90).to_owned(),
    }
}

impl Books {
    /// Field 39, where it is not for iso8583sim to say.
    fn refuses(&mut self, request: &Message) -> Option<&'static str> {
        let hold = self.holds.entry(original(request)).or_default();
        let same = request.field(37) == Some(&hold.reference);
        match request.kind() {
            100 => hold.reversed.then_some(DECLINED),
            220 if hold.placed == 0 || hold.reversed || hold.captured > 0 || !same => Some(INVALID),
            220 => (amount(request) > hold.amount).then_some(WRONG_AMOUNT),
            // Its hold may come later: it is kept for it.
            420 if hold.placed == 0 => {
                hold.reversed = true;
                Some(NO_RECORD)
            }
            420 if hold.captured > 0 => Some(NO_ACTION),
            420 => None,
            200 if hold.captured == 0 => Some(INVALID),
            200 => (hold.refunds.iter().sum::<u64>() + amount(request) > hold.captured).then_some(WRONG_AMOUNT),
            other => panic!("nobody sends {other:04}"),
        }
    }

    /// iso8583sim said yes.
    fn book(&mut self, request: &Message) {
        let hold = self.holds.get_mut(&original(request)).unwrap();
        match request.kind() {
            100 => {
                hold.reference = request.field(37).unwrap().to_owned();
                hold.placed += 1;
                hold.amount = amount(request);
            }
            220 => hold.captured += amount(request),
            420 => hold.reversed = true,
            200 => hold.refunds.push(amount(request)),
            other => panic!("nobody sends {other:04}"),
        }
    }

    async fn answer(&mut self, port: u16, frame: Frame) -> Frame {
        let request = Message::decode(&frame.bytes[2..]).unwrap();
        if request.kind() == 800 {
            return exchange(port, &frame.bytes).await;
        }
        let kind = request.kind() / 10 * 10;
        assert_eq!(request.field(2).is_some(), kind == 100, "the card number is for the issuer only");
        let request =
            ECHOED.into_iter().chain([38, 90]).fold(Message::new(kind), |first, field| copy(first, field, &request));
        let known = KNOWN_BY.iter().map(|field| request.field(*field).unwrap().to_owned());
        let identity: Vec<String> = known.chain([kind.to_string()]).collect();
        if let Some(answer) = self.answers.get(&identity) {
            return answer.clone();
        }
        let answer = match self.refuses(&request) {
            Some(code) => {
                let answer =
                    ECHOED.into_iter().fold(Message::new(kind + 10), |answer, field| copy(answer, field, &request));
                let bytes = answer.with(39, code).encode().unwrap();
                Frame::of([u16::try_from(bytes.len()).unwrap().to_be_bytes().as_slice(), &bytes].concat())
            }
            None => {
                let answer = exchange(port, &frame.bytes).await;
                if Message::decode(&answer.bytes[2..]).unwrap().field(39) == Some("00") {
                    self.book(&request);
                }
                answer
            }
        };
        self.answers.insert(identity, answer.clone());
        answer
    }
}

fn copy(to: Message, field: u8, from: &Message) -> Message {
    match from.field(field) {
        Some(value) => to.with(field, value),
        None => to,
    }
}

/// Sends a message to iso8583sim on a connection of its own and reads the answer.
async fn exchange(port: u16, request: &[u8]) -> Frame {
    let answer = message::exchange(xtask::fault::Gateway::Iso8583, port, request).await;
    answer.expect("iso8583sim could not read it")
}

type Adapter = Iso8583Gateway<WorldCards, WallClock>;

pub struct Iso8583Row {
    gateway: Adapter,
    proxy: Proxy,
    books: Rc<Mutex<Books>>,
}

impl Row for Iso8583Row {
    type Adapter = Adapter;
    const DECLINED_CARD: &'static str = "4000000000000002";

    async fn open(patience: Duration) -> Self {
        let endpoint = std::env::var("ISO8583_ENDPOINT").expect("ISO8583_ENDPOINT: `cargo xtask gateways` sets it");
        let port = endpoint.rsplit(':').next().unwrap().parse().unwrap();
        let books: Rc<Mutex<Books>> = Rc::default();
        let kept = books.clone();
        let peer: Peer = Rc::new(move |request| {
            let kept = kept.clone();
            Box::pin(async move { kept.lock().await.answer(port, request).await })
        });
        let proxy = Proxy::open(Protocol::Iso8583, peer).await;
        let timeouts = Timeouts { connect: Duration::from_secs(1), total: patience };
        let line = Line::new(Address::parse(&proxy.endpoint()).unwrap(), timeouts).unwrap();
        let acceptor = Acceptor::new("123456", "TERM0001", "FLORIN", Mode::Test).unwrap();
        let cards = WorldCards(Rc::new(World::new()));
        Self { gateway: Iso8583Gateway::new(line, acceptor, cards, WallClock), proxy, books }
    }

    fn gateway(&self) -> &Adapter {
        &self.gateway
    }

    fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    async fn truth(&self, payment: &PaymentId) -> Truth {
        let reference = retrieval_reference(&GatewayKey::new(payment, GatewayOperation::Authorize, 1));
        let books = self.books.lock().await;
        let Some(hold) = books.holds.values().find(|hold| hold.reference == reference) else { return Truth::default() };
        let open = !hold.reversed && hold.captured == 0;
        Truth {
            holds: hold.placed,
            held: if open { hold.placed * hold.amount } else { 0 },
            captured: hold.captured,
            refunds: (hold.refunds.len().try_into().unwrap(), hold.refunds.iter().sum()),
        }
    }
}
