//! `bench memory`: what one invocation of post-ledger needs at most. Each load is one payload of Lambda's largest size, given
//! to a process of its own, which reads it as the shell does, runs the real handler over tables in memory, and says its
//! peak.

use crate::poller::BATCH_RECORDS;
use crate::tables::Tables;
use crate::traffic::Traffic;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::process::{Command, Stdio};
use std::task::{Context, Poll, Waker};

/// Lambda's largest payload.
const PAYLOAD_BYTES: usize = 6 * 1024 * 1024;
/// Half of the function's MemorySize: the other half is for what is not here, AWS's SDK and the Kafka client.
const MOST_KIB: u64 = 128 * 1024;

/// What a payload is full of.
#[derive(Clone, Copy)]
enum Load {
    /// Events as they come.
    Traffic,
    /// Only events that move money: the most entries.
    Money,
    /// As many records as a batch may have, none of which can be read.
    Unreadable,
}

/// The report, and whether every peak leaves room.
pub fn run() -> (String, bool) {
    let traffic = Traffic::new(false, 1);
    let mut text =
        "                                     records   entries   buried   payload KiB   peak KiB\n".to_owned();
    let mut holds = true;
    for (name, load) in [
        ("events as they come", Load::Traffic),
        ("only events that move money", Load::Money),
        ("records that nobody can read", Load::Unreadable),
    ] {
        let payload = payload(&traffic, load);
        let Some([records, entries, buried, peak]) = measured(&payload) else {
            return (format!("{name}: the process that measures failed"), false);
        };
        holds &= peak <= MOST_KIB;
        let kib = payload.len() / 1024;
        writeln!(text, "{name:<36} {records:>7} {entries:>9} {buried:>8} {kib:>13} {peak:>10}")
            .expect("a string takes every line");
    }
    write!(text, "at most {MOST_KIB} KiB: {}", if holds { "holds" } else { "does not hold" })
        .expect("a string takes every line");
    (text, holds)
}

/// The other process: the payload from stdin; records, entries, buried records, and its peak in KiB.
pub fn post() -> Result<String, Box<dyn std::error::Error>> {
    let mut body = Vec::new();
    std::io::stdin().read_to_end(&mut body)?;
    let payload: Value = serde_json::from_slice(&body)?;
    let request: task::kafka::KafkaRequest = serde_json::from_value(payload)?;
    let records: usize = request.records.values().map(Vec::len).sum();
    let tables = Tables::default();
    {
        let handling = std::pin::pin!(post_ledger::handle(&tables, &tables, request));
        let Poll::Ready(Ok(answer)) = handling.poll(&mut Context::from_waker(Waker::noop())) else {
            return Err("a table in memory keeps nobody waiting".into());
        };
        if !answer.batch_item_failures.is_empty() {
            return Err("the batch was not posted".into());
        }
    }
    let (entries, buried) = (tables.journal.borrow().len(), tables.dead.borrow().len());
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    Ok(format!("{records} {entries} {buried} {}", peak.ok_or("/proc/self/status has no VmHWM")?))
}

fn measured(payload: &[u8]) -> Option<[u64; 4]> {
    let mut command = Command::new(std::env::current_exe().ok()?);
    command.args(["work", "post"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.spawn().ok()?;
    // It answers after it has read everything, so nobody waits for the other.
    process.stdin.take()?.write_all(payload).ok()?;
    let answer = process.wait_with_output().ok()?;
    let numbers = String::from_utf8(answer.stdout).ok()?;
    let numbers: Vec<u64> = numbers.split_whitespace().map_while(|number| number.parse().ok()).collect();
    numbers.try_into().ok()
}

/// As Lambda's poller writes it, as large as it may be.
fn payload(traffic: &Traffic, load: Load) -> Vec<u8> {
    let mut text = r#"{"eventSource":"aws:kafka","records":{"payment-events-0":["#.to_owned();
    let events = (0..u32::MAX).flat_map(|payment| {
        let count = u8::try_from(traffic.events(payment)).unwrap_or(u8::MAX);
        (0..count).map(move |event| (payment, event))
    });
    let wanted = events.filter(|(payment, event)| match load {
        Load::Traffic | Load::Unreadable => true,
        Load::Money => traffic.moves_money(*payment, *event),
    });
    for ((payment, event), offset) in wanted.zip(0..BATCH_RECORDS) {
        let value = match load {
            Load::Traffic | Load::Money => traffic.event(payment, event),
            // As many of them as fill the payload.
            Load::Unreadable => vec![b'x'; 320],
        };
        let record = json!({
            "topic": "payment-events", "partition": 0, "offset": offset, "timestamp": 1_795_000_000_000u64,
            "timestampType": "CREATE_TIME", "key": BASE64.encode(traffic.payment_id(payment)),
            "value": BASE64.encode(value), "headers": [],
        });
        let record = record.to_string();
        if text.len() + record.len() + ",]}}".len() > PAYLOAD_BYTES {
            break;
        }
        if offset > 0 {
            text.push(',');
        }
        text.push_str(&record);
    }
    text.push_str("]}}");
    text.into_bytes()
}
