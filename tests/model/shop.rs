//! What never changes while a payment is made: the merchant, the card and its token, and when it all begins.

use payments::card::{CardNumber, CardSummary, Expiry};
use payments::currency::Currency;
use payments::fee::FeePlan;
use payments::fraud::RiskRules;
use payments::id::{CardFingerprint, Mode, Owner, PaymentId, TokenId, digest};
use payments::merchant::{Limits, Merchant};
use payments::routing::Routing;
use payments::secret::Secret;
use payments::timestamp::Timestamp;
use payments::token::{SealedCard, Token};
use std::collections::BTreeMap;

/// The second at which every scenario begins, since the epoch.
const BEGIN_SECONDS: i64 = 1_795_000_000;

/// From this amount on a person looks at the payment.
pub const REVIEWED: u64 = 50_000;
/// From this amount on it is declined.
pub const RISKY: u64 = 90_000;

/// The merchant with one customer.
pub struct Shop {
    pub payment_id: PaymentId,
    pub merchant: Merchant,
    pub token: Token,
    pub card: SealedCard,
}

impl Shop {
    /// Whose customer pays with that card.
    pub fn new(number: &str) -> Self {
        let token_id = TokenId::from_random([7; 16]);
        let card = CardNumber::try_new(Secret::new(number.to_owned())).expect("a test card");
        let token = Token {
            token_id: token_id.clone(),
            merchant_id: owner().merchant_id,
            mode: Mode::Test,
            card: CardSummary {
                brand: card.brand(),
                first6: card.first6(),
                last4: card.last4(),
                expiry: Expiry { year: 2030, month: 1 },
            },
            fingerprint: CardFingerprint::from_mac(&digest(&[number.as_bytes()])),
            expires_at: moment(3600),
            delete_at: 0,
        };
        let (merchant_id, number, data_key) = (owner().merchant_id, number.to_owned(), String::new());
        let card = SealedCard { token_id, merchant_id, number, data_key };
        let payment_id = PaymentId::derive(&owner(), &"order".parse().expect("a key"));
        Self { payment_id, merchant: merchant(), token, card }
    }
}

/// The merchant in test mode.
pub fn owner() -> Owner {
    Owner { merchant_id: "mer_test".parse().expect("an id"), mode: Mode::Test }
}

/// So many seconds after the beginning.
pub fn moment(seconds: u32) -> Timestamp {
    Timestamp::from_millis(BEGIN_SECONDS * 1000).plus_seconds(i64::from(seconds))
}

/// How many seconds after the beginning a moment is.
pub fn seconds(moment: Timestamp) -> u32 {
    u32::try_from(moment.as_seconds() - BEGIN_SECONDS).expect("nothing happens before the beginning")
}

fn euro() -> Currency {
    "EUR".parse().expect("listed")
}

fn merchant() -> Merchant {
    Merchant {
        merchant_id: owner().merchant_id,
        mode: Mode::Test,
        name: "Test".to_owned(),
        active: true,
        currencies: BTreeMap::from([(euro(), Limits { min: 1, max: 1_000_000 })]),
        fee_plan: FeePlan::flat(250, BTreeMap::from([(euro(), 25)])),
        risk: RiskRules {
            review_from: BTreeMap::from([(euro(), REVIEWED)]),
            decline_from: BTreeMap::from([(euro(), RISKY)]),
            payments_per_card: 5,
        },
        bank_accounts: BTreeMap::new(),
        routing: Routing::default(),
        requests_per_second: 100,
    }
}
