//! A merchant's fee plan: periods, in each of them rules by card brand and region, in each rule tiers by the volume of the
//! month before.

use super::FeeTerms;
use crate::card::Brand;
use crate::currency::Currency;
use crate::region::{CardClass, Region};
use crate::timestamp::iso_date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use time::Date;

/// The most periods of a plan.
pub const MAX_PERIODS: usize = 24;
/// The most rules of a period.
pub const MAX_RULES: usize = 24;
/// The most tiers of a rule.
pub const MAX_TIERS: usize = 10;
/// The longest that a reserve is held: a year.
pub const MAX_RESERVE_DAYS: u32 = 366;

/// A merchant's prices: one price for everything, for ever, or prices by period and kind of card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FeePlan {
    /// Prices by period: the first since ever, each until the next begins, the last for ever.
    Scheduled {
        /// The periods, the earliest first.
        periods: Vec<Period>,
    },
    /// One price.
    Flat(Price),
}

/// Minor units of each currency; none of one that is not listed.
pub type Minor = BTreeMap<Currency, u64>;

/// A price: of a flat plan, a rule or a tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Hundredths of a percent of the captured amount, at most 10,000.
    pub basis_points: u32,
    /// Minor units added to each captured amount.
    #[serde(default)]
    pub fixed_minor: Minor,
    /// The least fee on a captured amount.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub minimum_minor: Minor,
}

/// Prices of some days. A capture belongs to the period of the day (UTC) on which the money was taken, a refund to that
/// of the day on which it was given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// The first day, `YYYY-MM-DD`; absent in the first period only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The first day after it; absent in the last period only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The rules. Of those that a card comes under, the one that names most of it applies.
    pub rules: Vec<Rule>,
    /// The fee on each refund.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refund_minor: Minor,
    /// What is held back of each captured amount, if anything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve: Option<Reserve>,
}

/// The price of some cards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Cards of that brand only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<Brand>,
    /// Cards of that region only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// What they cost.
    #[serde(flatten)]
    pub price: Price,
    /// What they cost from some volume on, the least volume first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
}

/// The price from some volume on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// The volume of the month before, in the payment's own currency, from which on it applies. A currency that is not
    /// listed never comes to this tier.
    pub volume_from: Minor,
    /// The price.
    #[serde(flatten)]
    pub price: Price,
}

/// A rolling reserve: a share of each captured amount that is paid later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    /// Hundredths of a percent of the captured amount.
    pub basis_points: u32,
    /// Calendar days from the capture to the release, which is on a business day.
    pub days: u32,
}

/// What is priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sale {
    /// The kind of card.
    pub card: CardClass,
    /// The currency.
    pub currency: Currency,
    /// The day (UTC) on which the money was taken.
    pub on: Date,
}

/// What a captured amount costs, and what of it is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureTerms {
    /// The fee's.
    pub fee: FeeTerms,
    /// The reserve's.
    pub reserve: Option<Reserve>,
}

impl FeePlan {
    /// One price for everything.
    pub fn flat(basis_points: u32, fixed_minor: Minor) -> Self {
        Self::Flat(Price { basis_points, fixed_minor, minimum_minor: Minor::new() })
    }

    /// Whether the sale's price depends on the volume of the month before.
    pub fn has_tiers(&self, sale: &Sale) -> bool {
        match self {
            Self::Flat(_) => false,
            Self::Scheduled { periods } => rule(periods, sale)
                .is_some_and(|(_, rule)| rule.tiers.iter().any(|tier| tier.volume_from.contains_key(&sale.currency))),
        }
    }

    /// The terms of a sale after a month of that volume (minor units of the sale's currency). `None` if no rule takes the
    /// card: a plan that was checked has one for each.
    pub fn terms(&self, sale: &Sale, volume: u64) -> Option<CaptureTerms> {
        let (price, reserve) = match self {
            Self::Flat(price) => (price, None),
            Self::Scheduled { periods } => {
                let (period, rule) = rule(periods, sale)?;
                let reached = |tier: &&Tier| tier.volume_from.get(&sale.currency).is_some_and(|from| volume >= *from);
                let price = rule.tiers.iter().rev().find(reached).map_or(&rule.price, |tier| &tier.price);
                (price, period.reserve)
            }
        };
        Some(CaptureTerms { fee: price.terms(sale.currency), reserve })
    }

    /// The fee on a refund that was made on that day (UTC), in minor units.
    pub fn refund_fee(&self, currency: Currency, on: Date) -> u64 {
        match self {
            Self::Flat(_) => 0,
            Self::Scheduled { periods } => {
                period(periods, on).and_then(|period| period.refund_minor.get(&currency)).copied().unwrap_or(0)
            }
        }
    }
}

impl Price {
    /// The terms for one currency.
    pub fn terms(&self, currency: Currency) -> FeeTerms {
        let of = |minor: &Minor| minor.get(&currency).copied().unwrap_or(0);
        let (fixed_minor, minimum_minor) = (of(&self.fixed_minor), of(&self.minimum_minor));
        FeeTerms { basis_points: self.basis_points, fixed_minor, minimum_minor }
    }
}

impl Rule {
    /// How much it says about a card, if the card comes under it: 0 to 2 names.
    pub(super) fn names(&self, card: CardClass) -> Option<u8> {
        let takes = self.brand.is_none_or(|brand| brand == card.brand)
            && self.region.is_none_or(|region| region == card.region);
        takes.then_some(u8::from(self.brand.is_some()) + u8::from(self.region.is_some()))
    }
}

fn period(periods: &[Period], on: Date) -> Option<&Period> {
    let day = iso_date(on);
    periods.iter().find(|period| {
        period.from.as_ref().is_none_or(|from| *from <= day) && period.before.as_ref().is_none_or(|end| day < *end)
    })
}

fn rule<'a>(periods: &'a [Period], sale: &Sale) -> Option<(&'a Period, &'a Rule)> {
    let period = period(periods, sale.on)?;
    let rule = period.rules.iter().max_by_key(|rule| rule.names(sale.card).map_or(0, |names| names + 1))?;
    rule.names(sale.card).map(|_| (period, rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::parse_iso_date;
    use serde_json::json;

    fn plan() -> FeePlan {
        serde_json::from_value(json!({ "periods": [
            { "before": "2026-11-16", "rules": [{ "basis_points": 290, "fixed_minor": { "EUR": 30 } }] },
            {
                "from": "2026-11-16",
                "rules": [
                    { "basis_points": 250, "fixed_minor": { "EUR": 25 }, "minimum_minor": { "EUR": 40 } },
                    { "brand": "visa", "basis_points": 140 },
                    { "brand": "visa", "region": "other", "basis_points": 340 },
                    { "region": "eea", "brand": "mastercard", "basis_points": 180, "tiers": [
                        { "volume_from": { "EUR": 100_000 }, "basis_points": 160 },
                        { "volume_from": { "EUR": 500_000, "USD": 9 }, "basis_points": 120, "fixed_minor": { "EUR": 5 } },
                    ] },
                ],
                "refund_minor": { "EUR": 15 },
                "reserve": { "basis_points": 500, "days": 90 },
            },
        ] }))
        .expect("a plan")
    }

    #[test]
    fn the_rule_that_names_most_of_the_card_applies_in_its_period_and_tier() {
        let check = |on: &str, (brand, region), code: &str, volume, expected| {
            let on = parse_iso_date(on).expect(on);
            let sale = Sale { card: CardClass { brand, region }, currency: code.parse().expect("listed"), on };
            let FeeTerms { basis_points, fixed_minor, minimum_minor } =
                plan().terms(&sale, volume).expect("a rule").fee;
            let row = format!("{on} {brand} {region} {code} after {volume}");
            assert_eq!((basis_points, fixed_minor, minimum_minor), expected, "{row}");
            assert_eq!(plan().has_tiers(&sale), basis_points < 200 && brand == Brand::Mastercard, "{row}");
        };
        use Brand::{AmericanExpress, Mastercard, Visa};
        use Region::{Domestic, Eea, Other};
        check("2026-11-15", (Visa, Domestic), "EUR", 0, (290, 30, 0)); // the day before the change
        check("2026-11-16", (Visa, Domestic), "EUR", 0, (140, 0, 0)); // and the day of it
        check("2026-11-16", (Visa, Other), "EUR", 0, (340, 0, 0));
        check("2030-01-01", (AmericanExpress, Other), "EUR", 0, (250, 25, 40));
        check("2030-01-01", (AmericanExpress, Other), "USD", 0, (250, 0, 0));
        check("2026-12-01", (Mastercard, Domestic), "EUR", 0, (250, 25, 40));
        check("2026-12-01", (Mastercard, Eea), "EUR", 99_999, (180, 0, 0));
        check("2026-12-01", (Mastercard, Eea), "EUR", 100_000, (160, 0, 0));
        check("2026-12-01", (Mastercard, Eea), "EUR", 499_999, (160, 0, 0));
        check("2026-12-01", (Mastercard, Eea), "EUR", 500_000, (120, 5, 0));
        check("2026-12-01", (Mastercard, Eea), "USD", 8, (180, 0, 0)); // dollars have no first tier
        check("2026-12-01", (Mastercard, Eea), "USD", 9, (120, 0, 0));
    }

    #[test]
    fn refunds_cost_what_their_own_day_says() {
        let check = |code: &str, on: &str, fee| {
            let (currency, on) = (code.parse().expect("listed"), parse_iso_date(on).expect(on));
            assert_eq!(plan().refund_fee(currency, on), fee, "{code} {on}");
        };
        check("EUR", "2026-11-15", 0);
        check("EUR", "2026-11-16", 15);
        check("USD", "2026-11-16", 0);
    }

    #[test]
    fn a_flat_plan_is_stored_as_it_ever_was() {
        let text = r#"{"basis_points":290,"fixed_minor":{"EUR":30}}"#;
        let flat: FeePlan = serde_json::from_str(text).expect("a plan");
        assert_eq!(flat, FeePlan::flat(290, BTreeMap::from([("EUR".parse().expect("listed"), 30)])));
        assert_eq!(serde_json::to_string(&flat).expect("plain data"), text);
        let scheduled = serde_json::to_string(&plan()).expect("plain data");
        assert_eq!(serde_json::from_str::<FeePlan>(&scheduled).expect("a plan"), plan());
    }
}
