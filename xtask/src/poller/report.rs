//! What the poller says about itself: one small file, written whole, read by `status`, `up` and tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::mapping::Mapping;
use crate::state::write_whole;
use crate::workspace::Workspace;

/// One mapping's counters since the poller started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// The whole mapping as it is served, to tell it from an earlier one with the same name.
    pub definition: String,
    /// The function it feeds.
    pub function: String,
    /// What it reads.
    pub topics: Vec<String>,
    /// Its consumer group.
    pub group: String,
    /// Partitions it has now, as `topic-number`; none while it joins its group.
    pub partitions: Vec<String>,
    /// Invocations.
    pub batches: u64,
    /// Records in them, counted again when they come again.
    pub records: u64,
    /// Invocations that failed in whole or in part.
    pub failures: u64,
    /// Records given up.
    pub given_up: u64,
    /// Records that wait or are out.
    pub waiting: usize,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whose it is: a report of an earlier poller says nothing about this one.
    pub pid: u32,
    /// Whether the deployed mappings were read at least once.
    pub started: bool,
    /// By logical id.
    pub mappings: BTreeMap<String, Counters>,
}

impl Report {
    /// The last one written, if there is one.
    pub fn load(workspace: &Workspace) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(workspace.poller_report()).ok()?).ok()
    }

    /// Whether this poller serves exactly these mappings, and each has its partitions.
    pub fn is_ready(&self, pid: i32, mappings: &[Mapping]) -> bool {
        let serves = |mapping: &Mapping| {
            self.mappings.get(&mapping.id).is_some_and(|counters| {
                counters.definition == format!("{mapping:?}") && !counters.partitions.is_empty()
            })
        };
        u32::try_from(pid) == Ok(self.pid)
            && self.started
            && self.mappings.len() == mappings.len()
            && mappings.iter().all(serves)
    }
}

/// The report while it is being made, shared by all mappings.
#[derive(Clone)]
pub struct Reporter {
    report: Arc<Mutex<Report>>,
}

impl Reporter {
    /// An empty report of this process.
    pub fn new() -> Self {
        Self { report: Arc::new(Mutex::new(Report { pid: std::process::id(), ..Report::default() })) }
    }

    fn change(&self, change: impl FnOnce(&mut Report)) {
        // A panic elsewhere leaves counters, nothing that could be inconsistent.
        change(&mut self.report.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    /// The mappings are known.
    pub fn started(&self) {
        self.change(|report| report.started = true);
    }

    /// A mapping is taken up.
    pub fn add(&self, mapping: &Mapping) {
        let counters = Counters {
            definition: format!("{mapping:?}"),
            function: mapping.function.clone(),
            topics: mapping.topics.clone(),
            group: mapping.group.clone(),
            ..Counters::default()
        };
        self.change(|report| drop(report.mappings.insert(mapping.id.clone(), counters)));
    }

    /// A mapping is gone.
    pub fn remove(&self, id: &str) {
        self.change(|report| drop(report.mappings.remove(id)));
    }

    /// Something happened to a mapping.
    pub fn count(&self, id: &str, count: impl FnOnce(&mut Counters)) {
        self.change(|report| {
            if let Some(counters) = report.mappings.get_mut(id) {
                count(counters);
            }
        });
    }

    /// Writes the file.
    pub fn write(&self, workspace: &Workspace) -> Result<()> {
        let mut copy = Report::default();
        self.change(|report| copy = report.clone());
        let text = serde_json::to_vec_pretty(&copy).context("encoding the poller's report")?;
        write_whole(&workspace.poller_report(), &text)
    }
}

impl Default for Reporter {
    fn default() -> Self {
        Self::new()
    }
}
