//! Each fault, as a caller sees it and as the peer does.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::fault;
use crate::state::{Server, State};

/// A peer that counts what it carries out, and says which one it was.
async fn peer() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            while message::read(Gateway::Stripe, &mut stream).await.is_some() {
                let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
                let answer = message::answer("200 OK", "", format!("number {number}").as_bytes());
                let _ = stream.write_all(&answer.bytes).await;
            }
        }
    });
    (port, count)
}

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// A proxy in force, by the state that knows it; its port; and the peer's count.
async fn proxy() -> (State, u16, Arc<AtomicUsize>) {
    let (peer, count) = peer().await;
    let (listen, control) = (free_port().await, free_port().await);
    tokio::spawn(run(Gateway::Stripe, Ports { listen, control, peer }));
    let state = State { control_ports: [(Server::StripeProxy, control)].into(), ..State::default() };
    while fault::read(&state, Gateway::Stripe).await.is_err() {
        tokio::task::yield_now().await;
    }
    (state, listen, count)
}

/// What comes back: all of it, until the connection ends or `whole` was read.
async fn ask(port: u16, key: &str, body: &str, whole: &str) -> Result<String, std::io::ErrorKind> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| error.kind())?;
    let length = body.len();
    let request = format!("POST / HTTP/1.1\r\nidempotency-key: {key}\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.map_err(|error| error.kind())?;
    let mut answer = Vec::new();
    while whole.is_empty() || !String::from_utf8_lossy(&answer).ends_with(whole) {
        if stream.read_buf(&mut answer).await.map_err(|error| error.kind())? == 0 {
            break;
        }
    }
    let text = String::from_utf8(answer).unwrap();
    Ok(text.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
}

#[tokio::test]
async fn each_fault_is_what_it_says() {
    let (state, port, count) = proxy().await;
    let rows = [
        (Fault::None, "a", Ok("number 1"), 1),
        (Fault::CutBefore, "b", Ok(""), 1),
        (Fault::CutAfter, "c", Ok(""), 2),
        (Fault::CutWithin, "d", Ok("number"), 3),
        // The second sending is known by its key, as Stripe knows it.
        (Fault::Duplicate, "e", Ok("number 4"), 4),
        (Fault::Down, "f", Err(std::io::ErrorKind::ConnectionRefused), 4),
        (Fault::None, "f", Ok("number 5"), 5),
    ];
    for (broken, key, expected, carried_out) in rows {
        assert_eq!(fault::set(&state, Gateway::Stripe, broken).await.unwrap(), broken);
        assert_eq!(fault::read(&state, Gateway::Stripe).await.unwrap(), broken);
        let whole = expected.unwrap_or_default();
        let answer = ask(port, key, "", if broken == Fault::CutWithin { "never" } else { whole }).await;
        assert_eq!(answer, expected.map(str::to_owned), "{broken} {key}");
        assert_eq!(count.load(Ordering::SeqCst), carried_out, "{broken} {key}");
    }
}

#[tokio::test]
async fn a_key_is_answered_as_it_was_first_and_for_nothing_else() {
    let (_, port, count) = proxy().await;
    for _ in 0..2 {
        assert_eq!(ask(port, "a", "x", "number 1").await.unwrap(), "number 1");
    }
    let refused = ask(port, "a", "y", "}}").await.unwrap();
    assert!(refused.contains("idempotency_error"), "{refused}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_connection_that_is_kept_ends_when_the_gateway_goes_down() {
    let (state, port, _) = proxy().await;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    fault::set(&state, Gateway::Stripe, Fault::Down).await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
}
