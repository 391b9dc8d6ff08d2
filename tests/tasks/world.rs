//! A world in memory: every port, a counter of calls, and planned failures. Its gateway is in `network`, what is known of
//! gateways in `health`.

use crate::health::Health;
use payments::failure::Unavailable;
use payments::fraud::RiskRules;
use payments::gateway::*;
use payments::id::*;
use payments::listing::{Cursor, ListFilter};
use payments::merchant::{Limits, Merchant};
use payments::payment::{CaptureMethod, Opening, Payment};
use payments::ports::*;
use payments::secret::Secret;
use payments::timestamp::Timestamp;
use payments::token::{PresentedCard, SealedCard, Token};
use simulated_acquirer::Entry;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Nothing happens.
    Before,
    /// It happens, and nobody learns of it.
    After,
}

#[derive(Default)]
pub struct World {
    pub calls: Cell<u32>,
    /// From which call on, how many, and how.
    pub fault: Cell<Option<(u32, u32, Fault)>>,
    pub now: Cell<i64>,
    pub payments: RefCell<BTreeMap<PaymentId, Payment>>,
    pub versions: RefCell<Vec<Payment>>,
    /// Attempts to write a payment, refused ones too: each costs a write unit.
    pub writes: Cell<u32>,
    pub merchants: RefCell<BTreeMap<String, Merchant>>,
    pub tokens: RefCell<BTreeMap<TokenId, Token>>,
    pub cards: RefCell<BTreeMap<TokenId, SealedCard>>,
    pub codes: RefCell<BTreeMap<TokenId, String>>,
    pub counted: RefCell<BTreeMap<CardFingerprint, Vec<PaymentId>>>,
    pub holds: RefCell<BTreeMap<String, Entry>>,
    /// What is known of the gateways' health.
    pub health: RefCell<Health>,
    /// What the gateway can do, if it is not what the simulated one can.
    pub can: Cell<Option<Capabilities>>,
    /// Drafts at a gateway that takes them: the card of each.
    pub drafts: RefCell<BTreeMap<String, PresentedCard>>,
    /// What the consumers of events made of them.
    pub kept: crate::bills_world::Kept,
    /// What the owner captured in whole months.
    pub volumes: RefCell<BTreeMap<payments::month::Month, BTreeMap<payments::currency::Currency, u64>>>,
    pub started: RefCell<Vec<(PaymentId, OperationId)>>,
    /// Whether a caller that waits for a run gets one, or finds it only noted in `started`.
    pub runs: Cell<bool>,
    /// Whether each call to the outside is a point where tasks take turns.
    pub turns: Cell<bool>,
    /// Until when someone has the turn to carry a payment on.
    pub resuming: RefCell<BTreeMap<PaymentId, i64>>,
}

impl World {
    pub fn new() -> Self {
        let world = Self::default();
        world.now.set(1_795_000_000_000);
        let merchant = Merchant {
            merchant_id: owner().merchant_id,
            mode: Mode::Test,
            name: "Test".to_owned(),
            active: true,
            currencies: BTreeMap::from([(euro(), Limits { min: 1, max: 1_000_000 })]),
            fee_plan: payments::fee::FeePlan::flat(250, BTreeMap::from([(euro(), 25)])),
            risk: RiskRules {
                review_from: BTreeMap::from([(euro(), 50_000)]),
                decline_from: BTreeMap::from([(euro(), 90_000)]),
                payments_per_card: 5,
            },
            bank_accounts: BTreeMap::new(),
            routing: payments::routing::Routing::default(),
            requests_per_second: 100,
        };
        world.merchants.borrow_mut().insert(key_of(&owner()), merchant);
        world
    }

    /// Opens a payment with a fresh token of that card, whose holder cannot be sent anywhere.
    pub fn open(&self, name: &str, number: &str, minor: u64, capture_method: CaptureMethod) -> PaymentId {
        self.open_from(name, number, minor, capture_method, None)
    }

    /// The same for a cardholder who is at the merchant's page.
    pub fn open_online(&self, name: &str, number: &str, minor: u64, capture_method: CaptureMethod) -> PaymentId {
        self.open_from(name, number, minor, capture_method, Some("https://shop.example/return"))
    }

    fn open_from(
        &self,
        name: &str,
        number: &str,
        minor: u64,
        capture_method: CaptureMethod,
        return_url: Option<&str>,
    ) -> PaymentId {
        let payment_id = PaymentId::derive(&owner(), &name.parse().unwrap());
        let bits: [u8; 16] = digest(&[name.as_bytes()])[..16].try_into().unwrap();
        let token_id = TokenId::from_random(bits);
        let mac = digest(&[number.as_bytes()]);
        let card = payments::card::CardNumber::try_new(Secret::new(number.to_owned())).unwrap();
        let token = Token {
            token_id: token_id.clone(),
            merchant_id: owner().merchant_id,
            mode: Mode::Test,
            card: payments::card::CardSummary {
                brand: card.brand(),
                first6: card.first6(),
                last4: card.last4(),
                expiry: payments::card::Expiry { year: 2030, month: 1 },
            },
            fingerprint: CardFingerprint::from_mac(&mac),
            expires_at: self.now().plus_seconds(3600),
            delete_at: 0,
        };
        let sealed = SealedCard {
            token_id: token_id.clone(),
            merchant_id: owner().merchant_id,
            number: number.to_owned(),
            data_key: String::new(),
        };
        self.tokens.borrow_mut().insert(token_id.clone(), token.clone());
        self.cards.borrow_mut().insert(token_id.clone(), sealed);
        self.codes.borrow_mut().insert(token_id, "123".to_owned());
        let amount = payments::amount::Amount::try_new(minor, euro()).unwrap();
        let request_hash = "0".repeat(32);
        let opening = Opening {
            payment_id: payment_id.clone(),
            owner: owner(),
            request_hash,
            amount,
            capture_method,
            token,
            reference: None,
            metadata: BTreeMap::new(),
            return_url: return_url.map(|url| payments::authentication::RedirectUrl::parse(url).unwrap()),
        };
        let payment = Payment::open(opening, self.now());
        self.versions.borrow_mut().push(payment.clone());
        self.payments.borrow_mut().insert(payment_id.clone(), payment);
        payment_id
    }

    pub fn payment(&self, payment_id: &PaymentId) -> Payment {
        self.payments.borrow()[payment_id].clone()
    }

    pub fn hold(&self, payment_id: &PaymentId) -> Option<Entry> {
        self.holds.borrow().get(&format!("{payment_id}:authorize:1")).cloned()
    }

    /// A point where a task may be left for another, or for ever.
    pub async fn turn(&self) {
        if self.turns.get() {
            let mut left = false;
            std::future::poll_fn(|_| {
                if std::mem::replace(&mut left, true) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
        }
    }

    /// How the call that is made now is to fail, if it is a planned one.
    pub fn fails(&self) -> Option<Fault> {
        let call = self.calls.get();
        self.calls.set(call + 1);
        let planned = self.fault.get().filter(|(from, count, _)| (*from..from + count).contains(&call));
        planned.map(|(.., fault)| fault)
    }

    /// One call to the outside: counted, and failed if it is the planned one. Others may act before it takes effect, and
    /// before its answer arrives.
    pub async fn call<T>(&self, effect: impl FnOnce() -> T) -> Result<T, Unavailable> {
        self.turn().await;
        let fault = self.fails();
        if fault == Some(Fault::Before) {
            return Err(Unavailable::new("the world", "planned, before"));
        }
        let answer = effect();
        self.turn().await;
        if fault == Some(Fault::After) {
            return Err(Unavailable::new("the world", "planned, after"));
        }
        Ok(answer)
    }
}

pub fn owner() -> Owner {
    Owner { merchant_id: "mer_test".parse().unwrap(), mode: Mode::Test }
}

pub fn euro() -> payments::currency::Currency {
    "EUR".parse().unwrap()
}

fn key_of(owner: &Owner) -> String {
    format!("{}#{}", owner.merchant_id, owner.mode)
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.get())
    }
}

impl LoadPayment for World {
    async fn load(&self, payment_id: &PaymentId) -> Result<Option<Payment>, Unavailable> {
        self.call(|| self.payments.borrow().get(payment_id).cloned()).await
    }
}

impl SavePayment for World {
    async fn save(&self, payment: &Payment) -> Result<Saved, Unavailable> {
        self.writes.set(self.writes.get() + 1);
        self.call(|| {
            let mut payments = self.payments.borrow_mut();
            let there = payments.get(&payment.payment_id).cloned();
            match there {
                Some(there) if there.version + 1 == payment.version => {
                    payments.insert(payment.payment_id.clone(), payment.clone());
                    self.versions.borrow_mut().push(payment.clone());
                    Saved::Done
                }
                Some(there) if there == *payment => Saved::There,
                _ => Saved::Conflict,
            }
        })
        .await
    }
}

impl OpenPayment for World {
    async fn open(&self, payment: &Payment) -> Result<Opened, Unavailable> {
        self.writes.set(self.writes.get() + 1);
        self.call(|| match self.payments.borrow_mut().entry(payment.payment_id.clone()) {
            std::collections::btree_map::Entry::Occupied(there) => Opened::Existing(Box::new(there.get().clone())),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(payment.clone());
                self.versions.borrow_mut().push(payment.clone());
                Opened::New
            }
        })
        .await
    }
}

impl ListPayments for World {
    async fn list(&self, owner: &Owner, filter: &ListFilter, after: Option<&Cursor>) -> Result<Page, Unavailable> {
        self.call(|| {
            let payments = self.payments.borrow();
            let mut own: Vec<_> = payments.values().filter(|payment| payment.owner == *owner).collect();
            let place = |payment: &Payment| (std::cmp::Reverse(payment.created_at), payment.payment_id.clone());
            own.sort_by_key(|payment| place(payment));
            own.retain(|payment| {
                let after = after.map(|cursor| (std::cmp::Reverse(cursor.created_at), cursor.payment_id.clone()));
                filter.takes(payment) && after.is_none_or(|after| place(payment) > after)
            });
            let more = own.len() > filter.limit;
            own.truncate(filter.limit);
            let last = own.last().filter(|_| more);
            let next = last.map(|last| Cursor { created_at: last.created_at, payment_id: last.payment_id.clone() });
            Page { payments: own.into_iter().cloned().collect(), next }
        })
        .await
    }
}

impl Balances for World {
    async fn balances(
        &self,
        _: &payments::ledger::Account,
    ) -> Result<BTreeMap<payments::currency::Currency, i64>, Unavailable> {
        self.call(|| BTreeMap::from([(euro(), -1999)])).await
    }
}

impl RateLimit for World {
    async fn admit(&self, _: &KeyId, _: u32) -> Result<Admission, Unavailable> {
        Ok(Admission::Admitted)
    }
}

impl DuePayments for World {
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<PaymentId>, Unavailable> {
        self.call(|| {
            let payments = self.payments.borrow();
            let due = payments.values().filter(|payment| payment.due_at.is_some_and(|due| due <= now));
            due.take(limit).map(|payment| payment.payment_id.clone()).collect()
        })
        .await
    }
}

impl Merchants for World {
    async fn merchant(&self, owner: &Owner) -> Result<Option<Merchant>, Unavailable> {
        self.call(|| self.merchants.borrow().get(&key_of(owner)).cloned()).await
    }
}

impl Volumes for World {
    async fn volume(
        &self,
        _: &Owner,
        month: payments::month::Month,
    ) -> Result<Option<BTreeMap<payments::currency::Currency, u64>>, Unavailable> {
        self.call(|| self.volumes.borrow().get(&month).cloned()).await
    }
}

impl Tokens for World {
    async fn token(&self, token_id: &TokenId) -> Result<Option<Token>, Unavailable> {
        self.call(|| self.tokens.borrow().get(token_id).cloned()).await
    }
}

impl LoadCard for World {
    async fn load(&self, token_id: &TokenId) -> Result<Option<SealedCard>, Unavailable> {
        self.call(|| self.cards.borrow().get(token_id).cloned()).await
    }
}

impl VerificationCodes for World {
    async fn keep(&self, token_id: &TokenId, sealed: &str) -> Result<(), Unavailable> {
        self.call(|| drop(self.codes.borrow_mut().insert(token_id.clone(), sealed.to_owned()))).await
    }

    async fn find(&self, token_id: &TokenId) -> Result<Option<String>, Unavailable> {
        self.call(|| self.codes.borrow().get(token_id).cloned()).await
    }

    async fn forget(&self, token_id: &TokenId) -> Result<(), Unavailable> {
        self.call(|| drop(self.codes.borrow_mut().remove(token_id))).await
    }
}

impl Velocity for World {
    async fn count(&self, _: &Owner, card: &CardFingerprint, payment_id: &PaymentId) -> Result<u32, Unavailable> {
        self.call(|| {
            let mut counted = self.counted.borrow_mut();
            let list = counted.entry(card.clone()).or_default();
            if !list.contains(payment_id) {
                list.push(payment_id.clone());
            }
            let place = list.iter().position(|listed| listed == payment_id).unwrap();
            u32::try_from(place + 1).unwrap()
        })
        .await
    }
}

impl Workflow for World {
    async fn run(&self, payment_id: &PaymentId, operation: &OperationId, _: Duration) -> Result<(), Unavailable> {
        self.call(|| ()).await?;
        if self.runs.get() {
            Box::pin(crate::machine::run(self, payment_id, operation)).await;
        } else {
            self.started.borrow_mut().push((payment_id.clone(), operation.clone()));
        }
        Ok(())
    }

    async fn start(&self, payment_id: &PaymentId, operation: &OperationId) -> Result<(), Unavailable> {
        self.call(|| self.started.borrow_mut().push((payment_id.clone(), operation.clone()))).await
    }
}

impl Turns for World {
    async fn take_turn(&self, payment_id: &PaymentId, lasts: Duration) -> Result<bool, Unavailable> {
        let now = self.now.get();
        let mut turns = self.resuming.borrow_mut();
        if turns.get(payment_id).is_some_and(|over| now < *over) {
            return Ok(false);
        }
        turns.insert(payment_id.clone(), now + i64::try_from(lasts.as_millis()).unwrap());
        Ok(true)
    }
}
