//! What is stored: payments with their stream, merchants, tokens, counters. Writes are conditional, as in DynamoDB; whoever
//! reads by key reads the latest, whoever reads an index may not.

use crate::health::Health;
use crate::options::Options;
use crate::time::{DAY, Signal};
use crate::world::World;
use payments::card::{Brand, CardSummary, Expiry};
use payments::currency::Currency;
use payments::fee::FeePlan;
use payments::fraud::RiskRules;
use payments::gateway::GatewayName;
use payments::id::*;
use payments::merchant::{Limits, Merchant};
use payments::payment::Payment;
use payments::ports::{Opened, Saved};
use payments::routing::{Choice, Routing, Rule};
use payments::stage::StageName;
use payments::timestamp::Timestamp;
use payments::token::Token;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// The merchants: one of them in both modes.
pub const OWNERS: [(&str, Mode); 3] = [("mer_a", Mode::Test), ("mer_a", Mode::Live), ("mer_b", Mode::Test)];
/// What the payments of each cost: basis points, fixed minor units, and a reserve in basis points.
pub const FEES: [(u32, u64); 3] = [(290, 30), (175, 0), (333, 7)];
/// The merchants' line for a person's look, and for a decline, in minor units.
pub const REVIEW_FROM: u64 = 50_000;
pub const DECLINE_FROM: u64 = 90_000;
pub const PAYMENTS_PER_CARD: u32 = 5;

pub fn owner(place: usize) -> Owner {
    let (merchant, mode) = OWNERS[place];
    Owner { merchant_id: merchant.parse().expect("an id"), mode }
}

pub fn euro() -> Currency {
    "EUR".parse().expect("listed")
}

/// A shard of the payments' stream: each version once, in order per payment.
#[derive(Default)]
pub struct Shard {
    pub records: RefCell<VecDeque<Rc<Payment>>>,
    pub news: Signal,
}

/// A payment, and when it was counted.
type Counted = (PaymentId, i64);

pub struct Store {
    pub payments: RefCell<BTreeMap<PaymentId, Rc<Payment>>>,
    pub shards: Vec<Shard>,
    /// Rings when something is due that was not.
    pub due: Signal,
    pub merchants: Vec<Merchant>,
    pub tokens: RefCell<BTreeMap<TokenId, Rc<Token>>>,
    /// By the place of the owner and card: which payments were counted, and when.
    pub counted: RefCell<BTreeMap<(usize, CardFingerprint), Vec<Counted>>>,
    pub health: RefCell<Health>,
    pub turns: RefCell<BTreeMap<PaymentId, i64>>,
}

impl Store {
    pub fn new(options: &Options) -> Self {
        let merchants = (0..OWNERS.len()).map(|place| merchant(place, options)).collect();
        Self {
            payments: RefCell::default(),
            shards: (0..options.shards).map(|_| Shard::default()).collect(),
            due: Signal::default(),
            merchants,
            tokens: RefCell::default(),
            counted: RefCell::default(),
            health: RefCell::default(),
            turns: RefCell::default(),
        }
    }

    fn shard(&self, id: &PaymentId) -> &Shard {
        let byte = id.as_str().as_bytes().last().copied().unwrap_or_default();
        &self.shards[byte as usize % self.shards.len()]
    }

    /// Puts the payment unless one of its id is there.
    pub fn open(&self, payment: &Rc<Payment>) -> Opened {
        if let Some(there) = self.payments.borrow().get(&payment.payment_id) {
            return Opened::Existing(Box::new(Payment::clone(there)));
        }
        self.put(payment);
        Opened::New
    }

    /// Puts the payment on condition that the version before is there.
    pub fn save(&self, world: &World, payment: &Rc<Payment>) -> Saved {
        let there = self.payments.borrow().get(&payment.payment_id).cloned();
        match there {
            Some(there) if there.version + 1 == payment.version => {
                crate::watch::step(world, &there, payment);
                self.put(payment);
                Saved::Done
            }
            Some(there) if *there == **payment => Saved::There,
            _ => Saved::Conflict,
        }
    }

    fn put(&self, payment: &Rc<Payment>) {
        self.payments.borrow_mut().insert(payment.payment_id.clone(), Rc::clone(payment));
        let shard = self.shard(&payment.payment_id);
        shard.records.borrow_mut().push_back(Rc::clone(payment));
        shard.news.ring();
        if payment.due_at.is_some() {
            self.due.ring();
        }
    }

    /// When the first of all payments is due.
    pub fn first_due(&self) -> Option<i64> {
        self.payments.borrow().values().filter_map(|payment| payment.due_at).min().map(Timestamp::as_millis)
    }

    /// A token of that card of that owner.
    pub fn tokenize(&self, owner: &Owner, card: u32, serial: u64, now: i64) -> TokenId {
        let token_id = TokenId::from_random(u128::from(serial).to_be_bytes());
        let mut mac = [0; 32];
        mac[..4].copy_from_slice(&card.to_be_bytes());
        let token = Token {
            token_id: token_id.clone(),
            merchant_id: owner.merchant_id.clone(),
            mode: owner.mode,
            card: CardSummary {
                brand: Brand::Visa,
                first6: "424242".to_owned(),
                last4: format!("{:04}", card % 10_000),
                expiry: Expiry { year: 2030, month: 1 },
            },
            fingerprint: CardFingerprint::from_mac(&mac),
            expires_at: Timestamp::from_millis(now + DAY),
            delete_at: 0,
        };
        self.tokens.borrow_mut().insert(token_id.clone(), Rc::new(token));
        token_id
    }

    /// The payment's place among those of its card within the hour before it, counted once.
    pub fn count(&self, owner: &Owner, card: &CardFingerprint, payment_id: &PaymentId, now: i64) -> u32 {
        let place = (0..OWNERS.len()).find(|place| self::owner(*place) == *owner).unwrap_or_default();
        let mut counted = self.counted.borrow_mut();
        let list = counted.entry((place, card.clone())).or_default();
        let own = list.iter().find(|(counted, _)| counted == payment_id).map(|(_, at)| *at).unwrap_or_else(|| {
            let at = list.last().map_or(now, |(_, last)| now.max(last + 1));
            list.push((payment_id.clone(), at));
            at
        });
        let from = own - payments::fraud::VELOCITY_WINDOW_SECONDS * 1000;
        let within = list.iter().filter(|(_, at)| (from + 1..=own).contains(at));
        u32::try_from(within.count()).unwrap_or(u32::MAX)
    }

    /// Due payments; from an index that is behind, some too few and some too many.
    pub fn due(&self, world: &World, now: Timestamp, limit: usize, stale: bool) -> Vec<PaymentId> {
        let payments = self.payments.borrow();
        let is_due = |payment: &Payment| payment.due_at.is_some_and(|due| due <= now);
        let mut due: Vec<_> = payments
            .values()
            .filter(|payment| if stale { is_due(payment) ^ world.chance(2_000) } else { is_due(payment) })
            .map(|payment| (payment.due_at, payment.payment_id.clone()))
            .collect();
        due.sort();
        due.into_iter().take(limit).map(|(_, id)| id).collect()
    }

    /// Payments that rest nowhere.
    pub fn under_way(&self) -> Vec<Rc<Payment>> {
        let payments = self.payments.borrow();
        payments.values().filter(|payment| !StageName::from(&payment.stage).is_rest()).cloned().collect()
    }
}

fn merchant(place: usize, options: &Options) -> Merchant {
    let Owner { merchant_id, mode } = owner(place);
    let choice = |name: &str| Choice { gateway: GatewayName(name.to_owned()), weight: Some(50) };
    let rule = Rule {
        name: "both".to_owned(),
        currencies: BTreeSet::new(),
        brands: BTreeSet::new(),
        countries: BTreeSet::new(),
        amounts: BTreeMap::new(),
        gateways: vec![choice("a"), choice("b")],
    };
    let (basis_points, fixed) = FEES[place];
    Merchant {
        merchant_id,
        mode,
        name: "Simulated".to_owned(),
        active: true,
        currencies: BTreeMap::from([(euro(), Limits { min: 1, max: 1_000_000 })]),
        fee_plan: FeePlan::flat(basis_points, BTreeMap::from([(euro(), fixed)])),
        risk: RiskRules {
            review_from: BTreeMap::from([(euro(), REVIEW_FROM)]),
            decline_from: BTreeMap::from([(euro(), DECLINE_FROM)]),
            payments_per_card: PAYMENTS_PER_CARD,
        },
        bank_accounts: BTreeMap::new(),
        routing: Routing(if options.two_gateways { vec![rule] } else { Vec::new() }),
        requests_per_second: 100,
    }
}
