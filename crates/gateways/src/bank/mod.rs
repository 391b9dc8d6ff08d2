//! Bank rails: the files that a bank takes and gives, read and written without I/O.
//!
//! Written are ISO 20022 pain.001.001.09 ([`pain001`]) and NACHA ([`nacha`]); read are pain.002.001.10 ([`pain002`]),
//! camt.053.001.08 and camt.054.001.08 ([`camt`]). A file is read whole or refused with the line and the reason. Who is
//! paid, and what follows from an answer, is the domain's business.

pub mod camt;
pub mod nacha;
pub mod pain001;
pub mod pain002;
pub mod text;
mod xml;

use payments::amount::Amount;
use payments::bank_account::{BankAccount, OwnAccount};
use payments::timestamp::Timestamp;

pub use xml::FileError;

/// The most transfers that we put into one file.
pub const MAX_TRANSFERS: usize = 1_000;

/// One transfer of an order.
#[derive(Clone, Debug)]
pub struct CreditTransfer {
    /// What the bank calls the transfer in all its answers, at most [`Rail::reference_length`] characters.
    pub reference: String,
    /// How much.
    pub amount: Amount,
    /// To whom.
    pub to: BankAccount,
    /// What the receiver reads.
    pub remittance: String,
}

/// Transfers of one currency from one account on one day: what one file says.
#[derive(Clone, Debug)]
pub struct PaymentOrder {
    /// Which file of the day it is, from 1: two files never have the same (day, number).
    pub number: u32,
    /// The name of the file, of at most 35 characters: the same for every sending of this order.
    pub message_id: String,
    /// When the order was made.
    pub created_at: Timestamp,
    /// The day on which the money leaves, `YYYY-MM-DD`.
    pub day: String,
    /// From where.
    pub from: OwnAccount,
    /// To whom, at least one.
    pub transfers: Vec<CreditTransfer>,
}

/// Why an order cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// No transfer, or more than [`MAX_TRANSFERS`].
    #[error("a file holds 1 to {MAX_TRANSFERS} transfers")]
    Count,
    /// The rail cannot carry it.
    #[error("transfer {reference}: {reason}")]
    Transfer {
        /// Which.
        reference: String,
        /// Why.
        reason: &'static str,
    },
    /// Our own account's settings do not fit its rail.
    #[error("our account: {0}")]
    OwnAccount(&'static str),
}

/// The kind of file that moves money out of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rail {
    /// ISO 20022 pain.001.001.09.
    Pain001,
    /// NACHA, for accounts in the United States.
    Nacha,
}

impl Rail {
    /// The rail of an account of ours.
    pub fn of(account: &OwnAccount) -> Self {
        match account.account {
            BankAccount::Iban { .. } => Self::Pain001,
            BankAccount::Ach { .. } => Self::Nacha,
        }
    }

    /// Whether the rail leads to that account.
    pub fn reaches(self, account: &BankAccount) -> bool {
        matches!((self, account), (Self::Pain001, BankAccount::Iban { .. }) | (Self::Nacha, BankAccount::Ach { .. }))
    }

    /// The most minor units that one transfer may be.
    pub fn max_minor(self) -> u64 {
        match self {
            Self::Pain001 => payments::amount::MAX_MINOR,
            Self::Nacha => nacha::MAX_MINOR,
        }
    }

    /// How long a transfer's reference may be.
    pub fn reference_length(self) -> usize {
        match self {
            Self::Pain001 => 35,
            Self::Nacha => 15,
        }
    }

    /// How a file of it ends.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Pain001 => "xml",
            Self::Nacha => "ach",
        }
    }

    /// The file's media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pain001 => "application/xml",
            Self::Nacha => "text/plain",
        }
    }
}

/// Writes the file of an order: the same order gives the same bytes.
pub fn write(order: &PaymentOrder) -> Result<Vec<u8>, Unwritable> {
    if !(1..=MAX_TRANSFERS).contains(&order.transfers.len()) {
        return Err(Unwritable::Count);
    }
    let rail = Rail::of(&order.from);
    for transfer in &order.transfers {
        let refuse = |reason| Err(Unwritable::Transfer { reference: transfer.reference.clone(), reason });
        if transfer.amount.currency() != order.from.currency {
            return refuse("its currency is not the account's");
        }
        if !(1..=rail.max_minor()).contains(&transfer.amount.minor()) {
            return refuse("its amount is nothing, or more than the rail carries");
        }
        if !rail.reaches(&transfer.to) {
            return refuse("the rail does not lead to its account");
        }
        if transfer.reference.is_empty() || transfer.reference.len() > rail.reference_length() {
            return refuse("its reference is empty, or longer than the rail carries");
        }
    }
    match rail {
        Rail::Pain001 => Ok(pain001::write(order)),
        Rail::Nacha => nacha::write(order),
    }
}

/// What the bank's answers call the file of an order.
pub fn file_name_at_the_bank(order: &PaymentOrder) -> Result<String, Unwritable> {
    match Rail::of(&order.from) {
        Rail::Pain001 => Ok(order.message_id.clone()),
        Rail::Nacha => nacha::identity(order),
    }
}
