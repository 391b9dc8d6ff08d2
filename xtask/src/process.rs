//! Background processes: started to outlive us, found again by pid and start time, stopped to the last child.
//!
//! Every process carries a marker in its environment, which its children inherit, or runs a program of ours. So Lambda
//! processes that MiniStack started are found even after MiniStack itself was killed, and no process group or
//! reused pid is ever trusted. It refuses to know what the processes do. Needs Linux's /proc.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// The marker's name; its value is the stack's `.florin` folder.
pub const MARKER: &str = "FLORIN_STACK";

/// Where the stack's own programs are: the servers' copies, and the functions that MiniStack unpacks.
const PROGRAMS: [&str; 2] = ["bin", "tmp"];
/// How long a process may take to obey SIGTERM: the poller finishes its invocations first.
const TERM_BOUND: Duration = Duration::from_secs(10);
/// How long the kernel may take to bury a killed process.
const KILL_BOUND: Duration = Duration::from_secs(5);
/// How often conditions are looked at while waiting.
pub const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A process that can be told apart from a later one with the same pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Process {
    /// Its pid.
    pub pid: i32,
    /// Clock ticks from boot to its start, as in `/proc/<pid>/stat`.
    pub started: u64,
}

impl Process {
    fn find(pid: i32) -> Option<Self> {
        let (started, running) = read_stat(pid)?;
        running.then_some(Self { pid, started })
    }

    /// Whether this very process, not a later one with its pid, is there and not a zombie.
    pub fn is_alive(&self) -> bool {
        Self::find(self.pid) == Some(*self)
    }

    fn signal(&self, signal: Signal) {
        if self.is_alive() {
            // It may have ended in between: that is what was wanted.
            let _ = kill(Pid::from_raw(self.pid), signal);
        }
    }

    /// SIGKILL, for tests of crashes.
    pub fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    /// SIGSTOP, for tests of outages: its connections stay open, and nothing comes back.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// SIGCONT: it goes on as if nothing had been.
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }
}

/// Start time in ticks, and whether it is more than a zombie.
fn read_stat(pid: i32) -> Option<(u64, bool)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the command, may hold spaces and brackets: count from its closing bracket.
    let after_command = stat.rsplit_once(") ")?.1;
    let mut fields = after_command.split(' ');
    let state = fields.next()?;
    let started = fields.nth(18)?.parse().ok()?;
    Some((started, !matches!(state, "Z" | "X")))
}

/// Says plainly that this machine cannot tell processes apart.
pub fn check_platform() -> Result<()> {
    if Path::new("/proc/self/environ").exists() {
        return Ok(());
    }
    bail!("the local stack needs Linux: it tells its processes apart by /proc")
}

/// This program's path. A build may have put a new file there since; what is started of it is that one.
pub fn own_program() -> Result<PathBuf> {
    let program = std::env::current_exe().context("finding our own program")?;
    let text = program.to_string_lossy();
    Ok(text.strip_suffix(" (deleted)").map_or_else(|| program.clone(), PathBuf::from))
}

/// Starts `command` detached, with its output appended to `log`.
pub fn start(command: &mut Command, stack: &Path, log: &Path) -> Result<Process> {
    let output = open_log(log)?;
    let errors = output.try_clone().context("sharing the log between stdout and stderr")?;
    let child = command
        .env(MARKER, stack)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .with_context(|| format!("starting {}", command.get_program().display()))?;
    let pid = i32::try_from(child.id()).context("a pid beyond what the kernel gives")?;
    Process::find(pid).with_context(|| format!("it ended at once; see {}", log.display()))
}

fn open_log(log: &Path) -> Result<File> {
    OpenOptions::new().create(true).append(true).open(log).with_context(|| format!("opening {}", log.display()))
}

/// Every living process that carries this stack's marker, and the given ones; never ourselves.
pub fn members(stack: &Path, recorded: &[Process]) -> BTreeSet<Process> {
    let own = std::process::id();
    let marker = format!("{MARKER}={}", stack.display());
    let mut found: BTreeSet<Process> = recorded.iter().filter(|process| process.is_alive()).copied().collect();
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return found;
    };
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        if belongs(&entry.path(), stack, &marker) {
            found.extend(Process::find(pid));
        }
    }
    found.retain(|process| u32::try_from(process.pid) != Ok(own));
    found
}

/// By its marker, or by its program: some servers overwrite their environment with their title.
fn belongs(process: &Path, stack: &Path, marker: &str) -> bool {
    let program = std::fs::read_link(process.join("exe")).unwrap_or_default();
    if PROGRAMS.iter().any(|folder| program.starts_with(stack.join(folder))) {
        return true;
    }
    // Another user's process cannot be read, and is not ours.
    let environment = std::fs::read(process.join("environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == marker.as_bytes())
}

/// Stops `first` in order, then every other member; SIGKILL after a bound. Returns how many were stopped.
pub async fn stop_all(stack: &Path, first: &[Process]) -> Result<usize> {
    let mut stopped = members(stack, first);
    for process in first {
        stop(process).await?;
    }
    for (signal, bound) in [(Signal::SIGTERM, TERM_BOUND), (Signal::SIGKILL, KILL_BOUND)] {
        let deadline = Instant::now() + bound;
        let mut told = BTreeSet::new();
        loop {
            // A dying server may still start children: look again each time.
            let remaining = members(stack, first);
            stopped.extend(&remaining);
            if remaining.is_empty() {
                return Ok(stopped.len());
            }
            for process in remaining {
                if told.insert(process) {
                    process.signal(signal);
                }
            }
            if Instant::now() >= deadline {
                break;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
    bail!("these processes survived SIGKILL: {:?}", members(stack, first))
}

/// Stops one process: SIGTERM, and SIGKILL after a bound.
pub async fn stop(process: &Process) -> Result<()> {
    for (signal, bound) in [(Signal::SIGTERM, TERM_BOUND), (Signal::SIGKILL, KILL_BOUND)] {
        process.signal(signal);
        let deadline = Instant::now() + bound;
        while process.is_alive() {
            if Instant::now() >= deadline {
                break;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
    if process.is_alive() {
        bail!("process {} survived SIGKILL", process.pid);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reused_pid_is_not_the_same_process() {
        let own = Process::find(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(own.is_alive());
        assert!(!Process { started: own.started + 1, ..own }.is_alive());
    }
}
