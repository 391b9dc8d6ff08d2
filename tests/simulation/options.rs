//! What is drawn from a seed before anything happens: which faults there are, how often, and what the world is like.

use crate::service::Service;
use crate::time::{HOUR, MINUTE, SECOND};
use fastrand::Rng;
use std::fmt;

/// How an I/O goes wrong, or how what carries it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Fault {
    /// It fails, and nothing happens.
    Before,
    /// It happens, and its answer is lost.
    After,
    /// Its caller is told that it failed; later it happens.
    Late,
    /// It happens twice: what sends it did not hear the first answer.
    Twice,
    /// It takes longer than most callers wait.
    Slow,
    /// The service says that it is asked too often; nothing happens.
    Throttled,
    /// The process dies before it.
    DiesBefore,
    /// The process dies after it.
    DiesAfter,
    /// What is read is not what was written last; where that is allowed only.
    Stale,
    /// The two cannot reach each other for a while.
    Apart,
}

pub const FAULTS: [Fault; 10] = [
    Fault::Before,
    Fault::After,
    Fault::Late,
    Fault::Twice,
    Fault::Slow,
    Fault::Throttled,
    Fault::DiesBefore,
    Fault::DiesAfter,
    Fault::Stale,
    Fault::Apart,
];

/// Out of how many I/Os a rate is said.
pub const PER: u32 = 10_000;

/// A service that one kind of process cannot reach, or none can.
#[derive(Clone, Copy, Debug)]
pub struct Partition {
    pub service: Service,
    /// The place of the function in the list; none: everybody.
    pub process: Option<u8>,
    pub from: i64,
    pub until: i64,
    /// What is asked for arrives and is done, and the answers do not come.
    pub deaf: bool,
}

/// What a gateway is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manners {
    pub look_up: bool,
    pub several_captures: bool,
    pub partial_refund: bool,
    pub drafts: bool,
    pub authentication: bool,
    /// Of so many authorisations in ten thousand, each is declined by the issuer for a reason that passes.
    pub soft_declines: u32,
    /// An order that is under way is no effect yet: a look-up may answer that there is none.
    pub forgets_for_a_while: bool,
}

/// What the seed says.
#[derive(Clone, Debug)]
pub struct Options {
    pub seed: u64,
    pub payments: u32,
    /// Rates of [`FAULTS`], in their order, per [`PER`].
    pub rates: [u32; 10],
    pub partitions: Vec<Partition>,
    /// The rates hold for so long, the partitions for as long as each says.
    pub storm: i64,
    /// Faults stop so long after the beginning.
    pub calm_after: i64,
    /// Over how long the payments begin.
    pub spread: i64,
    pub standard: bool,
    pub skew: i64,
    pub topic_partitions: u32,
    pub shards: u32,
    pub batch: usize,
    pub cards: u32,
    /// So many batches are given up by the stream's pollers, and told by `republish`: each costs a walk over the table.
    pub given_up: u32,
    pub gateways: [Manners; 2],
    /// The merchants route over both gateways.
    pub two_gateways: bool,
}

impl Options {
    /// The world of that seed.
    pub fn draw(seed: u64, payments: u32) -> Self {
        let mut rng = Rng::with_seed(seed);
        let rng = &mut rng;
        // Swarm: each kind of fault is there or not, so that none always hides another; some worlds are calm.
        let intensity = [0, 1500, 1800, 2000, 2200, 3000][rng.usize(..6)];
        let mut rates = [0; 10];
        let shares: Vec<u32> = FAULTS.iter().map(|_| if rng.bool() { rng.u32(1..10) } else { 0 }).collect();
        let all = shares.iter().sum::<u32>().max(1);
        for (rate, share) in rates.iter_mut().zip(shares) {
            *rate = intensity * share / all;
        }
        // A process that dies stops a whole chain, and must not stop all of them.
        for death in [Fault::DiesBefore, Fault::DiesAfter] {
            rates[death as usize] = rates[death as usize].min(600);
        }
        let spread = [10 * SECOND, 2 * MINUTE, 20 * MINUTE][rng.usize(..3)];
        let storm = spread + [MINUTE, 10 * MINUTE, HOUR][rng.usize(..3)];
        let count = if intensity == 0 { 0 } else { rng.usize(..4) };
        let mut payments = payments;
        let mut partitions: Vec<Partition> = (0..count)
            .map(|_| {
                let from = rng.i64(0..storm);
                let until = from + rng.i64(SECOND..5 * MINUTE);
                let service = Service::ALL[rng.usize(..Service::ALL.len())];
                let process = rng.bool().then(|| rng.u8(..20));
                Partition { service, process, from, until: until.min(storm), deaf: rng.u32(..3) == 0 }
            })
            .collect();
        if intensity > 0 && rng.u32(..8) == 0 {
            // Longer than any payment is tried for: what was asked of that gateway has to be given up.
            let service = [Service::GatewayA, Service::GatewayB][rng.usize(..2)];
            let (from, until) = (rng.i64(0..spread), rng.i64(7 * HOUR..9 * HOUR));
            partitions.push(Partition { service, process: None, from, until, deaf: rng.bool() });
            // Each of them is tried a hundred times.
            payments = payments.div_ceil(4);
        }
        let calm_after = partitions.iter().map(|partition| partition.until).max().unwrap_or(0).max(storm);
        let gateways = [manners(rng, true), manners(rng, false)];
        Self {
            seed,
            payments,
            rates,
            partitions,
            storm,
            calm_after,
            spread,
            standard: rng.u32(..4) == 0,
            skew: [0, 50, 2_000][rng.usize(..3)],
            topic_partitions: rng.u32(1..4),
            shards: rng.u32(1..3),
            batch: [3, 10, 30, 100][rng.usize(..4)],
            cards: [payments / 8, payments / 2, 2 * payments][rng.usize(..3)].max(1),
            given_up: if intensity > 0 && rng.u32(..4) == 0 { rng.u32(1..4) } else { 0 },
            gateways,
            two_gateways: rng.bool(),
        }
    }
}

impl Options {
    /// Whether nothing at all goes wrong.
    pub fn are_without_faults(&self) -> bool {
        self.rates.iter().all(|rate| *rate == 0) && self.partitions.is_empty()
    }
}

fn manners(rng: &mut Rng, standard: bool) -> Manners {
    let usual = standard && rng.bool();
    let mut rare = |of: u32| !usual && rng.u32(..of) == 0;
    let look_up = !rare(4);
    Manners {
        look_up,
        several_captures: !rare(4),
        partial_refund: !rare(6),
        drafts: rare(4),
        // Whoever asks a cardholder can be asked what they did.
        authentication: look_up && !rare(4),
        soft_declines: if rare(2) { 1500 } else { 0 },
        forgets_for_a_while: rare(3),
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}, {} payments on {} cards over {} s",
            self.seed,
            self.payments,
            self.cards,
            self.spread / SECOND
        )?;
        write!(f, "faults until {} s, per {PER} I/Os:", self.storm / SECOND)?;
        for (fault, rate) in FAULTS.iter().zip(self.rates).filter(|(_, rate)| *rate > 0) {
            write!(f, " {fault:?} {rate}")?;
        }
        writeln!(f)?;
        for partition in &self.partitions {
            let Partition { service, process, from, until, deaf } = partition;
            let whose = process.map_or("everybody".to_owned(), |process| format!("process kind {process}"));
            let how = if *deaf { "hears nothing of" } else { "cannot reach" };
            writeln!(f, "{whose} {how} {service:?} from {} s to {} s", from / SECOND, until / SECOND)?;
        }
        writeln!(
            f,
            "{}, clocks {} ms apart, {} topic partitions, {} stream shards, batches of {}, streams give up {} batches",
            if self.standard { "STANDARD" } else { "EXPRESS" },
            self.skew,
            self.topic_partitions,
            self.shards,
            self.batch,
            self.given_up,
        )?;
        write!(f, "gateway a {:?}", self.gateways[0])?;
        if self.two_gateways { write!(f, "\ngateway b {:?}", self.gateways[1]) } else { Ok(()) }
    }
}
