//! A world in memory: every port, a counter of calls, and planned failures. The gateway is the real simulated
//! acquirer over an account in memory.

use gateways::simulated::Order;
use payments::failure::Unavailable;
use payments::fraud::RiskRules;
use payments::gateway::*;
use payments::id::*;
use payments::merchant::{Limits, Merchant};
use payments::payment::{CaptureMethod, Opening, Payment};
use payments::ports::*;
use payments::secret::Secret;
use payments::step::OperationId;
use payments::timestamp::Timestamp;
use payments::token::{PresentedCard, SealedCard, Token};
use simulated_acquirer::{Account, Answer, Entry, Kept, OpenCard};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

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
    pub merchants: RefCell<BTreeMap<String, Merchant>>,
    pub tokens: RefCell<BTreeMap<TokenId, Token>>,
    pub cards: RefCell<BTreeMap<TokenId, SealedCard>>,
    pub codes: RefCell<BTreeMap<TokenId, String>>,
    pub counted: RefCell<BTreeMap<CardFingerprint, Vec<PaymentId>>>,
    pub holds: RefCell<BTreeMap<String, Entry>>,
    pub started: RefCell<Vec<(PaymentId, OperationId)>>,
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
            fee_plan: payments::fee::FeePlan { basis_points: 250, fixed_minor: BTreeMap::from([(euro(), 25)]) },
            risk: RiskRules {
                review_from: BTreeMap::from([(euro(), 50_000)]),
                decline_from: BTreeMap::from([(euro(), 90_000)]),
                payments_per_card: 5,
            },
            requests_per_second: 100,
        };
        world.merchants.borrow_mut().insert(key_of(&owner()), merchant);
        world
    }

    /// Opens a payment with a fresh token of that card.
    pub fn open(&self, name: &str, number: &str, minor: u64, capture_method: CaptureMethod) -> PaymentId {
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
        let request_hash = "0".repeat(64);
        let opening = Opening {
            payment_id: payment_id.clone(),
            owner: owner(),
            request_hash,
            amount,
            capture_method,
            token,
            reference: None,
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

    fn fails(&self) -> Option<Fault> {
        let call = self.calls.get();
        self.calls.set(call + 1);
        let planned = self.fault.get().filter(|(from, count, _)| (*from..from + count).contains(&call));
        planned.map(|(.., fault)| fault)
    }

    /// One call to the outside: counted, and failed if it is the planned one.
    pub fn call<T>(&self, effect: impl FnOnce() -> T) -> Result<T, Unavailable> {
        let fault = self.fails();
        if fault == Some(Fault::Before) {
            return Err(Unavailable::new("the world", "planned, before"));
        }
        let answer = effect();
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
        self.call(|| self.payments.borrow().get(payment_id).cloned())
    }
}

impl SavePayment for World {
    async fn save(&self, payment: &Payment) -> Result<Saved, Unavailable> {
        self.call(|| {
            let mut payments = self.payments.borrow_mut();
            let there = payments.get(&payment.payment_id).cloned();
            match there {
                Some(there) if there.version + 1 == payment.version => {
                    payments.insert(payment.payment_id.clone(), payment.clone());
                    self.versions.borrow_mut().push(payment.clone());
                    Saved::Done
                }
                Some(there) if there == *payment => Saved::Done,
                _ => Saved::Conflict,
            }
        })
    }
}

impl OpenPayment for World {
    async fn open(&self, payment: &Payment) -> Result<Opened, Unavailable> {
        self.call(|| match self.payments.borrow_mut().entry(payment.payment_id.clone()) {
            std::collections::btree_map::Entry::Occupied(there) => Opened::Existing(Box::new(there.get().clone())),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(payment.clone());
                self.versions.borrow_mut().push(payment.clone());
                Opened::New
            }
        })
    }
}

impl DuePayments for World {
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<PaymentId>, Unavailable> {
        self.call(|| {
            let payments = self.payments.borrow();
            let due = payments.values().filter(|payment| payment.due_at.is_some_and(|due| due <= now));
            due.take(limit).map(|payment| payment.payment_id.clone()).collect()
        })
    }
}

impl Merchants for World {
    async fn merchant(&self, owner: &Owner) -> Result<Option<Merchant>, Unavailable> {
        self.call(|| self.merchants.borrow().get(&key_of(owner)).cloned())
    }
}

impl Tokens for World {
    async fn token(&self, token_id: &TokenId) -> Result<Option<Token>, Unavailable> {
        self.call(|| self.tokens.borrow().get(token_id).cloned())
    }
}

impl LoadCard for World {
    async fn load(&self, token_id: &TokenId) -> Result<Option<SealedCard>, Unavailable> {
        self.call(|| self.cards.borrow().get(token_id).cloned())
    }
}

impl VerificationCodes for World {
    async fn keep(&self, token_id: &TokenId, sealed: &str) -> Result<(), Unavailable> {
        self.call(|| drop(self.codes.borrow_mut().insert(token_id.clone(), sealed.to_owned())))
    }

    async fn find(&self, token_id: &TokenId) -> Result<Option<String>, Unavailable> {
        self.call(|| self.codes.borrow().get(token_id).cloned())
    }

    async fn forget(&self, token_id: &TokenId) -> Result<(), Unavailable> {
        self.call(|| drop(self.codes.borrow_mut().remove(token_id)))
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
    }
}

impl Workflow for World {
    async fn run(&self, payment_id: &PaymentId, operation: OperationId) -> Result<(), Unavailable> {
        self.start(payment_id, operation).await
    }

    async fn start(&self, payment_id: &PaymentId, operation: OperationId) -> Result<(), Unavailable> {
        self.call(|| self.started.borrow_mut().push((payment_id.clone(), operation)))
    }
}

impl Account for World {
    async fn entry(&self, hold_key: &str) -> Result<Option<Entry>, Unavailable> {
        Ok(self.holds.borrow().get(hold_key).cloned())
    }

    async fn keep(&self, entry: &Entry) -> Result<Kept, Unavailable> {
        self.holds.borrow_mut().insert(entry.hold_key.clone(), entry.clone());
        Ok(Kept::Done)
    }
}

impl OpenCard for World {
    async fn open(
        &self,
        card: &PresentedCard,
    ) -> Result<(Secret, Option<Secret>), Box<dyn std::error::Error + Send + Sync>> {
        Ok((Secret::new(card.sealed.number.clone()), card.verification.clone().map(Secret::new)))
    }
}

impl simulated_acquirer::Delay for World {
    async fn late(&self) {}
}

impl World {
    /// Sends an order to the acquirer: a failure after it took effect is a lost answer, one before it a refusal.
    async fn order(&self, order: Order) -> Result<Option<Effect>, NoAnswer> {
        let fault = self.fails();
        if fault == Some(Fault::Before) {
            return Err(NoAnswer::Unavailable("planned".to_owned()));
        }
        let answer = simulated_acquirer::handle(self, self, self, order).await;
        if fault == Some(Fault::After) {
            return Err(NoAnswer::Unknown("planned".to_owned()));
        }
        match answer {
            Ok(Answer::Done(effect)) => Ok(Some(effect)),
            Ok(Answer::Found(effect)) => Ok(effect),
            Err(simulated_acquirer::Error::AcquirerUnavailable) => Err(NoAnswer::Unavailable("out".to_owned())),
            Err(error) => Err(NoAnswer::Unknown(error.to_string())),
        }
    }
}

impl Gateway for World {
    fn name(&self) -> GatewayName {
        GatewayName("simulated".to_owned())
    }

    async fn authorize(&self, order: &AuthorizeOrder) -> Result<Authorization, NoAnswer> {
        let AuthorizeOrder { key, amount, card } = order.clone();
        match self.order(Order::Authorize { key, amount, card }).await? {
            Some(Effect::Authorized(answer)) => Ok(answer),
            other => panic!("{other:?}"),
        }
    }

    async fn capture(&self, order: &HoldOrder) -> Result<CaptureAnswer, NoAnswer> {
        let HoldOrder { key, hold_key, amount } = order.clone();
        match self.order(Order::Capture { key, hold_key, amount }).await? {
            Some(Effect::Captured(answer)) => Ok(answer),
            other => panic!("{other:?}"),
        }
    }

    async fn void(&self, order: &HoldOrder) -> Result<VoidAnswer, NoAnswer> {
        let HoldOrder { key, hold_key, amount } = order.clone();
        match self.order(Order::Void { key, hold_key, amount }).await? {
            Some(Effect::Voided(answer)) => Ok(answer),
            other => panic!("{other:?}"),
        }
    }

    async fn look_up(&self, key: &GatewayKey) -> Result<Option<Effect>, NoAnswer> {
        self.order(Order::LookUp { key: key.clone() }).await
    }
}
