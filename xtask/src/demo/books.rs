//! What the tables say: payments, journal, balances, fee lines and the simulated acquirer's own account.
//!
//! The stored names are spelled out here once more on purpose: an audit that shares its reader with the audited code
//! shares its mistakes.

use std::collections::BTreeSet;

use anyhow::Result;
use serde::Deserialize;

use crate::tables::Tables;

/// A snapshot of all that is verified.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// From `payments`.
    pub payments: Vec<Payment>,
    /// From `journal`: those that a block lists.
    pub entries: Vec<Entry>,
    /// From `fee-lines`.
    pub fee_lines: Vec<FeeLine>,
    /// From `balances`.
    pub balances: Vec<Balance>,
    /// From `acquirer`.
    pub holds: Vec<Hold>,
}

/// A payment.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the attribute of its name")]
pub struct Payment {
    pub payment_id: String,
    pub owner: String,
    pub amount: u64,
    pub currency: String,
    pub stage: Stage,
    #[serde(default)]
    pub operations: Vec<Operation>,
}

/// The gateway whose account is in the books.
pub const ACQUIRER: &str = "simulated";

/// Where a payment is.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the attribute of its name")]
pub struct Stage {
    pub name: String,
    #[serde(default)]
    pub gateway: Option<String>,
    #[serde(default)]
    pub hold: Option<HeldBy>,
}

/// Who holds a payment's money.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the attribute of its name")]
pub struct HeldBy {
    pub gateway: String,
}

/// A capture, a cancel, a refund or a review.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the attribute of its name")]
pub struct Operation {
    pub id: String,
    #[serde(rename = "do")]
    pub action: String,
    #[serde(default)]
    pub amount: u64,
    #[serde(default)]
    pub reference: Option<String>,
    #[serde(default)]
    pub settlement: Option<Settlement>,
    #[serde(default)]
    pub deduction: Option<Deduction>,
    #[serde(default)]
    pub end: Option<u32>,
}

/// What a merchant is owed for a capture.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the attribute of its name")]
pub struct Settlement {
    pub gross: u64,
    pub fee: u64,
    #[serde(default)]
    pub reserve: u64,
    pub net: u64,
}

/// What a refund takes away besides its amount.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the attribute of its name")]
pub struct Deduction {
    pub fee: u64,
}

/// Money that an operation moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Money {
    /// From the cardholder.
    Captured {
        /// Minor units.
        gross: u64,
        /// Of these, what we keep.
        fee: u64,
        /// Of these, what is held back for later.
        reserve: u64,
        /// Of these, what the merchant gets.
        net: u64,
    },
    /// Back to the cardholder.
    Refunded {
        /// Minor units.
        amount: u64,
        /// What the merchant pays for it besides.
        fee: u64,
    },
}

/// A movement of money with the event that tells of it.
#[derive(Clone, Debug)]
pub struct Movement<'a> {
    /// `pay_…:6`.
    pub event: String,
    /// Of which payment.
    pub payment: &'a Payment,
    /// How much.
    pub money: Money,
}

/// An entry of the journal.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the attribute of its name")]
pub struct Entry {
    pub event_id: String,
    pub postings: Vec<Posting>,
}

/// A block of the journal: the entries that it lists count.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the attribute of its name")]
pub struct Block {
    pub event_ids: Vec<String>,
}

/// One side of a movement; debits are positive.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the attribute of its name")]
pub struct Posting {
    pub account: String,
    pub currency: String,
    pub minor: i64,
}

/// A line of a merchant's bill.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the attribute of its name")]
pub struct FeeLine {
    pub line_id: String,
    pub merchant_id: String,
    pub mode: String,
    pub currency: String,
    pub fee: u64,
}

/// One shard of an account's balance.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the attribute of its name")]
pub struct Balance {
    pub account: String,
    pub currency: String,
    pub minor: i64,
    #[serde(default)]
    pub postings: u64,
}

/// A hold as the acquirer has it.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the attribute of its name")]
pub struct Hold {
    pub hold_key: String,
    #[serde(default)]
    pub amount: u64,
    #[serde(default)]
    pub currency: String,
    #[serde(default)]
    pub captured: u64,
    #[serde(default)]
    pub released: u64,
    #[serde(default)]
    pub refunded: u64,
    #[serde(default)]
    pub bookings: Vec<Booking>,
    #[serde(default)]
    pub voided: bool,
    #[serde(default)]
    pub approved: bool,
}

/// Money that moved at the acquirer.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the attribute of its name")]
pub struct Booking {
    #[serde(default)]
    pub cost: u64,
}

impl Payment {
    /// Whose it is: `mer_…` of `mer_…#test`.
    pub fn merchant(&self) -> &str {
        self.parts().0
    }

    /// In which world: `test` of `mer_…#test`.
    pub fn mode(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        self.owner.split_once('#').unwrap_or((&self.owner, ""))
    }

    /// What a merchant sees of the stage.
    pub fn status(&self) -> &str {
        match self.stage.name.as_str() {
            "created" | "authorizing" | "authorized" | "capturing" | "captured" | "voiding" => "processing",
            "authenticating" => "requires_action",
            "refunding" => "succeeded",
            rest => rest,
        }
    }

    /// Whether nothing is under way.
    pub fn is_at_rest(&self) -> bool {
        self.status() != "processing" && self.stage.name != "refunding"
    }

    /// Whether its gateway is the one whose account is in these books; what others did stands in theirs.
    pub fn is_at_acquirer(&self) -> bool {
        let Stage { gateway, hold, .. } = &self.stage;
        let gateway = hold.as_ref().map(|hold| &hold.gateway).or(gateway.as_ref());
        gateway.is_none_or(|gateway| gateway == ACQUIRER)
    }

    /// Whether a hold may stand for it.
    pub fn waits(&self) -> bool {
        matches!(self.status(), "requires_capture" | "in_review")
    }

    /// The money that it moved, oldest first.
    pub fn movements(&self) -> impl Iterator<Item = Movement<'_>> {
        self.operations.iter().filter_map(|operation| {
            let end = operation.end?;
            Some(Movement { event: format!("{}:{}", self.payment_id, end), payment: self, money: operation.money()? })
        })
    }

    /// What was taken.
    pub fn captured(&self) -> i128 {
        self.sum("capture")
    }

    /// What was given back.
    pub fn refunded(&self) -> i128 {
        self.sum("refund")
    }

    /// What took effect at the gateway.
    fn sum(&self, action: &str) -> i128 {
        let effective = self.operations.iter().filter(|operation| operation.reference.is_some());
        effective.filter(|operation| operation.action == action).map(|operation| i128::from(operation.amount)).sum()
    }
}

impl Operation {
    fn money(&self) -> Option<Money> {
        match (self.action.as_str(), &self.settlement, &self.reference) {
            ("capture", Some(settlement), _) => {
                let Settlement { gross, fee, reserve, net } = *settlement;
                Some(Money::Captured { gross, fee, reserve, net })
            }
            ("refund", _, Some(_)) => {
                let fee = self.deduction.as_ref().map_or(0, |deduction| deduction.fee);
                Some(Money::Refunded { amount: self.amount, fee })
            }
            _ => None,
        }
    }
}

impl Hold {
    /// Whose it is: `pay_…` of `pay_…:authorize:1`.
    pub fn payment_id(&self) -> &str {
        let (id, _) = self.hold_key.split_once(':').unwrap_or((&self.hold_key, ""));
        id
    }

    /// How much of the cardholder's money it still blocks.
    pub fn held(&self) -> i128 {
        let open = self.approved && !self.voided;
        if open { i128::from(self.amount) - i128::from(self.captured) - i128::from(self.released) } else { 0 }
    }
}

impl Books {
    /// All money that was moved.
    pub fn movements(&self) -> impl Iterator<Item = Movement<'_>> {
        self.payments.iter().flat_map(Payment::movements)
    }

    /// Reads every table. Payments first: what follows from them may only be there already, never not yet.
    pub async fn read(tables: &Tables<'_>) -> Result<Self> {
        let payments = tables.scan("payments", "stage").await?;
        let blocks: Vec<Block> = tables.scan("ledger-blocks", "event_ids").await?;
        let listed: BTreeSet<&String> = blocks.iter().flat_map(|block| &block.event_ids).collect();
        let entries: Vec<Entry> = tables.scan("journal", "postings").await?;
        Ok(Self {
            payments,
            entries: entries.into_iter().filter(|entry| listed.contains(&entry.event_id)).collect(),
            fee_lines: tables.scan("fee-lines", "fee").await?,
            balances: tables.scan("balances", "minor").await?,
            holds: tables.scan("acquirer", "hold_key").await?,
        })
    }
}
