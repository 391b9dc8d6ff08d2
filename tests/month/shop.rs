//! Merchants' programs: payments, captures in parts and refunds through the API's handler, each day.

use crate::machine::{Call, call};
use crate::world::World;
use payments::bank_account::{AccountKind, BankAccount, HolderKind};
use payments::currency::Currency;
use payments::fee::{FeePlan, Period, Price, Rule};
use payments::fraud::RiskRules;
use payments::id::{CardFingerprint, Mode, Owner, PaymentId, TokenId, digest};
use payments::merchant::{Limits, Merchant};
use payments::ports::Clock;
use payments::reconcile::Day;
use payments::secret::Secret;
use payments::token::{SealedCard, Token};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Merchants with their currencies, basis points and fixed parts in minor units.
const MERCHANTS: [(&str, &str, u32, u64); 4] = [
    ("mer_atelier_roux", "EUR", 290, 30),
    ("mer_brooklyn_roasters", "USD", 250, 25),
    ("mer_harbour_books", "EUR", 190, 20),
    ("mer_sakura_tea", "JPY", 320, 0),
];
/// What is added to everybody's basis points in the middle of the month.
const CHANGE: u32 = 15;
/// What a refund costs before and after that, in minor units.
const REFUND_FEES: [u64; 2] = [12, 17];
/// The cards of a merchant's payments on a day: those that are approved, one whose answers are lost, one that is declined.
const CARDS: [&str; 6] = [
    "4242424242424242",
    "5555555555554444",
    "4000009900000103",
    "4242424242424242",
    "378282246310005",
    "4000000000000002",
];

/// What was sold.
#[derive(Default)]
pub struct Shop {
    /// How many payments were made, and how many were declined.
    pub payments: usize,
    /// Declined ones.
    pub declined: usize,
    /// Refunds.
    pub refunds: usize,
    /// Captures that were not the whole hold.
    pub partial: usize,
    /// Succeeded payments that can be refunded, the oldest first, with their merchant and what is left.
    refundable: Vec<(Owner, PaymentId)>,
    counter: u64,
}

/// The owners of all that is sold.
pub fn owners() -> Vec<Owner> {
    MERCHANTS.iter().map(|(id, ..)| Owner { merchant_id: id.parse().unwrap(), mode: Mode::Test }).collect()
}

impl Shop {
    /// Puts the merchants' settings.
    pub fn open(world: &World) -> Self {
        for (owner, (_, code, basis_points, fixed)) in owners().into_iter().zip(MERCHANTS) {
            let currency: Currency = code.parse().unwrap();
            let merchant = Merchant {
                merchant_id: owner.merchant_id.clone(),
                mode: owner.mode,
                name: owner.merchant_id.to_string(),
                active: true,
                currencies: BTreeMap::from([(currency, Limits { min: 1, max: 10_000_000 })]),
                fee_plan: FeePlan::Scheduled { periods: vec![period(currency, basis_points, fixed, REFUND_FEES[0])] },
                risk: RiskRules {
                    review_from: BTreeMap::new(),
                    decline_from: BTreeMap::new(),
                    payments_per_card: 1000,
                },
                bank_accounts: BTreeMap::from([(currency, bank_account(owner.merchant_id.as_str()))]),
                routing: payments::routing::Routing::default(),
                requests_per_second: 100,
            };
            world.merchants.borrow_mut().insert(owner.to_string(), merchant);
        }
        Self::default()
    }

    /// A new price for everybody, from that day on.
    pub fn change_fee_plans(&mut self, world: &World, day: Day) {
        for (owner, (_, code, basis_points, fixed)) in owners().into_iter().zip(MERCHANTS) {
            let mut merchants = world.merchants.borrow_mut();
            let merchant = merchants.get_mut(&owner.to_string()).unwrap();
            let FeePlan::Scheduled { periods } = &mut merchant.fee_plan else { panic!("periods") };
            periods[0].before = Some(day.to_string());
            let next = period(code.parse().unwrap(), basis_points + CHANGE, fixed, REFUND_FEES[1]);
            periods.push(Period { from: Some(day.to_string()), ..next });
        }
    }

    /// A day's payments, and a refund of something older per merchant.
    pub async fn sell(&mut self, world: &World, day: Day) {
        for (owner, (_, code, ..)) in owners().into_iter().zip(MERCHANTS) {
            for (number, card) in CARDS.into_iter().enumerate() {
                world.now.set(world.now.get() + 60_000);
                self.counter += 1;
                let minor = 1_000 + (self.counter * 7_919) % 48_000;
                let manual = number == 3;
                let name = format!("{day}-{}-{number}", owner.merchant_id);
                let token = present(world, &owner, &name, card);
                let body = json!({
                    "amount": minor, "currency": code, "token": token,
                    "capture_method": if manual { "manual" } else { "automatic" },
                });
                let answer = post(world, &owner, "/v1/payments", None, &name, body).await;
                self.payments += 1;
                let id: PaymentId = answer["id"].as_str().unwrap().parse().unwrap();
                if manual {
                    let part = json!({ "amount": minor / 2 });
                    post(world, &owner, "/v1/payments/{payment_id}/capture", Some(&id), &name, part).await;
                    self.partial += 1;
                }
                match answer["status"].as_str().unwrap() {
                    "declined" => self.declined += 1,
                    "succeeded" => self.refundable.push((owner.clone(), id)),
                    status => assert!(manual && status == "requires_capture", "{answer}"),
                }
            }
        }
        for _ in 0..2 {
            let Some((owner, id)) = (self.refundable.len() > 20).then(|| self.refundable.remove(0)) else { break };
            let name = format!("refund-{id}");
            let part = json!({ "amount": 500 });
            post(world, &owner, "/v1/payments/{payment_id}/refunds", Some(&id), &name, part).await;
            self.refunds += 1;
        }
    }
}

/// One price for every card, and one for every refund.
fn period(currency: Currency, basis_points: u32, fixed: u64, refund: u64) -> Period {
    let minor = |minor| BTreeMap::from([(currency, minor)]);
    let price = Price { basis_points, fixed_minor: minor(fixed), minimum_minor: BTreeMap::new() };
    let rule = Rule { brand: None, region: None, price, tiers: Vec::new() };
    Period { from: None, before: None, rules: vec![rule], refund_minor: minor(refund), reserve: None }
}

/// Where a merchant's payouts go.
fn bank_account(merchant: &str) -> BankAccount {
    let name = merchant.trim_start_matches("mer_").replace('_', " ");
    let iban = |iban: &str, bic: &str| BankAccount::Iban {
        name: name.clone(),
        iban: iban.parse().unwrap(),
        bic: Some(bic.parse().unwrap()),
    };
    match merchant {
        "mer_atelier_roux" => iban(crate::bank::REJECTED_IBAN, "MOCKNL2A"),
        "mer_harbour_books" => iban("DE89370400440532013000", "COBADEFF"),
        "mer_sakura_tea" => iban("GB29NWBK60161331926819", "NWBKGB2L"),
        _ => BankAccount::Ach {
            name,
            routing_number: "021000021".parse().unwrap(),
            account_number: "123456789".parse().unwrap(),
            account_kind: AccountKind::Checking,
            holder_kind: HolderKind::Company,
        },
    }
}

async fn post(
    world: &World,
    owner: &Owner,
    resource: &str,
    payment: Option<&PaymentId>,
    key: &str,
    body: Value,
) -> Value {
    let (merchant, mode) = (owner.merchant_id.as_str(), owner.mode.as_str());
    let request = Call { method: "POST", resource, payment, key: Some(key), body, merchant, mode, ..Call::default() };
    let answer = call(world, &request).await;
    assert!((200..300).contains(&answer.status), "{resource}: {}", answer.body);
    answer.json()
}

/// A token of that card, as `tokenize` leaves it.
fn present(world: &World, owner: &Owner, name: &str, number: &str) -> TokenId {
    let card = payments::card::CardNumber::try_new(Secret::new(number.to_owned())).unwrap();
    let bits = digest(&[name.as_bytes()]);
    let token_id = TokenId::from_random(bits[..16].try_into().unwrap());
    let token = Token {
        token_id: token_id.clone(),
        merchant_id: owner.merchant_id.clone(),
        mode: owner.mode,
        card: payments::card::CardSummary {
            brand: card.brand(),
            first6: card.first6(),
            last4: card.last4(),
            expiry: payments::card::Expiry { year: 2030, month: 1 },
        },
        fingerprint: CardFingerprint::from_mac(&bits),
        expires_at: world.now().plus_seconds(3600),
        delete_at: 0,
    };
    let sealed = SealedCard {
        token_id: token_id.clone(),
        merchant_id: owner.merchant_id.clone(),
        number: number.to_owned(),
        data_key: String::new(),
    };
    world.tokens.borrow_mut().insert(token_id.clone(), token);
    world.cards.borrow_mut().insert(token_id.clone(), sealed);
    world.codes.borrow_mut().insert(token_id.clone(), "123".to_owned());
    token_id
}
