//! Reading a fee plan as an operator sends it: flat, or by periods. Its shape first, field by field; then what only the
//! whole can show, such as two rules for one card.

use super::Limits;
use super::profile::{Object, an_object, read_lines};
use crate::card::Brand;
use crate::currency::Currency;
use crate::fee::{
    FeePlan, MAX_PERIODS, MAX_RESERVE_DAYS, MAX_RULES, MAX_TIERS, Period, Price, Reserve, Rule, Tier, WHOLE,
};
use crate::fields::Fields;
use crate::problem::FieldError;
use crate::region::Region;
use crate::timestamp::parse_iso_date;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

const PRICE: [&str; 3] = ["basis_points", "fixed_minor", "minimum_minor"];
const POINTS: &str = "expected a whole number from 0 to 10000: hundredths of a percent";

/// The plan, or `None` and what is wrong with it.
pub(super) fn read_fee_plan(
    plan: &Object,
    currencies: &BTreeMap<Currency, Limits>,
    errors: &mut Vec<FieldError>,
) -> Option<FeePlan> {
    let before = errors.len();
    let read = if plan.contains_key("periods") { scheduled(plan, errors) } else { flat(plan, errors) };
    if errors.len() > before {
        return None;
    }
    let bounds = currencies.iter().map(|(currency, limits)| (*currency, (limits.min, limits.max))).collect();
    let faults = read.as_ref().map(|plan| plan.faults(&bounds)).unwrap_or_default();
    errors.extend(faults.into_iter().map(|(path, detail)| FieldError::new(format!("fee_plan.{path}"), detail)));
    read.filter(|_| errors.len() == before)
}

fn flat(plan: &Object, errors: &mut Vec<FieldError>) -> Option<FeePlan> {
    let mut fields = Fields::of(plan, "fee_plan.", &PRICE);
    let price = price(&mut fields, "fee_plan");
    errors.append(&mut fields.errors);
    price.map(FeePlan::Flat)
}

fn scheduled(plan: &Object, errors: &mut Vec<FieldError>) -> Option<FeePlan> {
    let mut fields = Fields::of(plan, "fee_plan.", &["periods"]);
    let periods = list(&mut fields, "fee_plan", "periods", MAX_PERIODS, period);
    errors.append(&mut fields.errors);
    Some(FeePlan::Scheduled { periods: periods? })
}

fn period(period: &Object, path: &str, errors: &mut Vec<FieldError>) -> Option<Period> {
    let mut fields = Fields::of(period, &format!("{path}."), &["from", "before", "rules", "refund_minor", "reserve"]);
    let day = |value: &Value| value.as_str().filter(|text| parse_iso_date(text).is_some()).map(str::to_owned);
    let from = fields.optional("from", "expected a day, such as 2026-12-01", day);
    let before = fields.optional("before", "expected the first day after the period, such as 2026-12-31", day);
    let rules = list(&mut fields, path, "rules", MAX_RULES, rule);
    let refund_minor = read_lines(&mut fields, &format!("{path}.refund_minor"), "refund_minor", 0);
    let held = fields.optional("reserve", "expected an object with basis_points and days", an_object);
    let reserve = held.and_then(|held| reserve(&held, path, &mut fields.errors));
    errors.append(&mut fields.errors);
    Some(Period { from, before, rules: rules?, refund_minor, reserve })
}

fn rule(rule: &Object, path: &str, errors: &mut Vec<FieldError>) -> Option<Rule> {
    let known = [&["brand", "region", "tiers"][..], &PRICE].concat();
    let mut fields = Fields::of(rule, &format!("{path}."), &known);
    let brands = "expected visa, mastercard, american_express, discover or other";
    let brand = fields.optional("brand", brands, name::<Brand>);
    let region = fields.optional("region", "expected domestic, eea or other", name::<Region>);
    let price = price(&mut fields, path);
    let has_tiers = rule.contains_key("tiers");
    let tiers = if has_tiers { list(&mut fields, path, "tiers", MAX_TIERS, tier) } else { Some(Vec::new()) };
    errors.append(&mut fields.errors);
    Some(Rule { brand, region, price: price?, tiers: tiers? })
}

fn tier(tier: &Object, path: &str, errors: &mut Vec<FieldError>) -> Option<Tier> {
    let known = [&["volume_from"][..], &PRICE].concat();
    let mut fields = Fields::of(tier, &format!("{path}."), &known);
    let before = fields.errors.len();
    let volume_from = read_lines(&mut fields, &format!("{path}.volume_from"), "volume_from", 1);
    if volume_from.is_empty() && fields.errors.len() == before {
        let expected = "expected an object from ISO 4217 codes to minor units, with at least one";
        fields.errors.push(FieldError::new(format!("{path}.volume_from"), expected));
    }
    let price = price(&mut fields, path);
    errors.append(&mut fields.errors);
    Some(Tier { volume_from, price: price? })
}

fn reserve(reserve: &Object, path: &str, errors: &mut Vec<FieldError>) -> Option<Reserve> {
    let mut fields = Fields::of(reserve, &format!("{path}.reserve."), &["basis_points", "days"]);
    let basis_points = fields.required("basis_points", "expected a whole number from 1 to 10000", |value| {
        points(value).filter(|points| *points > 0)
    });
    let expected = format!("expected a whole number of days from 1 to {MAX_RESERVE_DAYS}");
    let days = fields.required("days", &expected, |value| {
        u32::try_from(value.as_u64()?).ok().filter(|days| (1..=MAX_RESERVE_DAYS).contains(days))
    });
    errors.append(&mut fields.errors);
    Some(Reserve { basis_points: basis_points?, days: days? })
}

fn price(fields: &mut Fields<'_>, path: &str) -> Option<Price> {
    let basis_points = fields.required("basis_points", POINTS, points);
    let fixed_minor = read_lines(fields, &format!("{path}.fixed_minor"), "fixed_minor", 0);
    let minimum_minor = read_lines(fields, &format!("{path}.minimum_minor"), "minimum_minor", 0);
    Some(Price { basis_points: basis_points?, fixed_minor, minimum_minor })
}

fn points(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|points| u32::try_from(points).ok()).filter(|points| *points <= WHOLE)
}

fn name<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

/// A list of one to `most` objects, each read by `read` under its own path.
pub(crate) fn list<T>(
    fields: &mut Fields<'_>,
    path: &str,
    name: &str,
    most: usize,
    read: fn(&Object, &str, &mut Vec<FieldError>) -> Option<T>,
) -> Option<Vec<T>> {
    let expected = format!("expected a list of 1 to {most} objects");
    let entries = fields.required(name, &expected, |value| {
        value.as_array().filter(|entries| (1..=most).contains(&entries.len())).cloned()
    })?;
    let dot = if path.is_empty() { "" } else { "." };
    let mut all = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        let path = format!("{path}{dot}{name}[{place}]");
        match entry.as_object() {
            Some(entry) => all.extend(read(entry, &path, &mut fields.errors)),
            None => fields.errors.push(FieldError::new(path, "expected an object")),
        }
    }
    (all.len() == entries.len()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn good() -> Value {
        json!({ "periods": [
            { "before": "2026-11-16", "rules": [{ "basis_points": 290, "fixed_minor": { "EUR": 30 } }] },
            {
                "from": "2026-11-16",
                "rules": [
                    { "basis_points": 250, "fixed_minor": { "EUR": 25 }, "minimum_minor": { "EUR": 40 }, "tiers": [
                        { "volume_from": { "EUR": 100_000 }, "basis_points": 160 },
                    ] },
                    { "brand": "visa", "region": "domestic", "basis_points": 140 },
                ],
                "refund_minor": { "EUR": 15 },
                "reserve": { "basis_points": 500, "days": 90 },
            },
        ] })
    }

    fn read(plan: &Value) -> Result<FeePlan, Vec<FieldError>> {
        let currencies = BTreeMap::from([("EUR".parse().expect("listed"), Limits { min: 100, max: 1_000_000 })]);
        let mut errors = Vec::new();
        let plan = read_fee_plan(plan.as_object().expect("an object"), &currencies, &mut errors);
        plan.ok_or(errors)
    }

    #[test]
    fn a_plan_that_was_read_can_be_sent_back() {
        let plan = read(&good()).expect("good");
        assert_eq!(read(&serde_json::to_value(&plan).expect("plain data")), Ok(plan));
        let flat = json!({ "basis_points": 1, "fixed_minor": {}, "minimum_minor": { "EUR": 5 } });
        assert_eq!(serde_json::to_value(read(&flat).expect("good")).expect("plain data"), flat);
    }

    #[test]
    fn a_wrong_field_is_named_by_its_whole_path() {
        let rows = [
            ("/periods", json!([]), "fee_plan.periods"),
            ("/periods", json!({}), "fee_plan.periods"),
            ("/periods/1", json!(7), "fee_plan.periods[1]"),
            ("/periods/1/from", json!("2026-11-31"), "fee_plan.periods[1].from"),
            ("/periods/1/from", json!("2026-11-15"), "fee_plan.periods[1].from"), // overlaps
            ("/periods/1/from", json!("2026-11-17"), "fee_plan.periods[1].from"), // a gap
            ("/periods/0/before", Value::Null, "fee_plan.periods[0].before"),
            ("/periods/0/until", json!("2026-11-16"), "fee_plan.periods[0].until"),
            ("/periods/0/rules", json!([]), "fee_plan.periods[0].rules"),
            ("/periods/0/rules/0/basis_points", json!(-1), "fee_plan.periods[0].rules[0].basis_points"),
            ("/periods/0/rules/0/basis_points", json!(10_001), "fee_plan.periods[0].rules[0].basis_points"),
            ("/periods/0/rules/0/basis_points", json!(2.9), "fee_plan.periods[0].rules[0].basis_points"),
            ("/periods/0/rules/0/fixed_minor/EUR", json!(-30), "fee_plan.periods[0].rules[0].fixed_minor.EUR"),
            ("/periods/0/rules/0/fixed_minor/EUR", json!(98), "fee_plan.periods[0].rules[0]"), // above the gross
            ("/periods/0/rules/0/brand", json!("visa"), "fee_plan.periods[0].rules"),          // a gap
            ("/periods/1/rules/1/brand", json!("Visa"), "fee_plan.periods[1].rules[1].brand"),
            ("/periods/1/rules/1/region", json!("europe"), "fee_plan.periods[1].rules[1].region"),
            ("/periods/1/rules/0/tiers/0/volume_from", json!({}), "fee_plan.periods[1].rules[0].tiers[0].volume_from"),
            (
                "/periods/1/rules/0/tiers/0/volume_from/EUR",
                json!(0),
                "fee_plan.periods[1].rules[0].tiers[0].volume_from.EUR",
            ),
            ("/periods/1/rules/0/tiers/0/from", json!(0), "fee_plan.periods[1].rules[0].tiers[0].from"),
            ("/periods/1/refund_minor/EUR", json!("15"), "fee_plan.periods[1].refund_minor.EUR"),
            ("/periods/1/reserve/days", json!(0), "fee_plan.periods[1].reserve.days"),
            ("/periods/1/reserve/basis_points", json!(9_900), "fee_plan.periods[1].rules[0].basis_points"),
            ("/basis_points", json!(1), "fee_plan.basis_points"),
        ];
        for (pointer, value, field) in rows {
            let mut plan = good();
            let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
            let parent = plan.pointer_mut(parent).expect("a parent");
            match name.parse::<usize>() {
                Ok(place) => parent[place] = value,
                Err(_) => parent[name] = value,
            }
            let errors = read(&plan).expect_err(field);
            assert_eq!(errors[0].field, field, "{errors:?}");
        }
    }

    #[test]
    fn rules_that_claim_one_card_are_refused() {
        let mut plan = good();
        plan["periods"][1]["rules"][1]["brand"] = json!("visa");
        plan["periods"][1]["rules"].as_array_mut().expect("a list").push(json!({ "basis_points": 1 }));
        let errors = read(&plan).expect_err("overlaps");
        let found: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(found, ["fee_plan.periods[1].rules[2]"]);
    }
}
