//! The topic: every partition's records, as `publish` appends them. Payments overlap, events of one payment are in order, and
//! some come a second time under another offset.

use crate::numbers::Numbers;
use crate::traffic::Traffic;

/// Partitions of the topic in memory.
pub const PARTITIONS: usize = 4;
/// Payments that are under way at one time.
const OPEN_PAYMENTS: usize = 3000;
/// Of a thousand events, those that are sent again later.
const SENT_AGAIN: usize = 20;
/// So many sent events wait to be sent again, so that the second one is far from the first.
const AGAIN_LATER: usize = 500;

/// An event of the traffic: which payment's, and which of its events.
pub type Sent = (u32, u8);

/// What was appended.
#[derive(Debug)]
pub struct Topic {
    /// Each partition's records, in order.
    pub partitions: Vec<Vec<Sent>>,
    /// Different events.
    pub events: u64,
    /// Of these, sent a second time under another offset.
    pub sent_again: u64,
}

impl Topic {
    /// At least so many events: every payment that is begun is finished.
    pub fn of(traffic: &Traffic, events: u64, seed: u64) -> Self {
        let mut numbers = Numbers::new(!seed);
        let mut topic = Self { partitions: vec![Vec::new(); PARTITIONS], events: 0, sent_again: 0 };
        let mut open: Vec<Sent> = Vec::new();
        let mut again: Vec<Sent> = Vec::new();
        let mut next_payment = 0;
        loop {
            while open.len() < OPEN_PAYMENTS && topic.events + (open.len() as u64) < events {
                open.push((next_payment, 0));
                next_payment += 1;
            }
            if open.is_empty() {
                return topic;
            }
            let place = numbers.below(open.len());
            let (payment, event) = open[place];
            topic.append(traffic, (payment, event));
            topic.events += 1;
            if numbers.chance(SENT_AGAIN) {
                again.push((payment, event));
            }
            if usize::from(event) + 1 == traffic.events(payment) {
                open.swap_remove(place);
            } else {
                open[place].1 += 1;
            }
            if again.len() > AGAIN_LATER {
                let place = numbers.below(again.len());
                let sent = again.swap_remove(place);
                topic.append(traffic, sent);
                topic.sent_again += 1;
            }
        }
    }

    /// Every different event that was sent.
    pub fn sent(&self) -> std::collections::BTreeSet<Sent> {
        self.partitions.iter().flatten().copied().collect()
    }

    /// To the partition of the payment's key.
    fn append(&mut self, traffic: &Traffic, sent: Sent) {
        let id = traffic.payment_id(sent.0);
        let place = usize::from(id.as_bytes()[id.len() - 1]) % PARTITIONS;
        self.partitions[place].push(sent);
    }
}
