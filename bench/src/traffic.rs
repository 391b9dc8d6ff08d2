//! Payments' events as `publish` puts them on the topic: made by the domain, a few hundred different payments, sent again
//! and again under new ids.

use payments::amount::Amount;
use payments::card::{CardNumber, CardSummary, Expiry};
use payments::event::Event;
use payments::fee::{CaptureTerms, FeeTerms};
use payments::fraud::{Decision, Screening};
use payments::gateway::{Checks, DeclineCode, GatewayName, HoldLimits};
use payments::id::{CardFingerprint, Mode, OperationId, OperationKind, Owner, PaymentId, TokenId, digest};
use payments::ledger::Position;
use payments::operation::Wanted;
use payments::payment::{Actor, CaptureMethod, Opening, Payment};
use payments::posting::journal_entry;
use payments::secret::Secret;
use payments::settlement::{Settlement, settle};
use payments::stage::{Approved, Captured, Created, Stage, Succeeded};
use payments::timestamp::Timestamp;
use payments::token::Token;
use std::collections::BTreeMap;

/// 2026-11-23T12:00:00Z, a Monday.
const NOON: i64 = 1_795_435_200_000;
/// Merchants with their currencies. The first is the one that takes all in `--one-merchant`.
const MERCHANTS: [(&str, &[&str]); 3] =
    [("mer_bakery", &["EUR"]), ("mer_bicycles", &["EUR", "USD"]), ("mer_sakura_tea", &["JPY"])];
/// Different amounts of each merchant, currency and life.
const AMOUNTS: u64 = 8;

/// How a payment goes.
#[derive(Clone, Copy, Debug)]
enum Life {
    /// Approved, captured, settled.
    Paid,
    /// The issuer says no.
    Declined,
    /// Paid, and a part given back.
    Refunded,
    /// Captured by the merchant in two parts.
    InParts,
}

/// Of twenty payments.
const LIVES: [Life; 20] = {
    let mut lives = [Life::Paid; 20];
    lives[4] = Life::Declined;
    lives[9] = Life::Refunded;
    lives[14] = Life::InParts;
    lives[19] = Life::Declined;
    lives
};

/// The events of one payment, with a place for its id.
struct Script {
    /// Each event's JSON, cut at the payment's id.
    events: Vec<Vec<Vec<u8>>>,
    /// Which of them move money.
    moves_money: Vec<bool>,
}

/// All traffic: payment after payment, their events interleaved by [`crate::topic`].
pub struct Traffic {
    run: u64,
    scripts: Vec<Script>,
}

impl Traffic {
    /// Of several merchants, or of one that takes all. Payments of different runs are different ones.
    pub fn new(one_merchant: bool, run: u64) -> Self {
        let merchants = if one_merchant { &MERCHANTS[..1] } else { &MERCHANTS[..] };
        let mut scripts = Vec::new();
        for amount in 0..AMOUNTS {
            for (merchant, currencies) in merchants {
                for currency in *currencies {
                    for (place, life) in LIVES.iter().enumerate() {
                        let minor = 500 + 731 * amount + 17 * place as u64;
                        scripts.push(script(merchant, currency, minor, *life));
                    }
                }
            }
        }
        Self { run, scripts }
    }

    /// How many events that payment has.
    pub fn events(&self, payment: u32) -> usize {
        self.script(payment).events.len()
    }

    /// Whether that event of that payment moves money.
    pub fn moves_money(&self, payment: u32, event: u8) -> bool {
        self.script(payment).moves_money[usize::from(event)]
    }

    /// The id of the payment of that number.
    pub fn payment_id(&self, payment: u32) -> String {
        format!("pay_{}", hex::encode(&digest(&[b"bench", &self.run.to_be_bytes(), &payment.to_be_bytes()])[..16]))
    }

    /// The id of an event of a payment.
    pub fn event_id(&self, payment: u32, event: u8) -> String {
        format!("{}:{}", self.payment_id(payment), event + 1)
    }

    /// The JSON of an event of a payment.
    pub fn event(&self, payment: u32, event: u8) -> Vec<u8> {
        let parts = &self.script(payment).events[usize::from(event)];
        parts.join(self.payment_id(payment).as_bytes())
    }

    fn script(&self, payment: u32) -> &Script {
        // Neighbours are of different merchants and lives.
        let place = usize::try_from(payment).unwrap_or_default().wrapping_mul(7919);
        &self.scripts[place % self.scripts.len()]
    }
}

fn script(merchant: &str, currency: &str, minor: u64, life: Life) -> Script {
    let owner = Owner { merchant_id: merchant.parse().expect("a merchant's id"), mode: Mode::Test };
    let amount = Amount::try_new(minor, currency.parse().expect("a currency")).expect("a small amount");
    let versions = versions(owner, amount, life);
    let id = versions[0].payment_id.clone();
    let events: Vec<Event> = versions.iter().map(Event::of).collect();
    let somewhere = Position { partition: 0, offset: 0 };
    let moves_money = |event| journal_entry(event, somewhere).expect("the domain's own event is postable").is_some();
    let cut = |event| {
        let json = serde_json::to_string(event).expect("an event has a JSON form");
        json.split(id.as_str()).map(|part| part.as_bytes().to_vec()).collect()
    };
    Script { moves_money: events.iter().map(moves_money).collect(), events: events.iter().map(cut).collect() }
}

/// A payment's versions from its opening to its end.
fn versions(owner: Owner, amount: Amount, life: Life) -> Vec<Payment> {
    let now = |version: &Payment| Timestamp::from_millis(NOON + 1000 * i64::from(version.version));
    let mut versions = vec![open(owner, amount, matches!(life, Life::InParts))];
    let mut go = |change: &dyn Fn(Payment, Timestamp) -> Payment| {
        let last = versions.last().expect("a payment is opened").clone();
        let at = now(&last);
        versions.push(change(last, at));
    };
    let gateway = || GatewayName("simulated".to_owned());
    let intent = || Created {}.authorize(gateway(), 1, None);
    go(&|payment, at| payment.advance(Stage::Authorizing(intent()), Actor::Validate, at));
    if matches!(life, Life::Declined) {
        let declined = intent().decline(DeclineCode::InsufficientFunds);
        go(&|payment, at| payment.advance(Stage::Declined(declined.clone()), Actor::Authorize, at));
        return versions;
    }
    let hold = |at: Timestamp| {
        let (checks, limits) = (Checks::default(), HoldLimits::default());
        intent().approve("sim_0001".to_owned(), checks, at.plus_seconds(604_800), limits)
    };
    go(&|payment, at| payment.advance(Stage::Authorized(hold(at)), Actor::Authorize, at));
    let screening = || Screening { decision: Decision::Approve, reasons: Vec::new() };
    let at_once = !matches!(life, Life::InParts);
    go(&|payment, at| payment.screened(hold(at).screened(screening(), at_once), Actor::FraudCheck, at));
    let captures = if at_once { vec![None] } else { vec![Some(amount.minor() / 3), Some(amount.minor() / 3 * 2)] };
    for (place, part) in captures.into_iter().enumerate() {
        if let Some(minor) = part {
            let wanted = Wanted::Capture { amount: Some(minor), last: place == 1 };
            go(&|payment, at| accept(payment, wanted, place, at));
        }
        go(&|payment, at| {
            let approved = approved(&payment);
            let stage = Stage::Captured(Captured(approved));
            payment.took_effect(format!("sim_cap_{place}"), stage, Actor::Execute, at)
        });
        go(&|payment, at| {
            let (_, captured, _) = payment.open_capture().expect("the capture is under way");
            let (approved, settlement) = (approved(&payment), settlement(captured, at));
            payment.settled(approved, settlement, Actor::Settle, at)
        });
    }
    if matches!(life, Life::Refunded) {
        let wanted = Wanted::Refund { amount: Some(amount.minor() / 2), reason: None };
        go(&|payment, at| accept(payment, wanted, 0, at));
        go(&|payment, at| {
            let stage = Stage::Succeeded(Succeeded(approved(&payment)));
            payment.took_effect("sim_ref_0".to_owned(), stage, Actor::Refund, at)
        });
    }
    versions
}

fn accept(payment: Payment, wanted: Wanted, place: usize, at: Timestamp) -> Payment {
    let key = format!("order-{place}").parse().expect("a key");
    let kind: OperationKind = wanted.kind();
    let id = OperationId::derive(&payment.payment_id, kind, &key);
    payment.accept(id, wanted, "0".repeat(32), at).expect("the payment takes the operation")
}

fn approved(payment: &Payment) -> Approved {
    let (Some(hold), Some(screening)) = payment.stage.hold() else { panic!("the payment is approved") };
    Approved { hold: hold.clone(), screening: screening.clone() }
}

fn settlement(captured: Amount, at: Timestamp) -> Settlement {
    let fee = FeeTerms { basis_points: 250, fixed_minor: 25, minimum_minor: 0 };
    settle(captured, &CaptureTerms { fee, reserve: None }, at).expect("a small amount settles")
}

fn open(owner: Owner, amount: Amount, manual: bool) -> Payment {
    let number = CardNumber::try_new(Secret::new("4242424242424242".to_owned())).expect("a test card");
    let token = Token {
        token_id: TokenId::from_random([7; 16]),
        merchant_id: owner.merchant_id.clone(),
        mode: owner.mode,
        card: CardSummary {
            brand: number.brand(),
            first6: number.first6(),
            last4: number.last4(),
            expiry: Expiry { year: 2030, month: 1 },
        },
        fingerprint: CardFingerprint::from_mac(&[7; 32]),
        expires_at: Timestamp::from_millis(NOON + 3_600_000),
        delete_at: 0,
    };
    let opening = Opening {
        payment_id: PaymentId::derive(&owner, &"script".parse().expect("a key")),
        owner,
        request_hash: "0".repeat(32),
        amount,
        capture_method: if manual { CaptureMethod::Manual } else { CaptureMethod::Automatic },
        token,
        reference: Some("order-1001".to_owned()),
        metadata: BTreeMap::new(),
        return_url: None,
    };
    Payment::open(opening, Timestamp::from_millis(NOON))
}
