//! The payout: one record, one version per change, its lines frozen when it is created. No I/O: saving it on condition of
//! its version is the store's part.

use super::{PayoutFailure, PayoutLine, PayoutStatus};
use crate::amount::Amount;
use crate::bank_account::BankAccount;
use crate::currency::Currency;
use crate::id::{Mode, Owner, PayoutId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The layout of the stored record. A reader refuses a newer one.
pub const SCHEMA: u32 = 1;
/// The most accounts and due dates that one payout takes from: its ledger entry is one block's.
pub const MAX_LINES: usize = 90;

/// Where a payout stands in the table: an owner's payouts of one currency are numbered from 1, so that one conditional put
/// decides which comes next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PayoutKey {
    /// `<merchant>#<mode>#<currency>`.
    pub owner_currency: String,
    /// Its number.
    pub number: u32,
}

impl PayoutKey {
    /// The key of that number.
    pub fn new(owner: &Owner, currency: Currency, number: u32) -> Self {
        Self { owner_currency: Self::partition(owner, currency), number }
    }

    /// What all payouts of that owner and currency share.
    pub fn partition(owner: &Owner, currency: Currency) -> String {
        format!("{owner}#{currency}")
    }
}

/// A payout as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    /// Its place.
    #[serde(flatten)]
    pub key: PayoutKey,
    /// [`SCHEMA`].
    pub schema: u32,
    /// Its id.
    pub payout_id: PayoutId,
    /// Whose.
    pub owner: Owner,
    /// The day whose dues it pays, `YYYY-MM-DD`: later than that of the number before.
    pub day: String,
    /// How much: the sum of its lines, above zero.
    pub amount: Amount,
    /// What it is made of.
    pub lines: Vec<PayoutLine>,
    /// Where it goes.
    pub to: BankAccount,
    /// What the bank calls it.
    pub reference: String,
    /// The version, from 1.
    pub version: u32,
    /// How far it is.
    pub stage: PayoutStage,
    /// When it was created.
    pub created_at: Timestamp,
    /// One change per version, oldest first; at most one for each stage.
    pub history: Vec<PayoutChange>,
    /// `<mode>#<currency>` until it is in a file: the key of the index of payouts to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_send: Option<String>,
}

/// How far a payout is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum PayoutStage {
    /// Out of the balance, in no file yet.
    Created,
    /// In a file for the bank.
    Sent {
        /// Which.
        file: String,
    },
    /// The bank will pay it.
    Accepted {
        /// The file.
        file: String,
    },
    /// The bank has paid it.
    Paid {
        /// The bank's name for the movement.
        bank_reference: String,
        /// The day on which it was booked.
        booked_on: String,
    },
    /// The bank will not pay it: the money is in the balance again.
    Failed {
        /// Why.
        failure: PayoutFailure,
    },
    /// It was paid and came back: the money is in the balance again.
    Returned {
        /// The bank's name for the payment.
        paid_as: String,
        /// The bank's name for the money that came back.
        bank_reference: String,
        /// Why.
        failure: PayoutFailure,
    },
}

impl PayoutStage {
    /// Its name.
    pub fn status(&self) -> PayoutStatus {
        match self {
            Self::Created => PayoutStatus::Created,
            Self::Sent { .. } => PayoutStatus::Sent,
            Self::Accepted { .. } => PayoutStatus::Accepted,
            Self::Paid { .. } => PayoutStatus::Paid,
            Self::Failed { .. } => PayoutStatus::Failed,
            Self::Returned { .. } => PayoutStatus::Returned,
        }
    }
}

/// One line of a payout's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutChange {
    /// The version that it made.
    pub v: u32,
    /// When.
    pub at: Timestamp,
    /// What it became.
    pub to: PayoutStatus,
}

/// What comes of telling a payout something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It becomes this version.
    Next(Box<Payout>),
    /// It knows already.
    Known,
    /// It cannot be: the bank contradicts itself or us.
    Impossible,
}

/// What the merchant is owed of one account, by due date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// The text of its payable or its reserve.
    pub account: String,
    /// The day on which it is due.
    pub due: String,
    /// Minor units that the merchant is to get; negative for what it owes.
    pub minor: i64,
}

/// What is due comes to nothing, or to a debt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPayout {
    /// It stays in the balance, for another day.
    #[error("nothing is due to the merchant: {0} minor units are carried forward")]
    CarriedForward(i64),
    /// It is made of more parts than one ledger entry can have.
    #[error("due are {0} accounts and dates: expected at most {MAX_LINES}")]
    TooManyLines(usize),
    /// More than the rail carries in one transfer, or than an amount can be.
    #[error("due are {0} minor units: more than one transfer carries")]
    TooMuch(i128),
}

/// What a new payout is made from.
#[derive(Clone, Debug)]
pub struct Due<'a> {
    /// Whose.
    pub owner: &'a Owner,
    /// The currency.
    pub currency: Currency,
    /// The day.
    pub day: &'a str,
    /// The number after the latest payout's.
    pub number: u32,
    /// What is owed until that day.
    pub owed: Vec<Owed>,
    /// Where it goes.
    pub to: &'a BankAccount,
    /// The most minor units that one transfer carries.
    pub max_minor: u64,
    /// How long a transfer's reference may be.
    pub reference_length: usize,
}

impl Payout {
    /// The payout of what is due, if it comes to something.
    pub fn create(due: &Due<'_>, now: Timestamp) -> Result<Self, NoPayout> {
        let owed: Vec<&Owed> = due.owed.iter().filter(|owed| owed.minor != 0).collect();
        let sum: i128 = owed.iter().map(|owed| i128::from(owed.minor)).sum();
        if sum <= 0 {
            return Err(NoPayout::CarriedForward(i64::try_from(sum).unwrap_or(i64::MIN)));
        }
        if owed.len() > MAX_LINES {
            return Err(NoPayout::TooManyLines(owed.len()));
        }
        let minor = u64::try_from(sum).ok().filter(|minor| *minor <= due.max_minor).ok_or(NoPayout::TooMuch(sum))?;
        let amount = Amount::try_new(minor, due.currency).map_err(|_| NoPayout::TooMuch(sum))?;
        let line =
            |owed: &&Owed| PayoutLine { account: owed.account.clone(), due: Some(owed.due.clone()), minor: owed.minor };
        let payout_id = PayoutId::derive(due.owner, due.currency, due.day);
        let reference = payout_id.as_str().trim_start_matches("po_").chars().take(due.reference_length).collect();
        Ok(Self {
            key: PayoutKey::new(due.owner, due.currency, due.number),
            schema: SCHEMA,
            payout_id,
            owner: due.owner.clone(),
            day: due.day.to_owned(),
            amount,
            lines: owed.iter().map(line).collect(),
            to: due.to.clone(),
            reference,
            version: 1,
            stage: PayoutStage::Created,
            created_at: now,
            history: vec![PayoutChange { v: 1, at: now, to: PayoutStatus::Created }],
            to_send: Some(sending_key(due.owner.mode, due.currency)),
        })
    }

    /// It is in that file.
    pub fn send(self, file: &str, now: Timestamp) -> Told {
        match &self.stage {
            PayoutStage::Created => {
                let next = PayoutStage::Sent { file: file.to_owned() };
                self.becomes(next, now)
            }
            PayoutStage::Sent { file: in_file } | PayoutStage::Accepted { file: in_file } if in_file != file => {
                Told::Impossible
            }
            PayoutStage::Sent { .. }
            | PayoutStage::Accepted { .. }
            | PayoutStage::Paid { .. }
            | PayoutStage::Failed { .. }
            | PayoutStage::Returned { .. } => Told::Known,
        }
    }

    /// The bank will pay it.
    pub fn accept(self, now: Timestamp) -> Told {
        match &self.stage {
            PayoutStage::Sent { file } => {
                let next = PayoutStage::Accepted { file: file.clone() };
                self.becomes(next, now)
            }
            PayoutStage::Accepted { .. } | PayoutStage::Paid { .. } | PayoutStage::Returned { .. } => Told::Known,
            // A bank may reject what it accepted; not the other way around.
            PayoutStage::Created | PayoutStage::Failed { .. } => Told::Impossible,
        }
    }

    /// The bank will not pay it.
    pub fn reject(self, failure: PayoutFailure, now: Timestamp) -> Told {
        match &self.stage {
            PayoutStage::Sent { .. } | PayoutStage::Accepted { .. } => {
                self.becomes(PayoutStage::Failed { failure }, now)
            }
            PayoutStage::Failed { .. } => Told::Known,
            PayoutStage::Created | PayoutStage::Paid { .. } | PayoutStage::Returned { .. } => Told::Impossible,
        }
    }

    /// The bank has paid it.
    pub fn pay(self, amount: Amount, bank_reference: &str, booked_on: &str, now: Timestamp) -> Told {
        match &self.stage {
            PayoutStage::Sent { .. } | PayoutStage::Accepted { .. } if amount == self.amount => {
                let (bank_reference, booked_on) = (bank_reference.to_owned(), booked_on.to_owned());
                self.becomes(PayoutStage::Paid { bank_reference, booked_on }, now)
            }
            PayoutStage::Paid { bank_reference: known, .. } | PayoutStage::Returned { paid_as: known, .. }
                if known == bank_reference =>
            {
                Told::Known
            }
            PayoutStage::Created
            | PayoutStage::Sent { .. }
            | PayoutStage::Accepted { .. }
            | PayoutStage::Paid { .. }
            | PayoutStage::Failed { .. }
            | PayoutStage::Returned { .. } => Told::Impossible,
        }
    }

    /// It came back.
    pub fn give_back(self, amount: Amount, bank_reference: &str, failure: PayoutFailure, now: Timestamp) -> Told {
        match &self.stage {
            PayoutStage::Paid { bank_reference: paid_as, .. } if amount == self.amount => {
                let (paid_as, bank_reference) = (paid_as.clone(), bank_reference.to_owned());
                self.becomes(PayoutStage::Returned { paid_as, bank_reference, failure }, now)
            }
            PayoutStage::Returned { bank_reference: known, .. } if known == bank_reference => Told::Known,
            PayoutStage::Created
            | PayoutStage::Sent { .. }
            | PayoutStage::Accepted { .. }
            | PayoutStage::Paid { .. }
            | PayoutStage::Failed { .. }
            | PayoutStage::Returned { .. } => Told::Impossible,
        }
    }

    /// The change that made the latest version.
    pub fn latest_change(&self) -> &PayoutChange {
        self.history.last().expect("a payout is created with a first change and never loses one")
    }

    /// The id of the event of that version; the first one's is that by which it was taken out of the balance.
    pub fn event_id(&self, version: u32) -> String {
        format!("{}:{version}", self.payout_id)
    }

    /// Why it failed or came back.
    pub fn failure(&self) -> Option<&PayoutFailure> {
        match &self.stage {
            PayoutStage::Failed { failure } | PayoutStage::Returned { failure, .. } => Some(failure),
            PayoutStage::Created
            | PayoutStage::Sent { .. }
            | PayoutStage::Accepted { .. }
            | PayoutStage::Paid { .. } => None,
        }
    }

    fn becomes(self, stage: PayoutStage, now: Timestamp) -> Told {
        let version = self.version + 1;
        let mut history = self.history;
        history.push(PayoutChange { v: version, at: now, to: stage.status() });
        Told::Next(Box::new(Self { version, stage, history, to_send: None, ..self }))
    }
}

/// The key of the index of payouts to send.
pub fn sending_key(mode: Mode, currency: Currency) -> String {
    format!("{mode}#{currency}")
}

impl fmt::Display for PayoutKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.owner_currency, self.number)
    }
}
