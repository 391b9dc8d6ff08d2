//! The orders, carried out: each changes its hold's entry at most once, whatever becomes of the answer.

use crate::account::{Account, Booking, Challenge, Entry, Kept};
use crate::cards::{self, Cardholder, Quirk};
use crate::{Delay, Error, tariff};
use payments::amount::Amount;
use payments::authentication::Liability;
use payments::failure::Unavailable;
use payments::gateway::{
    Authorization, CaptureAnswer, Checks, DeclineCode, Effect, GatewayKey, RefundAnswer, VoidAnswer,
};
use payments::id::Mode;
use payments::ports::OpenCard;
use payments::reconcile::{Day, RowKind};
use payments::routing::MAX_CHOICES;
use payments::timestamp::Timestamp;
use payments::token::PresentedCard;
use std::collections::BTreeMap;

/// How often an order starts again because another changed the entry.
const MAX_ROUNDS: u32 = 8;
/// How many orders an outage swallows.
const OUTAGE: u32 = 2;
/// How long a cardholder takes to authenticate, or to fail to.
const CHALLENGE_SECONDS: i64 = 3;
/// The page that would ask them. Nothing is there: what they do is decided by the card's number.
const CHALLENGES: &str = "https://challenge.simulated.example/";

/// A hold that is asked for.
pub(crate) struct Hold {
    pub(crate) key: GatewayKey,
    pub(crate) mode: Mode,
    pub(crate) amount: Amount,
    /// Whether its cardholder can be sent to a page.
    pub(crate) asks: bool,
    pub(crate) now: Timestamp,
}

pub(crate) async fn authorize(
    account: &impl Account,
    cards: &impl OpenCard,
    delay: &impl Delay,
    hold: &Hold,
    card: &PresentedCard,
) -> Result<Effect, Error> {
    let (number, code) = cards.open(card).await.map_err(Error::CardUnreadable)?;
    let quirk = cards::quirk(&number);
    // Whoever is shown no page never authenticates.
    let does = |cardholder| if hold.asks { cardholder } else { Cardholder::StaysAway };
    let challenge = cards::cardholder(&number).map(|cardholder| Challenge {
        cardholder: does(cardholder),
        asked_at: hold.now,
        code_given: code.is_some(),
    });
    let card = Card { quirk, rate: tariff::rate(&number), decline: cards::decline(&number), challenge };
    let answer = || decide(&card, hold, code.is_some());
    let first = place(account, hold, &card, answer).await?;
    let (effect, fresh) =
        if quirk == Some(Quirk::Duplicate) { place(account, hold, &card, answer).await? } else { first };
    match quirk {
        Some(Quirk::LostAnswer) if fresh => Err(Error::AnswerLost),
        Some(Quirk::LateAnswer) if fresh => {
            delay.late().await;
            Ok(effect)
        }
        _ => Ok(effect),
    }
}

fn decide(card: &Card, hold: &Hold, code_given: bool) -> Authorization {
    let reference = reference("auth", &hold.key);
    match (card.decline, &card.challenge) {
        (Some(code), _) => Authorization::Declined { code },
        (None, Some(_)) => {
            let url = hold.asks.then(|| format!("{CHALLENGES}{reference}"));
            Authorization::ActionRequired { reference, url }
        }
        (None, None) => approve(&hold.key, code_given, None),
    }
}

fn approve(key: &GatewayKey, code_given: bool, liability_shift: Option<Liability>) -> Authorization {
    let checks = Checks { cvc: code_given.then_some(true), address: None, liability_shift };
    Authorization::Approved { reference: reference("auth", key), checks }
}

/// What the network keeps of a card.
struct Card {
    quirk: Option<Quirk>,
    rate: u32,
    decline: Option<DeclineCode>,
    challenge: Option<Challenge>,
}

/// Places the hold unless the key did something before. Answers with the effect, and whether this call made it.
async fn place(
    account: &impl Account,
    hold: &Hold,
    card: &Card,
    decide: impl Fn() -> Authorization,
) -> Result<(Effect, bool), Error> {
    let key = &hold.key;
    change(account, key, hold.amount, |entry| {
        entry.authenticate(key, hold.now);
        if let Some(effect) = entry.effects.get(key.as_str()) {
            return Ok((Effect::clone(effect), false));
        }
        entry.quirk = card.quirk;
        entry.rate = card.rate;
        entry.mode = hold.mode;
        entry.requests += 1;
        let swallowed = match card.quirk {
            Some(Quirk::Outage) => entry.requests <= OUTAGE,
            Some(Quirk::Down) => true,
            _ => false,
        };
        if swallowed {
            return Err(Error::AcquirerUnavailable);
        }
        let answer = if entry.voided { Authorization::Declined { code: DeclineCode::DoNotHonor } } else { decide() };
        entry.approved = matches!(answer, Authorization::Approved { .. });
        entry.challenge = card.challenge.clone().filter(|_| matches!(answer, Authorization::ActionRequired { .. }));
        Ok((entry.effect(key, Effect::Authorized(answer)), true))
    })
    .await
}

pub(crate) async fn capture(
    account: &impl Account,
    today: Day,
    key: &GatewayKey,
    hold_key: &GatewayKey,
    amount: Amount,
    last: bool,
) -> Result<Effect, Error> {
    once(account, key, hold_key, amount, |entry| {
        let same = entry.amount.currency() == amount.currency();
        let refused = entry.quirk == Some(Quirk::CaptureRefused);
        if !same || refused || amount.minor() > entry.held() {
            return Effect::Captured(CaptureAnswer::Refused);
        }
        entry.captured += amount.minor();
        entry.book(key, RowKind::Capture, amount, tariff::cost(amount.minor(), entry.rate), today);
        if last {
            entry.released += entry.held();
        }
        Effect::Captured(CaptureAnswer::Captured { reference: reference("capture", key) })
    })
    .await
}

pub(crate) async fn void(
    account: &impl Account,
    key: &GatewayKey,
    hold_key: &GatewayKey,
    captured: Amount,
) -> Result<Effect, Error> {
    once(account, key, hold_key, captured, |entry| {
        if entry.captured > captured.minor() {
            return Effect::Voided(VoidAnswer::AlreadyCaptured { reference: reference("capture", hold_key) });
        }
        if entry.captured == 0 {
            entry.voided = true;
        }
        entry.released += entry.held();
        Effect::Voided(VoidAnswer::Voided)
    })
    .await
}

pub(crate) async fn refund(
    account: &impl Account,
    today: Day,
    key: &GatewayKey,
    hold_key: &GatewayKey,
    amount: Amount,
) -> Result<Effect, Error> {
    once(account, key, hold_key, amount, |entry| {
        let same = entry.amount.currency() == amount.currency();
        let refused = entry.quirk == Some(Quirk::RefundRefused);
        if !same || refused || amount.minor() > entry.captured - entry.refunded {
            return Effect::Refunded(RefundAnswer::Refused);
        }
        entry.refunded += amount.minor();
        entry.book(key, RowKind::Refund, amount, 0, today);
        Effect::Refunded(RefundAnswer::Refunded { reference: reference("refund", key) })
    })
    .await
}

/// The effect of an order on a hold, made once per key. Its first answer is lost if the card is one of those.
async fn once(
    account: &impl Account,
    key: &GatewayKey,
    hold_key: &GatewayKey,
    amount: Amount,
    effect: impl Fn(&mut Entry) -> Effect,
) -> Result<Effect, Error> {
    let (effect, lost) = change(account, hold_key, amount, |entry| {
        if let Some(effect) = entry.effects.get(key.as_str()) {
            return Ok((effect.clone(), false));
        }
        let effect = effect(entry);
        Ok((entry.effect(key, effect), entry.quirk == Some(Quirk::LostAnswer)))
    })
    .await?;
    if lost { Err(Error::AnswerLost) } else { Ok(effect) }
}

pub(crate) async fn look_up(account: &impl Account, key: &GatewayKey, now: Timestamp) -> Result<Option<Effect>, Error> {
    // A key is `payment:operation:attempt`; its effect stands in the entry of the payment's hold, whichever attempt placed it.
    let mut parts = key.as_str().split(':');
    let payment = parts.next().unwrap_or_default();
    if parts.next() != Some("authorize") {
        for attempt in 1..=MAX_CHOICES {
            let entry = account.entry(&format!("{payment}:authorize:{attempt}")).await?;
            if let Some(effect) = entry.and_then(|entry| entry.effects.get(key.as_str()).cloned()) {
                return Ok(Some(effect));
            }
        }
        return Ok(None);
    }
    let Some(entry) = account.entry(key.as_str()).await? else { return Ok(None) };
    if entry.challenge.is_none() {
        return Ok(entry.effects.get(key.as_str()).cloned());
    }
    change(account, key, entry.amount, |entry| {
        entry.authenticate(key, now);
        Ok(entry.effects.get(key.as_str()).cloned())
    })
    .await
}

/// Loads the hold's entry, or a new one; changes it; keeps it if it is another. An error of `change` is kept too: what an
/// outage swallowed is counted.
async fn change<T>(
    account: &impl Account,
    hold_key: &GatewayKey,
    amount: Amount,
    change: impl Fn(&mut Entry) -> Result<T, Error>,
) -> Result<T, Error> {
    for _ in 0..MAX_ROUNDS {
        let before = account.entry(hold_key.as_str()).await?.unwrap_or_else(|| Entry::new(hold_key, amount));
        let mut entry = before.clone();
        let answer = change(&mut entry);
        if entry == before {
            return answer;
        }
        entry.version += 1;
        if account.keep(&entry).await? == Kept::Done {
            return answer;
        }
    }
    Err(Unavailable::new("the acquirer's account", format!("someone else was faster {MAX_ROUNDS} times")).into())
}

impl Entry {
    fn new(hold_key: &GatewayKey, amount: Amount) -> Self {
        Self {
            hold_key: hold_key.to_string(),
            version: 0,
            amount,
            approved: false,
            captured: 0,
            released: 0,
            refunded: 0,
            voided: false,
            rate: 0,
            requests: 0,
            quirk: None,
            challenge: None,
            effects: BTreeMap::new(),
            mode: Mode::Test,
            bookings: Vec::new(),
            booked_on: None,
        }
    }

    /// What the cardholder has done by now about what they were asked under that key.
    fn authenticate(&mut self, key: &GatewayKey, now: Timestamp) {
        let done = |challenge: &mut Challenge| challenge.asked_at.plus_seconds(CHALLENGE_SECONDS) <= now;
        let Some(challenge) = self.challenge.take_if(done).filter(|_| !self.voided) else { return };
        let answer = match challenge.cardholder {
            Cardholder::Authenticates => approve(key, challenge.code_given, Some(Liability::Issuer)),
            Cardholder::Fails => Authorization::Declined { code: DeclineCode::AuthenticationRequired },
            Cardholder::StaysAway => {
                self.challenge = Some(challenge);
                return;
            }
        };
        self.approved = matches!(answer, Authorization::Approved { .. });
        self.effects.insert(key.to_string(), Effect::Authorized(answer));
    }

    fn book(&mut self, key: &GatewayKey, kind: RowKind, amount: Amount, cost: u64, on: Day) {
        self.bookings.push(Booking { key: key.clone(), kind, minor: amount.minor(), cost, on });
        self.booked_on = Some(on);
    }

    fn effect(&mut self, key: &GatewayKey, effect: Effect) -> Effect {
        self.effects.insert(key.to_string(), effect.clone());
        effect
    }
}

/// The network's name for an effect: the same whenever it is asked.
fn reference(kind: &str, key: &GatewayKey) -> String {
    let digest = payments::id::digest(&[kind.as_bytes(), key.as_str().as_bytes()]);
    let text: String = digest[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{kind}_{text}")
}
