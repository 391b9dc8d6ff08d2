//! Which gateways a payment may go to, and in which order: a merchant's rules, worked out from the payment alone, and what
//! came of following them, kept with the payment.

mod choose;
mod read;

pub use choose::{Chosen, choose, report};
pub(crate) use read::read_routing;

use crate::amount::Amount;
use crate::card::Brand;
use crate::currency::Currency;
use crate::gateway::{DeclineCode, GatewayName};
use crate::id::PaymentId;
use crate::merchant::Limits;
use crate::region::Country;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The most rules of a merchant.
pub const MAX_RULES: usize = 20;
/// The most gateways of a rule: a payment is sent to each once at most.
pub const MAX_CHOICES: usize = 5;
/// The most that a gateway's weight may be.
pub const MAX_WEIGHT: u32 = 1000;
/// The longest name of a rule.
pub const MAX_RULE_NAME: usize = 32;

/// A merchant's rules; the first that fits a payment decides. Where none fits, the deployment's own choice holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Routing(pub Vec<Rule>);

/// Which payments go to which gateways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What it is called in a payment's record; small letters, digits and dashes.
    pub name: String,
    /// Its payments have one of these currencies; empty: any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub currencies: BTreeSet<Currency>,
    /// Their cards are of one of these networks; empty: any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub brands: BTreeSet<Brand>,
    /// Their cards were issued in one of these countries; empty: anywhere, known or not.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub countries: BTreeSet<Country>,
    /// Their amounts lie within the bounds of their currency, both inclusive; empty: any, and otherwise no currency that is not here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub amounts: BTreeMap<Currency, Limits>,
    /// Where they go: in this order; or, with weights, first to one that is drawn by its weight, then in this order.
    pub gateways: Vec<Choice>,
}

/// A gateway of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Its name.
    pub gateway: GatewayName,
    /// Its share of the rule's payments, against the other weights of the rule. All of a rule's gateways have one, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
}

/// What rules go by.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Draws by weight: the same payment always draws the same.
    pub payment_id: &'a PaymentId,
    /// How much.
    pub amount: Amount,
    /// The card's network.
    pub brand: Brand,
    /// The card's first six digits.
    pub first6: &'a str,
}

/// Where a payment may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The rule that says so; `None` for the deployment's own choice.
    pub rule: Option<String>,
    /// The gateways, in order.
    pub gateways: Vec<GatewayName>,
}

impl Routing {
    /// Whether there are no rules.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where that payment may go; `default` where no rule fits.
    pub fn route(&self, facts: Facts<'_>, default: &GatewayName) -> Route {
        match self.0.iter().find(|rule| rule.fits(facts)) {
            Some(rule) => Route { rule: Some(rule.name.clone()), gateways: rule.order(facts.payment_id) },
            None => Route { rule: None, gateways: vec![default.clone()] },
        }
    }
}

impl Rule {
    /// Whether it is about such a payment.
    pub fn fits(&self, facts: Facts<'_>) -> bool {
        self.misfits(facts).is_empty()
    }

    /// The fields by which it is not about such a payment.
    pub fn misfits(&self, Facts { amount, brand, first6, .. }: Facts<'_>) -> Vec<&'static str> {
        let country = || Country::of(first6).is_some_and(|country| self.countries.contains(&country));
        let bounds = || self.amounts.get(&amount.currency());
        let within = || bounds().is_some_and(|bounds| (bounds.min..=bounds.max).contains(&amount.minor()));
        let fields = [
            ("currencies", self.currencies.is_empty() || self.currencies.contains(&amount.currency())),
            ("brands", self.brands.is_empty() || self.brands.contains(&brand)),
            ("countries", self.countries.is_empty() || country()),
            ("amounts", self.amounts.is_empty() || within()),
        ];
        fields.into_iter().filter(|(_, fits)| !fits).map(|(field, _)| field).collect()
    }

    fn order(&self, payment_id: &PaymentId) -> Vec<GatewayName> {
        let mut names: Vec<GatewayName> = self.gateways.iter().map(|choice| choice.gateway.clone()).collect();
        let weights = self.gateways.iter().map(|choice| u64::from(choice.weight.unwrap_or_default()));
        let total: u64 = weights.clone().sum();
        if total > 0 {
            let mut drawn = draw(payment_id) % total;
            let first = weights.into_iter().position(|weight| {
                let hit = drawn < weight;
                drawn = drawn.saturating_sub(weight);
                hit
            });
            let first = first.expect("what is drawn is less than all weights");
            names[..=first].rotate_right(1);
        }
        names
    }
}

/// A number that is as good as random, and the payment's own: its id is a digest.
fn draw(payment_id: &PaymentId) -> u64 {
    let mixed = |drawn: u64, byte: &u8| (drawn ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    payment_id.as_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, mixed) >> 16
}

/// What came of a payment's route, in the order in which it happened. Kept with the payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routed {
    /// The rule that it followed; none for the deployment's own choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Each gateway that was thought of, once.
    pub steps: Vec<RouteStep>,
}

/// A gateway of a route, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteStep {
    /// Which.
    pub gateway: GatewayName,
    /// What came of it.
    pub outcome: RouteOutcome,
}

/// What came of a gateway in a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteOutcome {
    /// It was asked, and its answer or its silence is the payment's.
    Asked,
    /// This deployment does not have it.
    NotThere,
    /// It moves no such amount, or nothing in that mode.
    NotTaken,
    /// It fails too often for now.
    BreakerOpen,
    /// It was asked, and certainly did nothing.
    Unavailable,
    /// It was asked, and the issuer said not now.
    SoftDecline(DeclineCode),
}

impl Routed {
    /// The attempt of the next authorisation: how many were made so far, and one more.
    pub fn next_attempt(&self) -> u32 {
        let asked = self.steps.iter().filter(|step| match step.outcome {
            RouteOutcome::Asked | RouteOutcome::Unavailable | RouteOutcome::SoftDecline(_) => true,
            RouteOutcome::NotThere | RouteOutcome::NotTaken | RouteOutcome::BreakerOpen => false,
        });
        u32::try_from(asked.count()).expect("a route has few steps") + 1
    }

    /// With what came of a gateway: in place of what was said of it before.
    pub fn with(mut self, gateway: &GatewayName, outcome: RouteOutcome) -> Self {
        match self.steps.iter_mut().find(|step| step.gateway == *gateway) {
            Some(step) => step.outcome = outcome,
            None => self.steps.push(RouteStep { gateway: gateway.clone(), outcome }),
        }
        self
    }

    /// Whether that gateway was thought of.
    pub fn knows(&self, gateway: &GatewayName) -> bool {
        self.steps.iter().any(|step| step.gateway == *gateway)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Mode, Owner};
    use serde_json::json;

    fn payment_id(key: &str) -> PaymentId {
        let owner = Owner { merchant_id: "mer_a".parse().expect("an id"), mode: Mode::Test };
        PaymentId::derive(&owner, &key.parse().expect("a key"))
    }

    fn rule(fields: serde_json::Value) -> Rule {
        let mut rule = json!({ "name": "a", "gateways": [{ "gateway": "a" }] });
        rule.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        serde_json::from_value(rule).expect("a rule")
    }

    #[test]
    fn a_rule_fits_by_all_that_it_says() {
        let id = payment_id("1");
        let (visa, amex) = ((Brand::Visa, "401288"), (Brand::AmericanExpress, "378282"));
        let check = |fields, minor, currency: &str, (brand, first6), fits| {
            let amount = Amount::try_new(minor, currency.parse().expect("listed")).expect("small");
            let rule = rule(fields);
            assert_eq!(
                rule.fits(Facts { payment_id: &id, amount, brand, first6 }),
                fits,
                "{rule:?} {minor} {currency}"
            );
        };
        check(json!({}), 1, "EUR", amex, true);
        check(json!({ "currencies": ["EUR", "USD"] }), 1, "USD", visa, true);
        check(json!({ "currencies": ["EUR", "USD"] }), 1, "JPY", visa, false);
        check(json!({ "brands": ["visa"] }), 1, "EUR", visa, true);
        check(json!({ "brands": ["visa"] }), 1, "EUR", amex, false);
        check(json!({ "countries": ["FR"] }), 1, "EUR", visa, true);
        check(json!({ "countries": ["NL"] }), 1, "EUR", visa, false);
        check(json!({ "countries": ["NL"] }), 1, "EUR", amex, false);
        let amounts = json!({ "amounts": { "EUR": { "min": 100, "max": 200 } } });
        check(amounts.clone(), 99, "EUR", visa, false);
        check(amounts.clone(), 100, "EUR", visa, true);
        check(amounts.clone(), 200, "EUR", visa, true);
        check(amounts.clone(), 201, "EUR", visa, false);
        check(amounts, 150, "USD", visa, false);
        check(json!({ "brands": ["visa"], "countries": ["DE"] }), 1, "EUR", visa, false);
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let mut second = rule(json!({ "gateways": [{ "gateway": "c" }, { "gateway": "d" }] }));
        second.name = "b".to_owned();
        let routing = Routing(vec![rule(json!({ "currencies": ["USD"] })), second]);
        let id = payment_id("1");
        let route = |routing: &Routing, currency: &str| {
            let amount = Amount::try_new(1, currency.parse().expect("listed")).expect("small");
            let route = routing.route(
                Facts { payment_id: &id, amount, brand: Brand::Visa, first6: "424242" },
                &GatewayName("own".to_owned()),
            );
            let names = route.gateways.iter().map(|gateway| gateway.0.as_str()).collect::<Vec<_>>().join(" ");
            (route.rule.unwrap_or_default(), names)
        };
        assert_eq!(route(&routing, "USD"), ("a".to_owned(), "a".to_owned()));
        assert_eq!(route(&routing, "EUR"), ("b".to_owned(), "c d".to_owned()));
        assert_eq!(route(&Routing::default(), "EUR"), (String::new(), "own".to_owned()));
    }

    #[test]
    fn weights_share_payments_and_the_same_one_draws_the_same() {
        let rule = rule(json!({
            "gateways": [
                { "gateway": "a", "weight": 60 }, { "gateway": "b", "weight": 0 }, { "gateway": "c", "weight": 40 },
            ],
        }));
        let mut first = BTreeMap::<String, u32>::new();
        for key in 0..10_000 {
            let id = payment_id(&format!("key-{key}"));
            let order = rule.order(&id);
            assert_eq!(order, rule.order(&id));
            let mut sorted = order.clone();
            sorted.sort();
            assert_eq!(sorted.len(), 3, "each once");
            *first.entry(order[0].0.clone()).or_default() += 1;
            if order[0].0 == "c" {
                assert_eq!((order[1].0.as_str(), order[2].0.as_str()), ("a", "b"), "the rest keeps its order");
            }
        }
        assert_eq!(first.get("b"), None);
        assert!((5_800..6_200).contains(&first["a"]), "{first:?}");
    }

    #[test]
    fn an_attempt_is_counted_when_somebody_was_asked() {
        let gateway = |name: &str| GatewayName(name.to_owned());
        let routed =
            Routed::default().with(&gateway("a"), RouteOutcome::BreakerOpen).with(&gateway("b"), RouteOutcome::Asked);
        assert_eq!(routed.next_attempt(), 2);
        let routed = routed.with(&gateway("b"), RouteOutcome::Unavailable).with(&gateway("a"), RouteOutcome::Asked);
        assert_eq!((routed.next_attempt(), routed.steps.len()), (3, 2));
    }
}
