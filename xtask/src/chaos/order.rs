//! What clients buy and what they do about it later, from a seed.

use bench::numbers::Numbers;
use serde_json::{Value, json};

/// From this amount on a payment is reviewed.
const REVIEW_FROM: usize = 500_000;
/// Cards that the simulated network approves, and of which some are awkward: a first answer is lost, or orders arrive twice.
const CARDS: [&str; 10] = [
    "4242424242424242",
    "5555555555554444",
    "378282246310005",
    "6011111111111117",
    "4242424242424242",
    "5555555555554444",
    "4242424242424242",
    "4000009900000103",
    "4000009900000400",
    "4242424242424242",
];
/// One that it declines.
const DECLINED: &str = "4000000000000002";
/// What the shop sells in.
pub const CURRENCIES: [&str; 2] = ["EUR", "JPY"];

/// Something that is done to a payment at rest, if it rests as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Takes so many minor units of the hold; the last time if so said.
    Capture(u64, bool),
    /// Lets the hold go.
    Cancel,
    /// Gives so many minor units back.
    Refund(u64),
    /// Approves or declines what is in review.
    Review(bool),
}

/// One payment.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its Idempotency-Key.
    pub key: String,
    /// Minor units.
    pub amount: u64,
    /// ISO 4217 code.
    pub currency: &'static str,
    /// Whether money is taken later, or at once.
    pub manual: bool,
    /// What is done afterwards, in this order.
    pub steps: Vec<Step>,
    card: &'static str,
}

impl Step {
    /// The end of its path.
    pub fn path(self) -> &'static str {
        match self {
            Self::Capture(..) => "capture",
            Self::Cancel => "cancel",
            Self::Refund(_) => "refunds",
            Self::Review(_) => "review",
        }
    }

    /// Its request's body.
    pub fn body(self) -> Value {
        match self {
            Self::Capture(amount, last) => json!({ "amount": amount, "final_capture": last }),
            Self::Cancel => json!({}),
            Self::Refund(amount) => json!({ "amount": amount }),
            Self::Review(approve) => json!({ "decision": if approve { "approve" } else { "decline" } }),
        }
    }

    /// How a payment rests to which this can be done.
    pub fn waits_for(self) -> &'static str {
        match self {
            Self::Capture(..) | Self::Cancel => "requires_capture",
            Self::Refund(_) => "succeeded",
            Self::Review(_) => "in_review",
        }
    }
}

impl Order {
    /// The body that exchanges its card for a token.
    pub fn card(&self) -> Value {
        json!({ "card": { "number": self.card, "exp_month": 12, "exp_year": 2034, "cvc": "737" } })
    }

    /// The payment's body.
    pub fn body(&self, token: &str) -> Value {
        let method = if self.manual { "manual" } else { "automatic" };
        json!({ "amount": self.amount, "currency": self.currency, "token": token, "capture_method": method })
    }
}

/// So many orders, the same from the same seed.
pub fn orders(seed: u64, count: usize) -> Vec<Order> {
    let mut numbers = Numbers::new(seed);
    (0..count).map(|place| order(&mut numbers, place)).collect()
}

fn order(numbers: &mut Numbers, place: usize) -> Order {
    let amount = 100 + numbers.below(20_000) as u64;
    let part = 1 + numbers.below(99) as u64;
    let rest = amount - part;
    let order = Order {
        key: format!("order-{place}"),
        amount,
        currency: CURRENCIES[numbers.below(CURRENCIES.len())],
        manual: false,
        steps: Vec::new(),
        card: CARDS[numbers.below(CARDS.len())],
    };
    let manual = |steps| Order { manual: true, steps, ..order.clone() };
    let automatic = |steps| Order { steps, ..order.clone() };
    let dear = |steps| Order { amount: amount + REVIEW_FROM as u64, steps, ..order.clone() };
    match numbers.below(100) {
        0..40 => order,
        40..50 => automatic(vec![Step::Refund(amount)]),
        50..56 => automatic(vec![Step::Refund(part), Step::Refund(rest)]),
        56..66 => manual(vec![Step::Capture(amount, true)]),
        66..73 => manual(vec![Step::Capture(part, false), Step::Capture(rest, true)]),
        73..79 => manual(vec![Step::Capture(part, true)]),
        79..83 => manual(vec![Step::Capture(part, false), Step::Capture(1, true), Step::Refund(part)]),
        83..90 => manual(vec![Step::Cancel]),
        90..93 => manual(Vec::new()),
        93..95 => dear(vec![Step::Review(true)]),
        95..97 => dear(vec![Step::Review(false)]),
        _ => Order { card: DECLINED, ..order },
    }
}

/// The shop's settings: it sells in each currency, reviews what is dear, and lets a card pay as often as it wants.
pub fn settings() -> Value {
    let limits = json!({ "min": 1, "max": 100_000_000 });
    json!({
        "name": "A shop in a storm", "active": true,
        "currencies": { "EUR": limits, "JPY": limits },
        "fee_plan": { "basis_points": 290, "fixed_minor": { "EUR": 30, "JPY": 40 } },
        "risk": { "review_from": { "EUR": REVIEW_FROM, "JPY": REVIEW_FROM }, "payments_per_card": 1_000_000 },
        "requests_per_second": 10_000,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_is_the_same_day_and_no_order_takes_more_than_it_has() {
        let day = |seed| orders(seed, 500);
        assert_eq!(format!("{:?}", day(7)), format!("{:?}", day(7)));
        assert_ne!(format!("{:?}", day(7)), format!("{:?}", day(8)));
        for order in day(7) {
            let captured: u64 =
                order.steps.iter().map(|step| if let Step::Capture(amount, _) = step { *amount } else { 0 }).sum();
            assert!(captured <= order.amount, "{order:?}");
        }
    }
}
