//! What clients asked for and what they were told: the promises that the payments are held to in the end.

use payments::id::PaymentId;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A client's payment as it was wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The place of its owner.
    pub owner: usize,
    pub card: u32,
    pub amount: u64,
    pub manual: bool,
    /// Whether its cardholder can be sent to a page.
    pub online: bool,
    pub over_kafka: bool,
}

/// An operation that a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    Capture { amount: Option<u64>, last: bool },
    Cancel,
    Refund(Option<u64>),
    Review { approve: bool },
    Confirm,
}

impl Ask {
    /// The last part of its path.
    pub fn path(&self) -> &'static str {
        match self {
            Self::Capture { .. } => "capture",
            Self::Cancel => "cancel",
            Self::Refund(_) => "refunds",
            Self::Review { .. } => "review",
            Self::Confirm => "confirm",
        }
    }
}

/// A final answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub body: String,
}

impl Reply {
    pub fn is_yes(&self) -> bool {
        matches!(self.status, 200 | 201)
    }
}

/// An operation that was asked for: its key, and its final answer, if one came.
pub type Asked = (Ask, String, Option<Reply>);

#[derive(Default)]
pub struct Book {
    pub wanted: RefCell<BTreeMap<PaymentId, Wanted>>,
    /// By payment, in order.
    pub asked: RefCell<BTreeMap<PaymentId, Vec<Asked>>>,
    /// By owner and key: the first answer that says that it is done.
    pub replies: RefCell<BTreeMap<String, Reply>>,
}
