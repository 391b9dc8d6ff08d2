//! What makes a plan no plan: days or cards that two prices claim, days or cards without any, and prices that would take
//! more than the payment.

use super::{FeePlan, FeeTerms, Period, Price, Reserve, Rule, WHOLE, share};
use crate::card::Brand;
use crate::currency::Currency;
use crate::region::{CardClass, Region};
use std::collections::BTreeMap;
use strum::IntoEnumIterator;

/// Where a plan is wrong, as a path below it (`periods[1].from`), and what would be right.
pub type Fault = (String, String);

impl FeePlan {
    /// What is wrong with it, for payments from the least to the most (both minor units) of each currency. A flat plan's
    /// fixed part may be more than a small payment: then the fee is the payment. A scheduled plan may not ask for that.
    pub fn faults(&self, bounds: &BTreeMap<Currency, (u64, u64)>) -> Vec<Fault> {
        let Self::Scheduled { periods } = self else { return Vec::new() };
        let mut faults = days(periods);
        for (place, period) in periods.iter().enumerate() {
            let path = format!("periods[{place}]");
            faults.extend(cards(&path, &period.rules));
            for (place, rule) in period.rules.iter().enumerate() {
                let path = format!("{path}.rules[{place}]");
                faults.extend(price(&path, &rule.price, period.reserve, bounds));
                faults.extend(tiers(&path, rule, period.reserve, bounds));
            }
        }
        faults
    }
}

/// Each period has to begin where the one before ends; the first begins never, the last ends never.
fn days(periods: &[Period]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let last = periods.len().saturating_sub(1);
    let mut end: Option<&String> = None;
    for (place, period) in periods.iter().enumerate() {
        let at = |field: &str, detail: String| (format!("periods[{place}].{field}"), detail);
        match (place, &period.from, end) {
            (0, Some(_), _) => {
                faults.push(at("from", "expected none: the first period begins with the first payment".into()))
            }
            (0, None, _) => {}
            (_, from, Some(end)) => match from {
                Some(from) if from < end => {
                    faults.push(at("from", format!("overlaps the period before: expected {end}")))
                }
                Some(from) if from > end => faults.push(at("from", format!("leaves a gap: expected {end}"))),
                Some(_) => {}
                None => faults.push(at("from", format!("expected {end}, where the period before ends"))),
            },
            // The period before has no end: that is its fault.
            (_, _, None) => {}
        }
        match (&period.from, &period.before) {
            (Some(from), Some(before)) if before <= from => {
                faults.push(at("before", format!("expected a day after {from}")));
            }
            (_, Some(_)) if place == last => {
                faults.push(at("before", "leaves a gap: expected none in the last period".into()));
            }
            (_, None) if place < last => {
                faults.push(at("before", "overlaps the next period: expected the day on which that begins".into()));
            }
            _ => {}
        }
        end = period.before.as_ref();
    }
    faults
}

/// Each card has to come under exactly one rule that names most of it.
fn cards(path: &str, rules: &[Rule]) -> Vec<Fault> {
    let mut faults = Vec::<Fault>::new();
    for (brand, region) in Brand::iter().flat_map(|brand| Region::iter().map(move |region| (brand, region))) {
        let card = CardClass { brand, region };
        let named = rules.iter().enumerate().filter_map(|(place, rule)| Some((rule.names(card)?, place)));
        let Some(most) = named.clone().map(|(names, _)| names).max() else {
            faults.push((format!("{path}.rules"), format!("leaves a gap: no rule takes {brand} cards, {region}")));
            return faults;
        };
        let mut best = named.filter(|(names, _)| *names == most).map(|(_, place)| place);
        if let (Some(first), Some(second)) = (best.next(), best.next()) {
            let path = format!("{path}.rules[{second}]");
            if faults.iter().all(|(known, _)| *known != path) {
                let detail = format!("overlaps rules[{first}]: both take {brand} cards, {region}");
                faults.push((path, detail));
            }
        }
    }
    faults
}

/// Tiers have to begin at growing volumes, each with a price of its own.
fn tiers(path: &str, rule: &Rule, reserve: Option<Reserve>, bounds: &BTreeMap<Currency, (u64, u64)>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut reached = BTreeMap::<Currency, u64>::new();
    for (place, tier) in rule.tiers.iter().enumerate() {
        let path = format!("{path}.tiers[{place}]");
        for (currency, from) in &tier.volume_from {
            let least = reached.insert(*currency, *from);
            if let Some(least) = least.filter(|least| from <= least) {
                let detail = format!("overlaps the tier before: expected more than {least}");
                faults.push((format!("{path}.volume_from.{currency}"), detail));
            }
        }
        faults.extend(price(&path, &tier.price, reserve, bounds));
    }
    faults
}

/// Fee and reserve may take no more than the payment. Both grow in straight lines, so the least and the most tell for all
/// between.
fn price(
    path: &str,
    price: &Price,
    reserve: Option<Reserve>,
    bounds: &BTreeMap<Currency, (u64, u64)>,
) -> Option<Fault> {
    let held = reserve.map_or(0, |reserve| reserve.basis_points);
    if price.basis_points + held > WHOLE {
        let detail =
            format!("with the reserve, more than the payment: expected at most {}", WHOLE.saturating_sub(held));
        return Some((format!("{path}.basis_points"), detail));
    }
    bounds.iter().find_map(|(currency, (least, most))| {
        let terms: FeeTerms = price.terms(*currency);
        let takes = |gross: u64| terms.asked(gross) + u128::from(share(gross, held)) > u128::from(gross);
        let gross = [*least, *most].into_iter().find(|gross| takes(*gross))?;
        let asked = terms.asked(gross);
        let detail = format!("more than the payment: {asked} of {gross} minor units of {currency}, which may be paid");
        Some((path.to_owned(), detail))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Checks a plan for payments of 1.00 to 1,000.00 EUR against the faults' paths and the first words of each.
    fn check(periods: Value, expected: &[(&str, &str)]) {
        let plan: FeePlan = serde_json::from_value(json!({ "periods": periods })).expect("a plan's shape");
        let bounds = BTreeMap::from([("EUR".parse().expect("listed"), (100, 100_000))]);
        let faults = plan.faults(&bounds);
        let found: Vec<_> = faults.iter().map(|(path, detail)| (path.as_str(), detail.as_str())).collect();
        let same = found.len() == expected.len()
            && found.iter().zip(expected).all(|(is, wanted)| is.0 == wanted.0 && is.1.starts_with(wanted.1));
        assert!(same, "{found:?}\n{expected:?}");
    }

    fn any() -> Value {
        json!([{ "basis_points": 100 }])
    }

    #[test]
    fn periods_neither_overlap_nor_leave_a_gap() {
        let (a, b) = ("2026-11-01", "2026-12-01");
        check(json!([{ "rules": any() }]), &[]);
        check(
            json!([{ "before": a, "rules": any() }, { "from": a, "before": b, "rules": any() }, { "from": b, "rules": any() }]),
            &[],
        );
        check(
            json!([{ "before": b, "rules": any() }, { "from": a, "rules": any() }]),
            &[("periods[1].from", "overlaps")],
        );
        check(
            json!([{ "before": a, "rules": any() }, { "from": b, "rules": any() }]),
            &[("periods[1].from", "leaves a gap")],
        );
        check(
            json!([{ "before": a, "rules": any() }, { "rules": any() }]),
            &[("periods[1].from", "expected 2026-11-01")],
        );
        check(json!([{ "rules": any() }, { "from": b, "rules": any() }]), &[("periods[0].before", "overlaps")]);
        check(json!([{ "from": a, "rules": any() }]), &[("periods[0].from", "expected none")]);
        check(json!([{ "before": a, "rules": any() }]), &[("periods[0].before", "leaves a gap")]);
        check(
            json!([{ "before": b, "rules": any() }, { "from": b, "before": a, "rules": any() }, { "from": a, "rules": any() }]),
            &[("periods[1].before", "expected a day after 2026-12-01")],
        );
    }

    #[test]
    fn each_card_comes_under_one_rule() {
        let rules = |rules: Value| json!([{ "rules": rules }]);
        let (visa, eea) =
            (json!({ "brand": "visa", "basis_points": 1 }), json!({ "region": "eea", "basis_points": 1 }));
        let both = json!({ "brand": "visa", "region": "eea", "basis_points": 1 });
        let rest = json!({ "basis_points": 1 });
        check(rules(json!([])), &[("periods[0].rules", "leaves a gap")]);
        check(rules(json!([visa])), &[("periods[0].rules", "leaves a gap: no rule takes mastercard cards, domestic")]);
        check(rules(json!([visa, rest])), &[]);
        check(rules(json!([rest, rest])), &[("periods[0].rules[1]", "overlaps rules[0]")]);
        check(
            rules(json!([visa, rest, visa])),
            &[("periods[0].rules[2]", "overlaps rules[0]: both take visa cards, domestic")],
        );
        check(
            rules(json!([visa, eea, rest])),
            &[("periods[0].rules[1]", "overlaps rules[0]: both take visa cards, eea")],
        );
        check(rules(json!([visa, eea, both, rest])), &[]);
    }

    #[test]
    fn no_price_takes_more_than_the_payment() {
        let plan = |rule: Value, reserve: Value| json!([{ "rules": [rule], "reserve": reserve }]);
        check(plan(json!({ "basis_points": 0, "fixed_minor": { "EUR": 100, "JPY": 900 } }), Value::Null), &[]);
        check(
            plan(json!({ "basis_points": 0, "fixed_minor": { "EUR": 101 } }), Value::Null),
            &[("periods[0].rules[0]", "more than the payment: 101 of 100")],
        );
        check(
            plan(json!({ "basis_points": 0, "minimum_minor": { "EUR": 101 } }), Value::Null),
            &[("periods[0].rules[0]", "more")],
        );
        check(
            plan(json!({ "basis_points": 9_999, "fixed_minor": { "EUR": 1 } }), Value::Null),
            &[("periods[0].rules[0]", "more")],
        );
        let reserve = json!({ "basis_points": 1_000, "days": 9 });
        check(plan(json!({ "basis_points": 9_000 }), reserve.clone()), &[]);
        check(
            plan(json!({ "basis_points": 9_001 }), reserve.clone()),
            &[("periods[0].rules[0].basis_points", "with the reserve")],
        );
        check(
            plan(json!({ "basis_points": 0, "fixed_minor": { "EUR": 91 } }), reserve),
            &[("periods[0].rules[0]", "more")],
        );
    }

    #[test]
    fn tiers_begin_at_growing_volumes_and_are_prices_too() {
        let tiers = |tiers: Value| json!([{ "rules": [{ "basis_points": 9, "tiers": tiers }] }]);
        let tier = |from: u64, points: u64| json!({ "volume_from": { "EUR": from }, "basis_points": points });
        let path = "periods[0].rules[0].tiers[1]";
        check(tiers(json!([tier(5, 1), tier(6, 1)])), &[]);
        check(tiers(json!([tier(5, 1), tier(5, 1)])), &[(&format!("{path}.volume_from.EUR"), "overlaps")]);
        check(tiers(json!([tier(5, 1), tier(4, 1)])), &[(&format!("{path}.volume_from.EUR"), "overlaps")]);
        let dear = json!({ "volume_from": { "EUR": 9 }, "basis_points": 0, "fixed_minor": { "EUR": 101 } });
        check(tiers(json!([tier(5, 1), dear])), &[(path, "more than the payment")]);
    }
}
