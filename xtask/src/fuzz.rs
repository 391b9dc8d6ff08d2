//! `fuzz-api`: schemathesis asks the deployed API whatever `openapi.yaml` allows, and much that it does not.
//!
//! It knows no operation: what to send and what to expect is the contract's, exceptions and hooks are in tests/fuzz.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_yaml_ng::Value;
use tokio::process::Command;

use crate::demo::merchants;
use crate::docs::CONTRACT;
use crate::progress::{note, step};
use crate::servers::last_lines;
use crate::stack::Stack;

/// The merchant of tests/fuzz/merchants.json.
const MERCHANT: &str = "mer_fuzz";
/// Operators' and gateways' paths ask for a signature, which schemathesis cannot make.
const SIGNED: [&str; 2] = ["/operator/", "/v1/gateways/"];
/// Schemathesis does an operation's requests one after the other: several processes keep the API busy.
const AT_ONCE: u64 = 4;
/// Operations at a time, within a process.
const WORKERS: &str = "8";
/// Of each operation in each phase; a stateful scenario counts as one.
const EXAMPLES: u64 = 200;
/// The same for the short form.
const FEW_EXAMPLES: u64 = 8;
/// How many of a hundred made-up ids become real ones: most, or so few that the short form takes a minute.
const REAL_PERCENT: u64 = 75;
const FEW_REAL_PERCENT: u64 = 20;
/// The short form asks the same each time, so that a failure is a change of ours.
const SHORT_SEED: u64 = 1;
/// One process.
const RUN_BOUND: Duration = Duration::from_secs(60 * 60);
/// Whatever was asked for ends after so many rounds.
const MOST_ROUNDS: u64 = 200;

/// How much to ask.
#[derive(Clone, Copy, Debug)]
pub enum Extent {
    /// A few hundred requests, the same each time.
    Short,
    /// At least so many requests.
    Requests(u64),
}

/// What the hooks count in one run.
#[derive(Default, Deserialize)]
struct Report {
    requests: u64,
    /// Answers below 300 by operation; an operation that was never accepted is there with 0.
    accepted: BTreeMap<String, u64>,
}

/// One process of schemathesis.
struct Run {
    name: String,
    seed: u64,
    examples: u64,
    real_percent: u64,
}

impl Run {
    fn of(extent: Extent, seed: u64) -> Self {
        let (examples, real_percent) = match extent {
            Extent::Short => (FEW_EXAMPLES, FEW_REAL_PERCENT),
            Extent::Requests(_) => (EXAMPLES, REAL_PERCENT),
        };
        Self { name: format!("fuzz-{seed}"), seed, examples, real_percent }
    }
}

/// Fuzzes the API; answers whether nothing was found.
pub async fn fuzz(stack: &Stack, extent: Extent) -> Result<bool> {
    let folder = folder(stack);
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let contract = std::fs::read_to_string(stack.workspace.root().join(CONTRACT)).context("reading the contract")?;
    std::fs::write(folder.join("openapi.json"), for_merchants(&contract)?).context("writing the contract's copy")?;
    let file = stack.workspace.root().join("tests/fuzz/merchants.json");
    let mut keys = merchants::make(stack, &file).await?;
    let key = keys.remove(MERCHANT).with_context(|| format!("{MERCHANT} is not in {}", file.display()))?;

    let (wanted, at_once, first_seed) = match extent {
        Extent::Short => (1, 1, SHORT_SEED),
        Extent::Requests(wanted) => (wanted, AT_ONCE, random_seed()?),
    };
    let fuzzing = step(format!("fuzzing the API with schemathesis, seed {first_seed}"));
    let mut total = Report::default();
    for round in 0..MOST_ROUNDS {
        let seeds = first_seed + round * at_once..first_seed + (round + 1) * at_once;
        let runs = seeds.map(|seed| run(stack, &key, Run::of(extent, seed)));
        let mut clean = true;
        for outcome in futures::future::join_all(runs).await {
            let (passed, report) = outcome?;
            clean &= passed;
            total.requests += report.requests;
            report.accepted.into_iter().for_each(|(name, times)| *total.accepted.entry(name).or_default() += times);
        }
        if !clean {
            note(format!("{} requests were made", total.requests));
            return Ok(false);
        }
        if total.requests >= wanted {
            break;
        }
        note(format!("{} requests", total.requests));
    }
    for (operation, times) in &total.accepted {
        note(format!("{operation}: accepted {times} times"));
    }
    if total.requests < wanted || total.accepted.values().all(|times| *times == 0) {
        bail!("{} requests, {wanted} were asked for, and some must be accepted", total.requests);
    }
    fuzzing.done(format!("{} requests, nothing found", total.requests));
    Ok(true)
}

fn folder(stack: &Stack) -> PathBuf {
    stack.workspace.florin().join("fuzz")
}

fn random_seed() -> Result<u64> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).context("reading random bytes")?;
    Ok(u64::from(u32::from_le_bytes(bytes)))
}

/// The contract without what only API Gateway reads, and without the paths that ask for a signature.
fn for_merchants(contract: &str) -> Result<String> {
    let mut document: Value = serde_yaml_ng::from_str(contract).context("the contract is not YAML")?;
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_mapping_mut) {
        let signed = |path: &str| SIGNED.iter().any(|begin| path.starts_with(begin));
        paths.retain(|path, _| !path.as_str().is_some_and(signed));
    }
    drop_extensions(&mut document);
    serde_json::to_string(&document).context("the contract is no JSON")
}

fn drop_extensions(value: &mut Value) {
    match value {
        Value::Mapping(fields) => {
            fields.retain(|name, _| !name.as_str().is_some_and(|name| name.starts_with("x-amazon-")));
            fields.values_mut().for_each(drop_extensions);
        }
        Value::Sequence(values) => values.iter_mut().for_each(drop_extensions),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Tagged(_) => {}
    }
}

/// Whether the run found nothing, and what it did. What it says is in its log, and shown if it found something.
async fn run(stack: &Stack, key: &str, run: Run) -> Result<(bool, Report)> {
    let (folder, log) = (folder(stack), stack.workspace.log(&run.name));
    let report = folder.join(format!("{}.json", run.name));
    let output = std::fs::File::create(&log).with_context(|| format!("making {}", log.display()))?;
    let errors = output.try_clone().context("sharing the log")?;
    let hooks = stack.workspace.root().join("tests/fuzz");
    let mut command = Command::new(stack.workspace.tool("schemathesis"));
    command
        .arg("--config-file")
        .arg(hooks.join("schemathesis.toml"))
        .args(["run", "openapi.json", "--no-color", "--workers", WORKERS, "--url", stack.api_url()?])
        .args(["--seed", &run.seed.to_string(), "--max-examples", &run.examples.to_string()])
        .current_dir(&folder)
        .env("PYTHONPATH", &hooks)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_PROXY", "127.0.0.1,localhost")
        .env("FLORIN_API_KEY", key)
        .env("FLORIN_FUZZ_SEED", run.seed.to_string())
        .env("FLORIN_FUZZ_REAL_PERCENT", run.real_percent.to_string())
        .env("FLORIN_FUZZ_REPORT", &report)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .kill_on_drop(true);
    let ended = tokio::time::timeout(RUN_BOUND, command.status()).await;
    let status = ended.context("schemathesis takes too long")?.context("starting schemathesis")?;
    let counted = std::fs::read(&report)
        .with_context(|| format!("no report; the run ended with {status}:\n{}", last_lines(&log)))?;
    std::fs::remove_file(&report).context("removing the report")?;
    if !status.success() {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        eprintln!("{}\nseed {}; all of it is in {}", said.trim(), run.seed, log.display());
    }
    Ok((status.success(), serde_json::from_slice(&counted).context("reading the hooks' report")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_for_merchants_is_left_out() {
        let contract = "paths:\n  /v1/a:\n    get: { summary: A, x-amazon-x: { uri: { Fn::Sub: b } } }\n  \
                        /operator/v1/b: { get: {} }\n";
        assert_eq!(for_merchants(contract).unwrap(), r#"{"paths":{"/v1/a":{"get":{"summary":"A"}}}}"#);
    }
}
