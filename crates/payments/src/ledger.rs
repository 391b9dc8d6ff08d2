//! Double entry: accounts, postings, entries that sum to zero per currency, and balances as their fold.

use crate::currency::Currency;
use crate::event::Event;
use crate::gateway::GatewayName;
use crate::id::{MerchantId, Mode, PaymentId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// An account. Its text is its key in the tables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// What we owe a merchant.
    MerchantPayable {
        /// Whom.
        merchant_id: MerchantId,
        /// In which world.
        mode: Mode,
    },
    /// What a gateway owes us.
    GatewayReceivable {
        /// Which.
        gateway: GatewayName,
        /// In which world.
        mode: Mode,
    },
    /// What we earned in fees.
    FeeRevenue {
        /// In which world.
        mode: Mode,
    },
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MerchantPayable { merchant_id, mode } => write!(f, "{mode}:merchant:{merchant_id}:payable"),
            Self::GatewayReceivable { gateway, mode } => write!(f, "{mode}:gateway:{gateway}:receivable"),
            Self::FeeRevenue { mode } => write!(f, "{mode}:own:fee-revenue"),
        }
    }
}

/// One side of a movement. Debits are positive, credits negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// The account's text.
    pub account: String,
    /// The currency.
    pub currency: Currency,
    /// Minor units, signed.
    pub minor: i64,
}

impl Posting {
    /// The account gets `minor` units.
    pub fn debit(account: Account, currency: Currency, minor: u64) -> Self {
        Self { account: account.to_string(), currency, minor: signed(minor) }
    }

    /// The account gives `minor` units.
    pub fn credit(account: Account, currency: Currency, minor: u64) -> Self {
        Self { account: account.to_string(), currency, minor: -signed(minor) }
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
    /// The event that it comes from.
    pub event_id: String,
    /// The payment whose money it is, if it is one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// When the event happened (RFC 3339).
    pub occurred_at: String,
    /// Where the event's record stood.
    pub position: Position,
    /// What moves; sums to zero per currency.
    pub postings: Vec<Posting>,
}

impl JournalEntry {
    /// The entry of an event. An entry that does not sum to zero per currency cannot be built.
    pub fn balanced(event: &Event, position: Position, postings: Vec<Posting>) -> Result<Self, Unbalanced> {
        let mut sums = BTreeMap::<Currency, i128>::new();
        for posting in &postings {
            *sums.entry(posting.currency).or_default() += i128::from(posting.minor);
        }
        if let Some((currency, sum)) = sums.into_iter().find(|(_, sum)| *sum != 0) {
            return Err(Unbalanced { currency, sum });
        }
        Ok(Self {
            event_id: event.id.clone(),
            payment_id: event.payment().map(|payment| payment.id.clone()),
            occurred_at: event.occurred_at.clone(),
            position,
            postings,
        })
    }
}

/// A change of one account in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Minor units, signed.
    pub minor: i64,
    /// How many postings it is made of.
    pub postings: u64,
}

/// Folds the postings of entries to one change per account and currency.
pub fn fold<'a>(entries: impl IntoIterator<Item = &'a JournalEntry>) -> BTreeMap<(String, Currency), Delta> {
    let mut deltas = BTreeMap::<(String, Currency), Delta>::new();
    for posting in entries.into_iter().flat_map(|entry| &entry.postings) {
        let delta = deltas.entry((posting.account.clone(), posting.currency)).or_default();
        delta.minor = delta.minor.checked_add(posting.minor).expect("a batch of amounts below 2^53 fits an i64");
        delta.postings += 1;
    }
    deltas
}

/// A record that no consumer can read, on its way to the dead-letter topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// The topic that it came from.
    pub topic: String,
    /// Where it stood.
    pub position: Position,
    /// Its key, as it came.
    pub key: Vec<u8>,
    /// Its value, as it came.
    pub value: Vec<u8>,
    /// Why it cannot be read.
    pub reason: String,
}
