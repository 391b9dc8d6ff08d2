//! What functions ask of AWS and of Valkey during a test: the emulator's own record of API calls (CloudTrail) and the
//! server's record of commands (MONITOR). It refuses to know what a call is for.

use crate::logs;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use xtask::Stack;
use xtask::aws::{Call, ROOT};

/// What one look-up answers at most (CloudTrail quota).
const PAGE: usize = 50;
/// The emulator keeps 10,000 calls.
const MOST_PAGES: usize = 200;

/// A call that a function made.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `dynamodb`.
    pub service: String,
    /// `PutItem`.
    pub action: String,
    /// The table or function that it names first, if the record says so.
    pub resource: Option<String>,
    /// What was sent, if it was JSON.
    pub parameters: Value,
}

/// A recording that goes on.
pub struct Recording {
    stack: Stack,
    since: Duration,
    commands: UnboundedReceiver<String>,
}

/// What was recorded.
pub struct Record {
    /// The functions' calls, in order. Whoever has the root key (tests, the poller) is left out.
    pub calls: Vec<Seen>,
    /// Valkey's lines: moment, client, command and its words.
    pub commands: Vec<String>,
    /// The functions that were invoked, and how often.
    pub invocations: BTreeMap<String, usize>,
}

impl Recording {
    pub async fn start(stack: &Stack) -> Self {
        let commands = monitor(&stack.valkey().unwrap()).await;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        switch(&stack.endpoint, true).await;
        Self { stack: stack.clone(), since, commands }
    }

    pub async fn stop(mut self) -> Record {
        switch(&self.stack.endpoint, false).await;
        let mut commands = Vec::new();
        while let Ok(line) = self.commands.try_recv() {
            commands.push(line);
        }
        let calls = calls(&self.stack.endpoint, self.since.as_secs_f64()).await;
        let since = u64::try_from(self.since.as_millis()).unwrap();
        let invocations = logs::invocations(&self.stack, since).await;
        Record { calls, commands, invocations }
    }
}

/// CloudTrail's recording is off unless somebody asks: it would keep every call of the demo.
async fn switch(endpoint: &str, on: bool) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let wanted = json!({ "cloudtrail._recording_enabled": on.to_string() });
    let answer = http.post(format!("{endpoint}/_ministack/config")).json(&wanted).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["applied"]["cloudtrail._recording_enabled"], on, "{answer}");
}

/// The server's commands from now on, until the receiver is dropped.
async fn monitor(address: &str) -> UnboundedReceiver<String> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"MONITOR\r\n").await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("+OK"));
    let (sender, receiver) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// All calls since then, oldest first. A look-up has no next page here: the next one ends where the last began.
async fn calls(endpoint: &str, since: f64) -> Vec<Seen> {
    let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";
    let mut body = json!({ "StartTime": since, "MaxResults": PAGE });
    let mut known = BTreeSet::new();
    let mut found = Vec::new();
    for _ in 0..MOST_PAGES {
        let call = Call {
            service: "cloudtrail",
            method: "POST",
            path: "/",
            target: Some(target),
            body: body.to_string().into_bytes(),
        };
        let mut answer = call.send(endpoint).await.unwrap();
        let Value::Array(page) = answer["Events"].take() else { panic!("no events in {answer}") };
        let (full, before) = (page.len() == PAGE, known.len());
        body["EndTime"] = page.last().map_or(Value::Null, |event| event["EventTime"].clone());
        let fresh = page.into_iter().filter(|event| known.insert(event["EventId"].to_string()));
        found.extend(fresh.filter(|event| event["AccessKeyId"] != ROOT).map(|event| seen(&event)));
        if !full {
            found.reverse();
            return found;
        }
        assert!(known.len() > before, "more than {PAGE} calls at one moment");
    }
    panic!("more than {MOST_PAGES} pages of calls");
}

fn seen(event: &Value) -> Seen {
    let detail: Value = serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap();
    let source = event["EventSource"].as_str().unwrap();
    Seen {
        service: source.trim_end_matches(".amazonaws.com").to_owned(),
        action: event["EventName"].as_str().unwrap().to_owned(),
        resource: event["Resources"][0]["ResourceName"].as_str().map(str::to_owned),
        parameters: detail["requestParameters"].clone(),
    }
}
