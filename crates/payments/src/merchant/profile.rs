//! Reading a merchant's settings as an operator sends them: field by field, so that every error names its field.

use super::fee_plan::read_fee_plan;
use super::{Limits, MAX_NAME, MAX_REQUESTS_PER_SECOND, Merchant, REQUESTS_PER_SECOND};
use crate::amount::MAX_MINOR;
use crate::bank_account::BankAccount;
use crate::currency::Currency;
use crate::fields::{Fields, holds_card_number, object, shown};
use crate::fraud::RiskRules;
use crate::id::Owner;
use crate::problem::FieldError;
use crate::routing::read_routing;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const KNOWN: [&str; 10] = [
    "merchant_id",
    "mode",
    "name",
    "active",
    "currencies",
    "fee_plan",
    "risk",
    "bank_accounts",
    "routing",
    "requests_per_second",
];
/// The most payments that a rule may allow one card within its window.
const MAX_PAYMENTS_PER_CARD: u64 = 1_000_000;

/// A JSON object.
pub(super) type Object = Map<String, Value>;

impl Merchant {
    /// The settings of that owner as `body` has them. It may repeat the owner, so that what was read can be sent back.
    pub fn read(owner: &Owner, body: &Value) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::of(object(body)?, "", &KNOWN);
        for (name, own) in [("merchant_id", owner.merchant_id.as_str()), ("mode", owner.mode.as_str())] {
            fields.optional(name, "expected what the path says, or nothing", |value| (value == own).then_some(()));
        }
        let name = fields.required("name", "expected 1 to 64 characters without a card number", |value| {
            let text = value.as_str()?;
            let good = (1..=MAX_NAME).contains(&text.chars().count()) && !text.chars().any(char::is_control);
            (good && !holds_card_number(text)).then(|| text.to_owned())
        });
        let active = fields.required("active", "expected true or false", Value::as_bool);
        let expected = "expected an object from ISO 4217 codes to { min, max }, with at least one";
        let currencies = fields.required("currencies", expected, |value| {
            value.as_object().filter(|currencies| !currencies.is_empty()).cloned()
        });
        let plan = fields.required(
            "fee_plan",
            "expected an object with basis_points and fixed_minor, or with periods",
            an_object,
        );
        let risk = fields.optional(
            "risk",
            "expected an object with review_from, decline_from and payments_per_card",
            an_object,
        );
        let expected = "expected an object from ISO 4217 codes to bank accounts";
        let bank_accounts = fields.optional("bank_accounts", expected, an_object);
        let routing = read_routing(&mut fields);
        let requests_per_second = fields.optional(
            "requests_per_second",
            &format!("expected a whole number from 1 to {MAX_REQUESTS_PER_SECOND}"),
            |value| {
                let limit = u32::try_from(value.as_u64()?).ok()?;
                (1..=MAX_REQUESTS_PER_SECOND).contains(&limit).then_some(limit)
            },
        );
        let errors = &mut fields.errors;
        let currencies = currencies.map(|currencies| read_limits(&currencies, "currencies", errors));
        let none = BTreeMap::new();
        let bounds = currencies.as_ref().unwrap_or(&none);
        let fee_plan = plan.and_then(|plan| read_fee_plan(&plan, bounds, errors));
        let risk = risk.map_or_else(RiskRules::default, |risk| read_risk(&risk, errors));
        let bank_accounts = read_bank_accounts(&bank_accounts.unwrap_or_default(), errors);
        match (name, active, currencies, fee_plan) {
            (Some(name), Some(active), Some(currencies), Some(fee_plan)) if fields.errors.is_empty() => Ok(Self {
                merchant_id: owner.merchant_id.clone(),
                mode: owner.mode,
                name,
                active,
                currencies,
                fee_plan,
                risk,
                bank_accounts,
                routing,
                requests_per_second: requests_per_second.unwrap_or(REQUESTS_PER_SECOND),
            }),
            _ => Err(fields.errors),
        }
    }
}

pub(super) fn an_object(value: &Value) -> Option<Object> {
    value.as_object().cloned()
}

/// A whole number of minor units from `least` on.
fn minor(value: &Value, least: u64) -> Option<u64> {
    value.as_u64().filter(|minor| (least..=MAX_MINOR).contains(minor))
}

/// The currency that a field is named by; an error if it is none.
fn currency(path: &str, name: &str, errors: &mut Vec<FieldError>) -> Option<Currency> {
    let currency = name.parse().ok();
    if currency.is_none() {
        let expected = "expected a three-letter ISO 4217 code in capitals, such as EUR";
        errors.push(FieldError::new(format!("{path}.{}", shown(name)), expected));
    }
    currency
}

/// Bounds by currency, of the field at `path`.
pub(crate) fn read_limits(bounds: &Object, path: &str, errors: &mut Vec<FieldError>) -> BTreeMap<Currency, Limits> {
    let mut read = BTreeMap::new();
    for (name, value) in bounds {
        let Some(currency) = currency(path, name, errors) else { continue };
        let Some(limits) = value.as_object() else {
            errors.push(FieldError::new(format!("{path}.{name}"), "expected an object with min and max"));
            continue;
        };
        let mut fields = Fields::of(limits, &format!("{path}.{name}."), &["min", "max"]);
        let expected = format!("expected a whole number of minor units from 1 to {MAX_MINOR}");
        let min = fields.required("min", &expected, |value| minor(value, 1));
        let expected = format!("expected a whole number of minor units from min to {MAX_MINOR}");
        let max = fields.required("max", &expected, |value| minor(value, min.unwrap_or(1)));
        errors.append(&mut fields.errors);
        if let (Some(min), Some(max)) = (min, max) {
            read.insert(currency, Limits { min, max });
        }
    }
    read
}

fn read_bank_accounts(accounts: &Object, errors: &mut Vec<FieldError>) -> BTreeMap<Currency, BankAccount> {
    let mut read = BTreeMap::new();
    for (name, value) in accounts {
        let Some(currency) = currency("bank_accounts", name, errors) else { continue };
        let path = format!("bank_accounts.{name}");
        match value.as_object().map(|account| BankAccount::read(account, &format!("{path}."))) {
            Some(Ok(account)) => drop(read.insert(currency, account)),
            Some(Err(mut wrong)) => errors.append(&mut wrong),
            None => errors.push(FieldError::new(path, "expected an object with type, name and numbers")),
        }
    }
    read
}

fn read_risk(risk: &Object, errors: &mut Vec<FieldError>) -> RiskRules {
    let mut fields = Fields::of(risk, "risk.", &["review_from", "decline_from", "payments_per_card"]);
    let review_from = read_lines(&mut fields, "risk.review_from", "review_from", 1);
    let decline_from = read_lines(&mut fields, "risk.decline_from", "decline_from", 1);
    let payments_per_card = fields.optional(
        "payments_per_card",
        &format!("expected a whole number from 1 to {MAX_PAYMENTS_PER_CARD}"),
        |value| {
            let payments = value.as_u64().filter(|payments| (1..=MAX_PAYMENTS_PER_CARD).contains(payments))?;
            u32::try_from(payments).ok()
        },
    );
    errors.append(&mut fields.errors);
    let standard = RiskRules::default().payments_per_card;
    RiskRules { review_from, decline_from, payments_per_card: payments_per_card.unwrap_or(standard) }
}

/// Amounts by currency; none if the field is missing.
pub(super) fn read_lines(fields: &mut Fields<'_>, path: &str, name: &str, least: u64) -> BTreeMap<Currency, u64> {
    let lines = fields.optional(name, "expected an object from ISO 4217 codes to minor units", an_object);
    let mut read = BTreeMap::new();
    for (name, value) in lines.unwrap_or_default() {
        let Some(currency) = currency(path, &name, &mut fields.errors) else { continue };
        match minor(&value, least) {
            Some(minor) => drop(read.insert(currency, minor)),
            None => {
                let expected = format!("expected a whole number of minor units from {least} to {MAX_MINOR}");
                fields.errors.push(FieldError::new(format!("{path}.{name}"), expected));
            }
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Mode;
    use serde_json::json;

    fn owner() -> Owner {
        Owner { merchant_id: "mer_a".parse().expect("an id"), mode: Mode::Test }
    }

    fn good() -> Value {
        json!({
            "name": "Harbor Books", "active": true,
            "currencies": { "EUR": { "min": 1, "max": 100 }, "JPY": { "min": 5, "max": 5 } },
            "fee_plan": { "basis_points": 290, "fixed_minor": { "EUR": 30 } },
            "risk": { "review_from": { "EUR": 50 }, "payments_per_card": 12 },
            "bank_accounts": {
                "EUR": { "type": "iban", "name": "Harbor Books", "iban": "NL41MOCK0000000001", "bic": "MOCKNL2A" },
                "USD": {
                    "type": "ach", "name": "Harbor Books", "routing_number": "021000021", "account_number": "12345678",
                },
            },
            "routing": [
                {
                    "name": "large-euros", "currencies": ["EUR"], "brands": ["visa"], "countries": ["NL", "FR"],
                    "amounts": { "EUR": { "min": 10, "max": 100 } },
                    "gateways": [{ "gateway": "stripe", "weight": 70 }, { "gateway": "simulated", "weight": 30 }],
                },
                { "name": "rest", "gateways": [{ "gateway": "simulated" }, { "gateway": "stripe" }] },
            ],
            "requests_per_second": 10_000,
        })
    }

    #[test]
    fn settings_that_were_read_can_be_sent_back() {
        let merchant = Merchant::read(&owner(), &good()).expect("good");
        let shown = serde_json::to_value(&merchant).expect("plain data");
        assert_eq!(Merchant::read(&owner(), &shown), Ok(merchant));
    }

    #[test]
    fn what_may_be_missing_has_a_default() {
        let mut least = good();
        for name in ["risk", "routing", "requests_per_second"] {
            least.as_object_mut().expect("an object").remove(name);
        }
        let merchant = Merchant::read(&owner(), &least).expect("good");
        assert_eq!((merchant.requests_per_second, merchant.risk), (REQUESTS_PER_SECOND, RiskRules::default()));
    }

    #[test]
    fn a_wrong_field_is_named() {
        let too_much = json!(MAX_MINOR + 1);
        let rows = [
            ("/name", json!(""), "name"),
            ("/name", json!("x".repeat(65)), "name"),
            ("/name", json!("card 4242 4242 4242 4242"), "name"),
            ("/name", json!("a\nb"), "name"),
            ("/active", json!("yes"), "active"),
            ("/active", Value::Null, "active"),
            ("/currencies", json!({}), "currencies"),
            ("/currencies", json!({ "EUX": { "min": 1, "max": 2 } }), "currencies.EUX"),
            ("/currencies", json!({ "4242424242424242": 1 }), "currencies.(another field)"),
            ("/currencies/EUR", json!(5), "currencies.EUR"),
            ("/currencies/EUR/min", json!(0), "currencies.EUR.min"),
            ("/currencies/EUR/max", too_much.clone(), "currencies.EUR.max"),
            ("/currencies/JPY/max", json!(4), "currencies.JPY.max"),
            ("/currencies/EUR/mid", json!(4), "currencies.EUR.mid"),
            ("/fee_plan", json!(5), "fee_plan"),
            ("/fee_plan/basis_points", json!(10_001), "fee_plan.basis_points"),
            ("/fee_plan/basis_points", json!(2.9), "fee_plan.basis_points"),
            ("/fee_plan/fixed_minor", json!([]), "fee_plan.fixed_minor"),
            ("/fee_plan/fixed_minor/EUR", json!(-1), "fee_plan.fixed_minor.EUR"),
            ("/fee_plan/percent", json!(3), "fee_plan.percent"),
            ("/risk", json!(true), "risk"),
            ("/risk/review_from/EUR", json!(0), "risk.review_from.EUR"),
            ("/risk/decline_from", json!({ "USD": too_much }), "risk.decline_from.USD"),
            ("/risk/payments_per_card", json!(0), "risk.payments_per_card"),
            ("/bank_accounts", json!(5), "bank_accounts"),
            ("/bank_accounts", json!({ "EUX": {} }), "bank_accounts.EUX"),
            ("/bank_accounts/EUR", json!(5), "bank_accounts.EUR"),
            ("/bank_accounts/EUR/type", json!("cash"), "bank_accounts.EUR.type"),
            ("/bank_accounts/EUR/name", json!(""), "bank_accounts.EUR.name"),
            ("/bank_accounts/EUR/iban", json!("NL42MOCK0000000001"), "bank_accounts.EUR.iban"),
            ("/bank_accounts/EUR/bic", json!("INGB"), "bank_accounts.EUR.bic"),
            ("/bank_accounts/EUR/routing_number", json!("021000021"), "bank_accounts.EUR.routing_number"),
            ("/bank_accounts/USD/routing_number", json!("021000022"), "bank_accounts.USD.routing_number"),
            ("/bank_accounts/USD/account_number", json!(1234), "bank_accounts.USD.account_number"),
            ("/bank_accounts/USD/account_kind", json!("gold"), "bank_accounts.USD.account_kind"),
            ("/bank_accounts/USD/holder_kind", json!("dog"), "bank_accounts.USD.holder_kind"),
            ("/routing", json!({}), "routing"),
            ("/routing", json!([5]), "routing[0]"),
            ("/routing", json!([{ "name": "a", "gateways": [] }]), "routing[0].gateways"),
            ("/routing/0/name", json!("Large Euros"), "routing[0].name"),
            ("/routing/0/name", json!("rest"), "routing[1].name"),
            ("/routing/0/currencies", json!(["EUX"]), "routing[0].currencies"),
            ("/routing/0/brands", json!("visa"), "routing[0].brands"),
            ("/routing/0/countries", json!(["nl"]), "routing[0].countries"),
            ("/routing/0/amounts/EUR/max", json!(9), "routing[0].amounts.EUR.max"),
            ("/routing/0/gateways/0/weight", json!(1001), "routing[0].gateways[0].weight"),
            ("/routing/0/gateways/1/gateway", json!("stripe"), "routing[0].gateways[1].gateway"),
            ("/routing/1/gateways/0/weight", json!(1), "routing[1].gateways[1].weight"),
            ("/routing/1/gateways", json!([{ "gateway": "a", "weight": 0 }]), "routing[1].gateways"),
            ("/routing/1/color", json!("red"), "routing[1].color"),
            ("/requests_per_second", json!(0), "requests_per_second"),
            ("/requests_per_second", json!(MAX_REQUESTS_PER_SECOND + 1), "requests_per_second"),
            ("/merchant_id", json!("mer_b"), "merchant_id"),
            ("/mode", json!("live"), "mode"),
            ("/color", json!("red"), "color"),
        ];
        for (pointer, value, field) in rows {
            let mut body = good();
            let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
            body.pointer_mut(parent).expect("a parent")[name] = value;
            let errors = Merchant::read(&owner(), &body).expect_err(field);
            assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), [field]);
        }
        assert_eq!(Merchant::read(&owner(), &json!([])).expect_err("no object")[0].field, "(body)");
    }
}
