//! Kills processes without a word while clients pay: functions by chance, now and then the poller or the broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use bench::numbers::Numbers;

use crate::state::{Server, State};
use crate::workspace::Workspace;
use crate::{broker, crash};

/// The shortest time between two kills, and how much longer it may be.
const PAUSE_MILLISECONDS: (u64, usize) = (400, 1200);
/// Of so many kills, one is of the poller and one of the broker.
const ROUND: usize = 40;
/// Which of them.
const POLLER_DIES: usize = 8;
const BROKER_DIES: usize = 16;
/// How long the broker stays away.
const AWAY: Duration = Duration::from_secs(4);

/// What happens to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broker {
    /// It is killed, and comes back with what is on its disk.
    Dies,
    /// It stops for a while: its log is in memory, and others need it.
    Sleeps,
}

/// Who was killed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Casualties {
    /// Processes of functions.
    pub functions: usize,
    /// Times that the poller died.
    pub pollers: usize,
    /// Times that the broker died, or slept.
    pub brokers: usize,
}

impl Casualties {
    /// All.
    pub fn all(self) -> usize {
        self.functions + self.pollers + self.brokers
    }
}

/// Kills until it is told that the clients have done.
pub async fn kill(workspace: Workspace, seed: u64, broker: Broker, paying: Arc<AtomicBool>) -> Result<Casualties> {
    let mut numbers = Numbers::new(seed.rotate_left(32));
    let mut casualties = Casualties::default();
    let (shortest, longer) = PAUSE_MILLISECONDS;
    for turn in 0.. {
        tokio::time::sleep(Duration::from_millis(shortest + numbers.below(longer) as u64)).await;
        if !paying.load(Ordering::Relaxed) {
            break;
        }
        match turn % ROUND {
            POLLER_DIES => {
                crash::restart_poller(&workspace).await?;
                casualties.pollers += 1;
            }
            BROKER_DIES => {
                interrupt(&workspace, broker).await?;
                casualties.brokers += 1;
            }
            _ => {
                let running = crash::function_processes(&workspace);
                if !running.is_empty() {
                    running[numbers.below(running.len())].kill();
                    casualties.functions += 1;
                }
            }
        }
    }
    Ok(casualties)
}

async fn interrupt(workspace: &Workspace, broker: Broker) -> Result<()> {
    match broker {
        Broker::Dies => broker::crash(workspace, AWAY).await,
        Broker::Sleeps => {
            let state = State::load(workspace).context("no stack here")?;
            let process = state.servers.get(&Server::Kafka).context("no broker runs")?;
            process.pause();
            tokio::time::sleep(AWAY).await;
            process.resume();
            Ok(())
        }
    }
}
