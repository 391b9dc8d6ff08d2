//! The acquirer's account of what it really did: one entry per hold, changed on condition of its version.

use crate::cards::{Cardholder, Quirk};
use payments::amount::Amount;
use payments::failure::Unavailable;
use payments::gateway::{Effect, GatewayKey};
use payments::id::Mode;
use payments::reconcile::{Day, RowKind};
use payments::timestamp::Timestamp;
use payments_aws::{StartError, Table, unavailable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was done about one hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The key that placed it, or that was voided before it could.
    pub hold_key: String,
    /// One more with each change.
    pub version: u32,
    /// How much was to be held.
    #[serde(flatten)]
    pub amount: Amount,
    /// Whether the hold was placed.
    pub approved: bool,
    /// Minor units taken of it.
    pub captured: u64,
    /// Minor units let go after some were taken.
    #[serde(default)]
    pub released: u64,
    /// Minor units given back.
    #[serde(default)]
    pub refunded: u64,
    /// Whether it was let go before any were taken.
    pub voided: bool,
    /// What the network takes for itself of each capture, in ten-thousandths: by the card, when the hold was placed.
    #[serde(default)]
    pub rate: u32,
    /// How often authorisation orders came for it.
    pub requests: u32,
    /// How the network misbehaves for its card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quirk: Option<Quirk>,
    /// What its cardholder was asked, and has not answered yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    /// The effect of each key, once: a handful per hold.
    pub effects: BTreeMap<String, Effect>,
    /// In which world; known from the order that placed the hold.
    #[serde(default = "test_mode")]
    pub mode: Mode,
    /// What was taken and given back, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bookings: Vec<Booking>,
    /// The day of the latest booking: the key of the index `booked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booked_on: Option<Day>,
}

fn test_mode() -> Mode {
    Mode::Test
}

/// What a cardholder is asked before the hold is placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// What they will do.
    pub cardholder: Cardholder,
    /// When they were asked.
    pub asked_at: Timestamp,
    /// Whether a verification code came with the card.
    pub code_given: bool,
}

/// Money that moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// The key of its order.
    pub key: GatewayKey,
    /// Which way.
    pub kind: RowKind,
    /// Minor units.
    pub minor: u64,
    /// What the network took of them for itself.
    #[serde(default)]
    pub cost: u64,
    /// When.
    pub on: Day,
}

impl Entry {
    /// Minor units that are still held.
    pub fn held(&self) -> u64 {
        let open = self.approved && !self.voided;
        if open { self.amount.minor().saturating_sub(self.captured).saturating_sub(self.released) } else { 0 }
    }
}

/// What came of keeping an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is the latest now.
    Done,
    /// Someone else was faster; nothing was written.
    Conflict,
}

/// Keeps entries.
pub trait Account {
    /// The entry of that hold's key.
    fn entry(&self, hold_key: &str) -> impl Future<Output = Result<Option<Entry>, Unavailable>>;
    /// Stores the entry on condition that the stored version is the one before; version 1: that there is none.
    fn keep(&self, entry: &Entry) -> impl Future<Output = Result<Kept, Unavailable>>;
    /// The entries whose latest booking is of that day; they may be a moment old.
    fn booked_last_on(&self, day: Day) -> impl Future<Output = Result<Vec<Entry>, Unavailable>>;
}

/// The index of entries by the day of their latest booking.
const BOOKED_INDEX: &str = "booked";
/// Pages of one day's entries: 2,000 of 500 bytes each.
const MAX_PAGES: usize = 2000;

/// The account in DynamoDB.
#[derive(Clone, Debug)]
pub struct AcquirerTable(Table);

impl AcquirerTable {
    /// From `ACQUIRER_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("ACQUIRER_TABLE", "the acquirer's account").await?))
    }
}

impl Account for AcquirerTable {
    async fn entry(&self, hold_key: &str) -> Result<Option<Entry>, Unavailable> {
        self.0.get("hold_key", hold_key).await
    }

    async fn keep(&self, entry: &Entry) -> Result<Kept, Unavailable> {
        use aws_sdk_dynamodb::types::AttributeValue;
        let before = AttributeValue::N((entry.version - 1).to_string());
        let put = if entry.version == 1 {
            self.0.put_if(entry, "attribute_not_exists(hold_key)", &[]).await?
        } else {
            self.0.put_if(entry, "version = :before", &[(":before", before)]).await?
        };
        match put {
            payments_aws::Put::Done => Ok(Kept::Done),
            payments_aws::Put::Refused(Some(there)) if there == *entry => Ok(Kept::Done),
            payments_aws::Put::Refused(_) => Ok(Kept::Conflict),
        }
    }

    async fn booked_last_on(&self, day: Day) -> Result<Vec<Entry>, Unavailable> {
        use aws_sdk_dynamodb::types::AttributeValue;
        let mut entries = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let query = self.0.client.query().table_name(&self.0.name).index_name(BOOKED_INDEX);
            let page = query
                .key_condition_expression("booked_on = :day")
                .expression_attribute_values(":day", AttributeValue::S(day.to_string()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable("the acquirer's account", error))?;
            for item in page.items() {
                entries.push(self.0.read(item.clone())?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(entries);
            }
        }
        Err(Unavailable::new("the acquirer's account", format!("more than {MAX_PAGES} pages of {day}")))
    }
}
