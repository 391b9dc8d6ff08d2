//! What the tables say: payments, journal, balances, fee lines and the simulated acquirer's own account.
//!
//! The stored names are spelled out here once more on purpose: an audit that shares its reader with the audited code
//! shares its mistakes.

use anyhow::Result;
use serde::Deserialize;

use crate::tables::Tables;

/// A snapshot of all that is verified.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// From `payments`.
    pub payments: Vec<Payment>,
    /// From `journal`.
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
    pub version: u32,
    pub merchant_id: String,
    pub mode: String,
    pub amount: u64,
    pub currency: String,
    pub stage: Stage,
}

/// Where a payment is.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the attribute of its name")]
pub struct Stage {
    pub name: String,
    #[serde(default)]
    pub settlement: Option<Settlement>,
}

/// What a merchant is owed for a payment.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the attribute of its name")]
pub struct Settlement {
    pub gross: u64,
    pub fee: u64,
    pub net: u64,
}

/// An entry of the journal.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "each field is the attribute of its name")]
pub struct Entry {
    pub event_id: String,
    pub postings: Vec<Posting>,
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
    pub currency: String,
    #[serde(default)]
    pub captured: u64,
    #[serde(default)]
    pub voided: bool,
    #[serde(default)]
    pub approved: bool,
}

impl Payment {
    /// What a merchant sees of the stage.
    pub fn status(&self) -> &str {
        match self.stage.name.as_str() {
            "created" | "authorizing" | "authorized" | "capturing" | "captured" | "voiding" => "processing",
            rest => rest,
        }
    }

    /// The event that moves its money, if it succeeded.
    pub fn money_event(&self) -> Option<String> {
        let succeeded = self.status() == "succeeded";
        succeeded.then(|| format!("{}:{}", self.payment_id, self.version))
    }

    /// What was taken.
    pub fn gross(&self) -> u64 {
        self.stage.settlement.as_ref().map_or(0, |settlement| settlement.gross)
    }

    /// What it costs the merchant.
    pub fn fee(&self) -> u64 {
        self.stage.settlement.as_ref().map_or(0, |settlement| settlement.fee)
    }
}

impl Hold {
    /// Whose it is: `pay_…` of `pay_…:authorize:1`.
    pub fn payment_id(&self) -> &str {
        let (id, _) = self.hold_key.split_once(':').unwrap_or((&self.hold_key, ""));
        id
    }

    /// Whether it still blocks the cardholder's money.
    pub fn is_open(&self) -> bool {
        self.approved && !self.voided && self.captured == 0
    }
}

impl Books {
    /// Reads every table. Payments first: what follows from them may only be there already, never not yet.
    pub async fn read(tables: &Tables<'_>) -> Result<Self> {
        Ok(Self {
            payments: tables.scan("payments", "stage").await?,
            entries: tables.scan("journal", "postings").await?,
            fee_lines: tables.scan("fee-lines", "fee").await?,
            balances: tables.scan("balances", "minor").await?,
            holds: tables.scan("acquirer", "hold_key").await?,
        })
    }
}
