//! Values by number: equal values have one number, so a state of the whole is a few numbers that are quick to compare.

use gateways::simulated::Order;
use payments::gateway::Effect;
use payments::id::OperationId;
use payments::payment::Payment;
use rustc_hash::FxHashMap;
use serde::Serialize;
use simulated_acquirer::Entry;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::rc::Rc;

/// The acquirer's entries, by the key of their hold.
pub type Account = BTreeMap<String, Entry>;

/// The number of a value.
pub struct No<T>(NonZeroU32, PhantomData<fn() -> T>);

impl<T> Clone for No<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for No<T> {}

impl<T> PartialEq for No<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for No<T> {}

impl<T> PartialOrd for No<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for No<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<T> Hash for No<T> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.hash(hasher);
    }
}

impl<T> fmt::Debug for No<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl<T> No<T> {
    /// The number of the value at that place.
    pub fn of(place: usize) -> Self {
        let number = u32::try_from(place + 1).ok().and_then(NonZeroU32::new);
        Self(number.expect("fewer values than 2^32"), PhantomData)
    }

    /// The place of its value.
    pub fn place(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// All values of one kind that were ever seen.
pub struct Pool<T> {
    numbers: RefCell<FxHashMap<String, No<T>>>,
    values: RefCell<Vec<Rc<T>>>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { numbers: RefCell::default(), values: RefCell::default() }
    }
}

impl<T: Serialize> Pool<T> {
    /// The value's number: a new one if it was never seen.
    pub fn number(&self, value: T) -> No<T> {
        let text = serde_json::to_string(&value).expect("what is stored can be written");
        *self.numbers.borrow_mut().entry(text).or_insert_with(|| {
            let mut values = self.values.borrow_mut();
            values.push(Rc::new(value));
            No::of(values.len() - 1)
        })
    }
}

impl<T> Pool<T> {
    /// The value of that number.
    pub fn value(&self, number: No<T>) -> Rc<T> {
        Rc::clone(&self.values.borrow()[number.place()])
    }
}

/// Every value that a payment's life is made of.
#[derive(Default)]
pub struct Values {
    pub payments: Pool<Payment>,
    pub accounts: Pool<Account>,
    pub orders: Pool<Order>,
    pub effects: Pool<Option<Effect>>,
    pub operations: Pool<OperationId>,
}
