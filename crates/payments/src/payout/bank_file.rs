//! The files that take payouts to the bank: which payouts each holds is decided once, by one conditional put, and from
//! then on the file is the same for ever.

use super::PayoutKey;
use super::item::sending_key;
use crate::currency::Currency;
use crate::id::Mode;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// A file for the bank, as it is stored. Files of one mode and currency are numbered from 1; the next is begun only when
/// the bank has the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankFile {
    /// `<mode>#<currency>`.
    pub account: String,
    /// Its number.
    pub number: u32,
    /// What the bank's answers call it.
    pub name: String,
    /// The day on which its money leaves, `YYYY-MM-DD`.
    pub day: String,
    /// When it was begun.
    pub created_at: Timestamp,
    /// Its payouts, in the order of the file.
    pub payouts: Vec<PayoutKey>,
    /// When the bank had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_over_at: Option<Timestamp>,
}

impl BankFile {
    /// What all files of that mode and currency share.
    pub fn account(mode: Mode, currency: Currency) -> String {
        sending_key(mode, currency)
    }

    /// The name of the file of that number: the bank takes each name once.
    pub fn message_id(mode: Mode, currency: Currency, day: &str, number: u32) -> String {
        let mode = match mode {
            Mode::Test => "T",
            Mode::Live => "L",
        };
        format!("FLORIN-{mode}-{currency}-{}-{number}", day.replace('-', ""))
    }
}
