//! What a captured amount costs us: interchange, scheme and acquirer in one share, by card brand and region. The acquirer
//! keeps a tariff of its own; its report has to come to the same.

use crate::amount::Amount;
use crate::card::Brand;
use crate::fee::share;
use crate::region::{CardClass, Region};

/// The cost in minor units, rounded half to even. It is nobody's but ours: no merchant is shown it.
pub fn gateway_cost(card: CardClass, captured: Amount) -> u64 {
    share(captured.minor(), basis_points(card))
}

/// Hundredths of a percent. A refund costs nothing, and what its capture cost is not given back.
fn basis_points(card: CardClass) -> u32 {
    match (card.brand, card.region) {
        (Brand::Visa | Brand::Mastercard, Region::Domestic) => 35,
        (Brand::Visa | Brand::Mastercard, Region::Eea) => 55,
        (Brand::Visa | Brand::Mastercard, Region::Other) => 175,
        (Brand::AmericanExpress, Region::Domestic | Region::Eea) => 140,
        (Brand::AmericanExpress, Region::Other) => 210,
        (Brand::Discover | Brand::Other, Region::Domestic | Region::Eea) => 110,
        (Brand::Discover | Brand::Other, Region::Other) => 190,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_is_a_share_by_brand_and_region_rounded_half_to_even() {
        let check = |brand, region, minor, cost| {
            let captured = Amount::try_new(minor, "EUR".parse().expect("listed")).expect("small");
            assert_eq!(gateway_cost(CardClass { brand, region }, captured), cost, "{brand} {region} {minor}");
        };
        check(Brand::Visa, Region::Domestic, 10_000, 35);
        check(Brand::Mastercard, Region::Eea, 1_000, 6); // 5.5 goes to the even 6
        check(Brand::Visa, Region::Other, 1_999, 35);
        check(Brand::AmericanExpress, Region::Other, 1, 0);
        check(Brand::Discover, Region::Other, 10_000, 190);
    }
}
