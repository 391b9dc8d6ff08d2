//! The line against an acquirer that answers wrongly on purpose.

use super::*;
use tokio::net::TcpListener;

const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_millis(500), total: Duration::from_millis(500) };

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(0).plus_seconds(seconds)
}

fn order(trace: &str) -> Message {
    Message::new(100).with(7, "0101000000").with(11, trace).with(37, "R").with(41, "T")
}

fn answer(trace: &str, code: &str) -> Message {
    let order = order(trace);
    let echoed = |answer: Message, field: u8| answer.with(field, order.field(field).expect("a field"));
    MATCHED.into_iter().fold(Message::new(110), echoed).with(39, code)
}

/// What the acquirer does with one order.
#[derive(Clone)]
enum Does {
    /// Writes these answers at once.
    Answers(Vec<Message>),
    /// Writes these bytes.
    Writes(Vec<u8>),
    /// Writes this before the next order is read, and nothing now.
    IsLate(Message),
    /// Hangs up.
    HangsUp,
}

/// An acquirer with a plan for each order, whatever the connection; answers the line to it, and what it saw: one connection's
/// number for each message.
async fn acquirer(plan: Vec<Does>) -> (Line, Arc<Mutex<Vec<(usize, u16)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let seen: Arc<Mutex<Vec<(usize, u16)>>> = Arc::default();
    let (saw, plan) = (seen.clone(), Arc::new(std::sync::Mutex::new(plan.into_iter())));
    tokio::spawn(async move {
        for connection in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            tokio::spawn(serve(Box::new(stream), connection, saw.clone(), plan.clone()));
        }
    });
    let address = Address::parse(&format!("tcp://127.0.0.1:{port}")).expect("an address");
    (Line::new(address, TIMEOUTS).expect("a line"), seen)
}

async fn serve(
    mut stream: Box<dyn Duplex>,
    connection: usize,
    saw: Arc<Mutex<Vec<(usize, u16)>>>,
    plan: Arc<std::sync::Mutex<std::vec::IntoIter<Does>>>,
) {
    while let Ok(request) = read(&mut stream).await {
        saw.lock().await.push((connection, request.kind()));
        let does = plan.lock().expect("a plan").next().expect("no more than was planned");
        let bytes = match does {
            Does::HangsUp => return,
            Does::Writes(bytes) => bytes,
            Does::Answers(answers) => {
                answers.iter().flat_map(|answer| frame(answer).expect("an answer").to_vec()).collect()
            }
            Does::IsLate(answer) => {
                tokio::time::sleep(TIMEOUTS.total * 2).await;
                frame(&answer).expect("an answer").to_vec()
            }
        };
        // The other side may be gone.
        let _ = stream.write_all(&bytes).await;
    }
}

async fn code(line: &Line, trace: &str) -> Option<String> {
    line.exchange(&order(trace), at(0)).await.ok().map(|answer| answer.field(39).expect("a code").to_owned())
}

#[tokio::test]
async fn a_connection_is_used_again_and_asked_first_when_it_was_idle() {
    let answers = |trace: &str| Does::Answers(vec![answer(trace, "00")]);
    let echoed = Does::Answers(vec![Message::new(810).with(7, "0101000100").with(11, "060001").with(70, "301")]);
    let (line, seen) = acquirer(vec![answers("000001"), answers("000002"), echoed, answers("000003")]).await;
    for (trace, second) in [("000001", 0), ("000002", 29), ("000003", 60)] {
        line.exchange(&order(trace), at(second)).await.expect(trace);
    }
    assert_eq!(*seen.lock().await, [(0, 100), (0, 100), (0, 800), (0, 100)]);
}

#[tokio::test]
async fn an_idle_connection_where_nobody_is_any_more_is_replaced_before_the_order_is_sent() {
    let answers = |trace: &str| Does::Answers(vec![answer(trace, "00")]);
    let (line, seen) = acquirer(vec![answers("000001"), Does::HangsUp, answers("000002")]).await;
    line.exchange(&order("000001"), at(0)).await.expect("an answer");
    line.exchange(&order("000002"), at(60)).await.expect("an answer");
    assert_eq!(*seen.lock().await, [(0, 100), (0, 800), (1, 100)]);
}

#[tokio::test]
async fn an_answer_to_another_order_is_never_taken() {
    let late = answer("000001", "00");
    let (line, seen) = acquirer(vec![Does::IsLate(late.clone()), Does::Answers(vec![answer("000002", "51")])]).await;
    assert_eq!(code(&line, "000001").await, None);
    assert_eq!(code(&line, "000002").await.as_deref(), Some("51"), "the late answer met nobody");
    assert_eq!(*seen.lock().await, [(0, 100), (1, 100)]);
    // An answer that came twice is met by the next order, and so is an echo of the other side's.
    let twice = Does::Answers(vec![answer("000001", "00"), answer("000001", "00")]);
    let echo = Message::new(800).with(7, "0101000000").with(11, "000002").with(70, "301");
    let strays = Does::Answers(vec![late.clone(), echo, answer("000002", "51")]);
    let (line, _) = acquirer(vec![twice, strays]).await;
    assert_eq!(code(&line, "000001").await.as_deref(), Some("00"));
    assert_eq!(code(&line, "000002").await.as_deref(), Some("51"));
    // One field that names another is enough.
    for field in MATCHED {
        let other = answer("000001", "00").with(field, "000002");
        let (line, _) = acquirer(vec![Does::Answers(vec![other])]).await;
        assert_eq!(code(&line, "000001").await, None, "field {field}");
    }
    let (line, _) = acquirer(vec![Does::Answers(vec![late; MAX_STRAYS + 1])]).await;
    assert_eq!(code(&line, "000002").await, None, "not for ever");
}

#[tokio::test]
async fn what_may_have_arrived_is_told_from_what_never_left() {
    for does in [
        Does::HangsUp,
        Does::Writes(vec![0]),
        Does::Writes(vec![0, 9, b'0', b'1', b'1', b'0']),
        Does::Writes(vec![0, 4, b'n', b'o', b'n', b'e']),
        Does::Writes(vec![0xff, 0xff, b'0', b'1', b'1', b'0']),
        Does::IsLate(answer("000001", "00")),
    ] {
        let (line, _) = acquirer(vec![does]).await;
        assert!(matches!(line.exchange(&order("000001"), at(0)).await, Err(NotAnswered::Lost(_))));
    }
    let (line, seen) = acquirer(vec![]).await;
    let unwritable = order("a trace");
    assert!(matches!(line.exchange(&unwritable, at(0)).await, Err(NotAnswered::NotSent(_))));
    assert!(seen.lock().await.is_empty());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("tcp://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let line = Line::new(Address::parse(&address).expect("an address"), TIMEOUTS).expect("a line");
    assert!(matches!(line.exchange(&order("000001"), at(0)).await, Err(NotAnswered::NotSent(_))));
}

#[test]
fn plain_tcp_goes_to_this_machine_only() {
    let check = |text: &str, local: Option<bool>| {
        assert_eq!(Address::parse(text).ok().map(|address| address.local), local, "{text}");
    };
    check("tls://acquirer.example.com:8583", Some(false));
    check("tcp://127.0.0.1:8583", Some(true));
    check("tcp://acquirer.example.com:8583", None);
    check("tcp://127.0.0.1", None);
    check("tls://acquirer.example.com", None);
    check("tls://user@host:1", None);
    check("tls://:1", None);
    check("http://127.0.0.1:80", None);
    check("", None);
}
