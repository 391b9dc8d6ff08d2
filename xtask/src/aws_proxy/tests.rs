//! Each fault, as a caller sees it and as the emulator does.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncReadExt;

use super::plan::{OF, Rule};
use super::*;

/// An emulator that counts what it carries out, says which one it was, in chunks, and what `Host` it was called by.
async fn emulator() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let Some(request) = message::http(&mut stream).await else { continue };
            let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
            let body = format!("number {number} for {}", request.header("host").unwrap());
            let answer =
                format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (port, count)
}

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

async fn proxy() -> (State, u16, Arc<AtomicUsize>) {
    let (peer, count) = emulator().await;
    let (listen, control) = (free_port().await, free_port().await);
    tokio::spawn(run(Ports { listen, control, peer }));
    let state = State { control_ports: [(Server::AwsProxy, control)].into(), ..State::default() };
    while read(&state).await.is_err() {
        tokio::task::yield_now().await;
    }
    (state, listen, count)
}

/// All that comes back until the connection ends, or the answer is whole.
async fn ask(port: u16, service: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: here\r\nx-amz-target: T_1.PutItem\r\nauthorization: AWS4-HMAC-SHA256 \
         Credential=k/20300102/us-east-1/{service}/aws4_request, SignedHeaders=host\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"0\r\n\r\n")
        && !answer.ends_with(b"}")
        && stream.read_buf(&mut answer).await.unwrap_or(0) > 0
    {}
    String::from_utf8(answer).unwrap()
}

fn always(fault: Fault) -> Plan {
    Plan {
        seed: 1,
        rules: vec![Rule { service: "dynamodb".to_owned(), operation: Some("PutItem".to_owned()), fault, rate: OF }],
    }
}

#[tokio::test]
async fn each_fault_is_what_it_says_and_is_counted() {
    let (state, port, count) = proxy().await;
    let mut carried_out = 0;
    for (fault, expected, times) in [
        (Fault::CutBefore, "", 0),
        (Fault::Fail, "InternalServerError", 0),
        (Fault::Throttle, "ProvisionedThroughputExceededException", 0),
        (Fault::CutAfter, "", 1),
        (Fault::CutWithin, "number", 1),
        (Fault::Delay, "for here", 1),
        (Fault::Slow, "for here", 1),
        (Fault::Duplicate, "for here", 2),
    ] {
        set(&state, &always(fault)).await.unwrap();
        let answer = ask(port, "dynamodb").await;
        assert!(answer.contains(expected) && answer.is_empty() == expected.is_empty(), "{fault:?}: {answer}");
        carried_out += times;
        assert_eq!(count.load(Ordering::SeqCst), carried_out, "{fault:?}");
        assert!(ask(port, "kms").await.contains("for here"), "another service");
        carried_out += 1;
        let tally = set(&state, &Plan::default()).await.unwrap();
        assert_eq!((tally.all(), tally.broken(), tally.of(fault)), (2, 1, 1), "{tally:?}");
    }
}

#[tokio::test]
async fn an_echo_arrives_after_its_answer() {
    let (state, port, count) = proxy().await;
    set(&state, &always(Fault::Echo)).await.unwrap();
    assert!(ask(port, "dynamodb").await.contains("number 1 "));
    while count.load(Ordering::SeqCst) < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn half_of_what_is_refused_or_lost_is_so_at_every_try() {
    let call = Call { service: "dynamodb".to_owned(), operation: "PutItem".to_owned() };
    let lasting = |fault| {
        let plan = Plan { rules: vec![Rule { rate: OF / 10, ..always(fault).rules.remove(0) }], ..always(fault) };
        let mut weather = Weather { plan, ..Weather::default() };
        let names = (0..2_000).map(|name| name.to_string());
        let broken: Vec<_> = names.filter(|name| weather.hit(&call, Some(name)).is_some()).collect();
        let again = broken.iter().filter(|name| (0..3).all(|_| weather.hit(&call, Some(name)).is_some())).count();
        (again * 100 / broken.len(), weather.tally.all())
    };
    let (share, tries) = lasting(Fault::Throttle);
    assert!((40..60).contains(&share), "{share} of a hundred");
    assert!(tries > 2_000, "each try is a call");
    assert!(lasting(Fault::Delay).0 < 5, "what is late is not late again");
}

#[test]
fn the_same_seed_breaks_the_same_calls_about_as_often_as_it_says() {
    let call = Call { service: "dynamodb".to_owned(), operation: "PutItem".to_owned() };
    let plan = |seed| Plan { seed, rules: vec![Rule { rate: OF / 10, ..always(Fault::Slow).rules.remove(0) }] };
    let hits = |seed| (0..10_000).filter(|number| plan(seed).hit(&call, *number).is_some()).collect::<Vec<u64>>();
    assert_eq!(hits(7), hits(7));
    assert_ne!(hits(7), hits(8));
    assert!((800..1200).contains(&hits(7).len()), "{}", hits(7).len());
}
