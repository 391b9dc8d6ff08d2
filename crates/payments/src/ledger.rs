//! Double entry: accounts, postings, entries that sum to zero per currency, and balances as their fold.

mod account;
pub mod audit;
pub mod block;

pub use account::Account;

use crate::currency::Currency;
use crate::event::{Data, Event};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One side of a movement. Debits are positive, credits negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// The account.
    pub account: Account,
    /// The currency.
    pub currency: Currency,
    /// Minor units, signed.
    pub minor: i64,
    /// The day on which it is due, `YYYY-MM-DD`: its settlement or its release. Absent where nothing is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
}

impl Posting {
    /// The account gets `minor` units.
    pub fn debit(account: Account, currency: Currency, minor: u64) -> Self {
        Self { account, currency, minor: signed(minor), due: None }
    }

    /// The account gives `minor` units.
    pub fn credit(account: Account, currency: Currency, minor: u64) -> Self {
        Self { account, currency, minor: -signed(minor), due: None }
    }

    /// The same, due on that day (`YYYY-MM-DD`).
    pub fn due_on(self, day: impl Into<String>) -> Self {
        Self { due: Some(day.into()), ..self }
    }

    /// The balance that it changes.
    pub fn key(&self) -> BalanceKey<'_> {
        BalanceKey { account: &self.account, currency: self.currency, due: self.due.as_deref() }
    }
}

fn signed(minor: u64) -> i64 {
    i64::try_from(minor).expect("an amount is at most 2^53 - 1")
}

/// Where a record stood: the ledger's shard is its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The Kafka partition.
    pub partition: u32,
    /// The offset in it.
    pub offset: i64,
}

/// The debits and credits do not cancel out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the postings in {currency} sum to {sum} instead of zero")]
pub struct Unbalanced {
    /// In which currency.
    pub currency: Currency,
    /// By how much.
    pub sum: i128,
}

/// An entry of the journal: made once per event, never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// The event that it comes from: what moved, and its version.
    pub event_id: String,
    /// By what a gateway or the bank can be asked about it: the capture's or refund's public id. What reconciliation
    /// matches by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// When the event happened (RFC 3339).
    pub occurred_at: String,
    /// Where the event's record stood.
    pub position: Position,
    /// What moves; sums to zero per currency.
    pub postings: Vec<Posting>,
}

impl JournalEntry {
    /// What the event tells of, such as the payment: its events are posted in their order.
    pub fn subject(&self) -> &str {
        self.event_id.rsplit_once(':').map_or(self.event_id.as_str(), |(subject, _)| subject)
    }

    /// The entry of an event. An entry that does not sum to zero per currency cannot be built.
    pub fn balanced(event: &Event, position: Position, postings: Vec<Posting>) -> Result<Self, Unbalanced> {
        for (place, Posting { currency, .. }) in postings.iter().enumerate() {
            let same = |other: &&Posting| other.currency == *currency;
            if postings[..place].iter().any(|other| same(&other)) {
                continue;
            }
            let sum: i128 = postings[place..].iter().filter(same).map(|other| i128::from(other.minor)).sum();
            if sum != 0 {
                return Err(Unbalanced { currency: *currency, sum });
            }
        }
        Ok(Self {
            event_id: event.id.clone(),
            reference: reference(event),
            occurred_at: event.occurred_at.clone(),
            position,
            postings,
        })
    }
}

/// By what others know what the event is about: a gateway the operation, the bank what the payer wrote.
fn reference(event: &Event) -> Option<String> {
    match &event.data {
        Data::Payment(payment) => payment.operation.as_ref().map(|operation| operation.id.to_string()),
        Data::Payout(payout) => Some(payout.id.to_string()),
        Data::Bank(movement) => Some(movement.payer_reference().to_owned()),
    }
}

/// What a balance is kept for: an account, in one currency, due on one day. Each Kafka partition has its own shard of it,
/// so that no two consumers ever change one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BalanceKey<'a> {
    /// The account.
    pub account: &'a Account,
    /// The currency.
    pub currency: Currency,
    /// The day on which it is due, if it waits for one.
    pub due: Option<&'a str>,
}

impl BalanceKey<'_> {
    /// The name of that partition's shard among the account's: `EUR#2`, or `EUR#2026-11-25#2` with a due date.
    pub fn shard(&self, partition: u32) -> String {
        match self.due {
            Some(due) => format!("{}#{due}#{partition}", self.currency),
            None => format!("{}#{partition}", self.currency),
        }
    }
}

/// A change of one balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Minor units, signed.
    pub minor: i64,
    /// How many postings it is made of.
    pub postings: u64,
}

/// Changes while they are folded: a tree would compare each posting's key with ten others.
type Deltas<'a> = FxHashMap<BalanceKey<'a>, Delta>;

/// Folds the postings of entries to one change per account, currency and due date.
pub fn fold<'a>(entries: impl IntoIterator<Item = &'a JournalEntry>) -> BTreeMap<BalanceKey<'a>, Delta> {
    let mut deltas = Deltas::default();
    entries.into_iter().for_each(|entry| fold_into(&mut deltas, entry));
    deltas.into_iter().collect()
}

/// Adds an entry's postings to the changes.
fn fold_into<'a>(deltas: &mut Deltas<'a>, entry: &'a JournalEntry) {
    for posting in &entry.postings {
        let delta = deltas.entry(posting.key()).or_default();
        delta.minor = delta.minor.checked_add(posting.minor).expect("a batch of amounts below 2^53 fits an i64");
        delta.postings += 1;
    }
}

/// Takes them out again.
fn unfold<'a>(deltas: &mut Deltas<'a>, entry: &'a JournalEntry) {
    for posting in &entry.postings {
        if let Some(delta) = deltas.get_mut(&posting.key()) {
            delta.minor -= posting.minor;
            delta.postings -= 1;
        }
    }
    deltas.retain(|_, delta| delta.postings > 0);
}

/// A record that no consumer can read, on its way to the dead-letter topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// The topic that it came from.
    pub topic: String,
    /// Where it stood.
    pub position: Position,
    /// Its key, as it came; a record may have none.
    pub key: Option<Vec<u8>>,
    /// Its value, as it came; a tombstone has none.
    pub value: Option<Vec<u8>>,
    /// Why it cannot be read.
    pub reason: String,
}

/// The version of a dead letter's headers.
pub const DEAD_VERSION: u32 = 1;

/// The headers that a dead letter has: what is known of it besides what came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeadHeaders {
    /// Why it cannot be read.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub reason: String,
    /// Where it stood: topic, partition and offset, such as `payment-events-0:17`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[a-z-]+-[0-9]+:[0-9]+$")))]
    pub source: String,
}

impl Dead {
    /// Its headers.
    pub fn headers(&self) -> DeadHeaders {
        let Position { partition, offset } = self.position;
        DeadHeaders { reason: self.reason.clone(), source: format!("{}-{partition}:{offset}", self.topic) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(postings: Vec<Posting>) -> JournalEntry {
        JournalEntry {
            event_id: "pay_1:6".to_owned(),
            reference: None,
            occurred_at: "2026-11-23T12:00:00Z".to_owned(),
            position: Position { partition: 2, offset: 7 },
            postings,
        }
    }

    #[test]
    fn postings_fold_by_account_currency_and_due_date() {
        let euro: Currency = "EUR".parse().expect("a currency");
        let bank = || "test:own:bank".parse::<Account>().expect("an account");
        let payable = || "test:merchant:mer_a:payable".parse::<Account>().expect("an account");
        let entries = [
            entry(vec![
                Posting::debit(bank(), euro, 100),
                Posting::credit(payable(), euro, 60).due_on("2026-11-25"),
                Posting::credit(payable(), euro, 40).due_on("2026-11-26"),
            ]),
            entry(vec![Posting::debit(payable(), euro, 25).due_on("2026-11-25"), Posting::credit(payable(), euro, 25)]),
        ];
        let folded: Vec<_> = fold(&entries)
            .into_iter()
            .map(|(key, delta)| format!("{} {} {}/{}", key.account, key.shard(2), delta.minor, delta.postings))
            .collect();
        assert_eq!(
            folded,
            [
                "test:merchant:mer_a:payable EUR#2 -25/1",
                "test:merchant:mer_a:payable EUR#2026-11-25#2 -35/2",
                "test:merchant:mer_a:payable EUR#2026-11-26#2 -40/1",
                "test:own:bank EUR#2 100/1",
            ]
        );
    }

    #[test]
    fn a_posting_without_due_date_is_stored_without_the_attribute() {
        let euro = "EUR".parse().expect("a currency");
        let posting = Posting::debit("test:own:bank".parse().expect("an account"), euro, 5);
        let json = |posting: &Posting| serde_json::to_string(posting).expect("a posting has a JSON form");
        assert_eq!(json(&posting), r#"{"account":"test:own:bank","currency":"EUR","minor":5}"#);
        let due = posting.due_on("2026-11-25");
        assert_eq!(serde_json::from_str::<Posting>(&json(&due)).ok(), Some(due));
    }
}
