//! A gateway that keeps the truth: what it holds, took and gave back, by key, whatever became of its answers.

use crate::options::Manners;
use crate::world::World;
use payments::authentication::Liability;
use payments::gateway::*;
use payments::id::PaymentId;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What an issuer makes of a card: by its number's place among the world's cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    Approved,
    Declined(DeclineCode),
    /// The hold is placed; no capture of it is allowed.
    CaptureRefused,
    RefundRefused,
    /// The cardholder is asked, and authenticates.
    Authenticates,
    FailsToAuthenticate,
    StaysAway,
    /// The verification code is wrong, and the issuer approves all the same.
    WrongCode,
}

impl Card {
    /// Mostly good ones.
    pub fn of(number: u32) -> Self {
        match number % 24 {
            0 => Self::Declined(DeclineCode::DoNotHonor),
            1 => Self::Declined(DeclineCode::InsufficientFunds),
            2 => Self::CaptureRefused,
            3 => Self::RefundRefused,
            4 => Self::Authenticates,
            5 => Self::FailsToAuthenticate,
            6 => Self::StaysAway,
            7 => Self::WrongCode,
            _ => Self::Approved,
        }
    }
}

/// How long a cardholder takes to authenticate, in milliseconds.
const AUTHENTICATION: i64 = 3_000;

/// One hold, or what was voided before there was one.
#[derive(Clone, Debug, Default)]
pub struct Hold {
    pub payment: Option<PaymentId>,
    pub amount: u64,
    pub approved: bool,
    pub captured: u64,
    pub released: u64,
    pub refunded: u64,
    pub voided: bool,
    /// Who is asked to authenticate, and since when.
    asked: Option<(Card, i64)>,
    card: Option<Card>,
    effects: BTreeMap<String, Effect>,
}

impl Hold {
    /// What is still held.
    pub fn held(&self) -> u64 {
        if self.approved && !self.voided { self.amount - self.captured - self.released } else { 0 }
    }
}

/// A gateway.
pub struct Acquirer {
    pub name: GatewayName,
    pub manners: Manners,
    pub holds: RefCell<BTreeMap<String, Hold>>,
    drafts: RefCell<BTreeMap<String, u32>>,
}

/// Orders whose effect cannot be found by asking for so long after it happened, where a gateway is that slow.
const FORGETS: i64 = 500;

impl Acquirer {
    pub fn new(name: &str, manners: Manners) -> Self {
        Self { name: GatewayName(name.to_owned()), manners, holds: RefCell::default(), drafts: RefCell::default() }
    }

    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            several_captures: self.manners.several_captures,
            partial_refund: self.manners.partial_refund,
            look_up: self.manners.look_up,
            refuses_late_orders: true,
            authentication: self.manners.authentication,
            drafts: self.manners.drafts,
            draft_forgets_card: false,
        }
    }

    pub fn draft(&self, key: &GatewayKey, card: u32) -> Drafted {
        let reference = format!("draft_{key}");
        self.drafts.borrow_mut().insert(reference.clone(), card);
        Drafted::Ready { reference }
    }

    pub fn drafted(&self, reference: &str) -> Option<u32> {
        self.drafts.borrow().get(reference).copied()
    }

    /// Places a hold, once per key.
    pub fn authorize(&self, world: &World, order: &AuthorizeOrder, number: u32) -> Authorization {
        let now = world.time.now();
        let (card, amount, asks) = (Card::of(number), order.amount.minor(), order.return_url.is_some());
        let mut holds = self.holds.borrow_mut();
        let hold = holds.entry(order.key.to_string()).or_default();
        hold.answer_of_cardholder(&order.key, now);
        if let Some(Effect::Authorized(answer)) = hold.effects.get(order.key.as_str()) {
            return answer.clone();
        }
        hold.payment = payment_of(&order.key);
        hold.amount = amount;
        hold.card = Some(card);
        // The same hold at the same gateway is declined or not, whenever it is asked for.
        let soft = i64::from(self.manners.soft_declines)
            > i64::from(payments::id::digest(&[order.key.as_str().as_bytes()])[0]) * 39;
        let wants = matches!(card, Card::Authenticates | Card::FailsToAuthenticate | Card::StaysAway);
        let answer = if hold.voided {
            Authorization::Declined { code: DeclineCode::DoNotHonor }
        } else if soft {
            Authorization::Declined { code: DeclineCode::ProcessingError }
        } else if let Card::Declined(code) = card {
            Authorization::Declined { code }
        } else if wants && !self.manners.authentication {
            Authorization::Declined { code: DeclineCode::AuthenticationRequired }
        } else if wants {
            let does = if asks { card } else { Card::StaysAway };
            hold.asked = Some((does, now));
            let reference = format!("auth_{}", order.key);
            Authorization::ActionRequired { url: asks.then(|| format!("https://a.example/{reference}")), reference }
        } else {
            approval(&order.key, card, None)
        };
        hold.approved = matches!(answer, Authorization::Approved { .. });
        hold.effects.insert(order.key.to_string(), Effect::Authorized(answer.clone()));
        answer
    }

    pub fn capture(&self, order: &CaptureOrder) -> CaptureAnswer {
        let Effect::Captured(answer) = self.once(&order.key, &order.hold_key, |hold| {
            let refused = hold.card == Some(Card::CaptureRefused) || order.amount.minor() > hold.held();
            if refused {
                return Effect::Captured(CaptureAnswer::Refused);
            }
            hold.captured += order.amount.minor();
            if order.last || !self.manners.several_captures {
                hold.released += hold.held();
            }
            Effect::Captured(CaptureAnswer::Captured { reference: format!("capture_{}", order.key) })
        }) else {
            return CaptureAnswer::Refused;
        };
        answer
    }

    pub fn void(&self, order: &VoidOrder) -> VoidAnswer {
        let Effect::Voided(answer) = self.once(&order.key, &order.hold_key, |hold| {
            if hold.captured > order.captured.minor() {
                return Effect::Voided(VoidAnswer::AlreadyCaptured {
                    reference: format!("capture_{}", order.hold_key),
                });
            }
            if hold.captured == 0 {
                hold.voided = true;
            }
            hold.released += hold.held();
            Effect::Voided(VoidAnswer::Voided)
        }) else {
            return VoidAnswer::Voided;
        };
        answer
    }

    pub fn refund(&self, order: &RefundOrder) -> RefundAnswer {
        let Effect::Refunded(answer) = self.once(&order.key, &order.hold_key, |hold| {
            let left = hold.captured - hold.refunded;
            let in_part = order.amount.minor() < left && !self.manners.partial_refund;
            if hold.card == Some(Card::RefundRefused) || order.amount.minor() > left || in_part {
                return Effect::Refunded(RefundAnswer::Refused);
            }
            hold.refunded += order.amount.minor();
            Effect::Refunded(RefundAnswer::Refunded { reference: format!("refund_{}", order.key) })
        }) else {
            return RefundAnswer::Refused;
        };
        answer
    }

    /// The effect of that key.
    pub fn look_up(&self, world: &World, question: &Question) -> Option<Effect> {
        let payment = payment_of(&question.key)?;
        if self.manners.forgets_for_a_while && !world.is_calm() && world.between(0, 4 * FORGETS) < FORGETS {
            // It is within its rights: nothing yet.
            return None;
        }
        let mut holds = self.holds.borrow_mut();
        let mut own = holds.iter_mut().filter(|(_, hold)| hold.payment.as_ref() == Some(&payment));
        own.find_map(|(_, hold)| {
            hold.answer_of_cardholder(&question.key, world.time.now());
            hold.effects.get(question.key.as_str()).cloned()
        })
    }

    fn once(&self, key: &GatewayKey, hold_key: &GatewayKey, effect: impl FnOnce(&mut Hold) -> Effect) -> Effect {
        let mut holds = self.holds.borrow_mut();
        let hold = holds.entry(hold_key.to_string()).or_default();
        hold.payment = payment_of(hold_key);
        if let Some(effect) = hold.effects.get(key.as_str()) {
            return effect.clone();
        }
        let effect = effect(hold);
        hold.effects.insert(key.to_string(), effect.clone());
        effect
    }

    /// Its holds of that payment.
    pub fn of(&self, payment: &PaymentId) -> Vec<Hold> {
        let from = payment.as_str().to_owned();
        let to = format!("{payment};");
        self.holds.borrow().range(from..to).map(|(_, hold)| hold.clone()).collect()
    }
}

impl Hold {
    /// What the cardholder has done by now.
    fn answer_of_cardholder(&mut self, key: &GatewayKey, now: i64) {
        let Some((card, _)) = self.asked.filter(|(_, since)| since + AUTHENTICATION <= now && !self.voided) else {
            return;
        };
        let answer = match card {
            Card::Authenticates => approval(key, card, Some(Liability::Issuer)),
            Card::FailsToAuthenticate => Authorization::Declined { code: DeclineCode::AuthenticationRequired },
            _ => return,
        };
        self.asked = None;
        self.approved = matches!(answer, Authorization::Approved { .. });
        let key =
            self.effects.iter().find(|(_, effect)| matches!(effect, Effect::Authorized(_))).map(|(key, _)| key.clone());
        self.effects.insert(key.unwrap_or_default(), Effect::Authorized(answer));
    }
}

fn approval(key: &GatewayKey, card: Card, liability_shift: Option<Liability>) -> Authorization {
    let checks = Checks { cvc: Some(card != Card::WrongCode), address: None, liability_shift };
    Authorization::Approved { reference: format!("auth_{key}"), checks }
}

/// A key is `payment:operation:attempt`.
fn payment_of(key: &GatewayKey) -> Option<PaymentId> {
    key.as_str().split_once(':').and_then(|(payment, _)| payment.parse().ok())
}
