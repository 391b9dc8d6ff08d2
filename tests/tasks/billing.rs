//! What merchants pay and get: plans, periods, tiers, reserves and refunds, through the steps and the consumers; after each
//! the books are sound to the minor unit.

use crate::machine::{Call, bring_to_rest, call, run};
use crate::operations::{Posted, post};
use crate::world::{World, euro, owner};
use payments::card::CardNumber;
use payments::fee::FeePlan;
use payments::id::{OperationId, PaymentId};
use payments::month::Month;
use payments::payment::{CaptureMethod, Payment};
use payments::secret::Secret;
use payments::settlement::Settlement;
use payments::timestamp::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How approved numbers begin: one of each line of the acquirer's tariff.
const APPROVED: [&str; 16] = [
    "424242", "400005", "401288", "411111", "491761", "444433", "555555", "510510", "520082", "545454", "222300",
    "272099", "378282", "601111", "353011", "501971",
];

/// A number that begins so: zeros, and the digit that makes it pass the check.
fn number(first: &str) -> String {
    let mut numbers = ('0'..='9').map(|digit| format!("{first}000000000{digit}"));
    let good = |number: &String| CardNumber::try_new(Secret::new(number.clone())).is_ok();
    numbers.find(good).expect("one digit of ten passes")
}

fn priced(plan: Value) -> World {
    let world = World::new();
    let plan: FeePlan = serde_json::from_value(plan).unwrap();
    world.merchants.borrow_mut().values_mut().for_each(|merchant| merchant.fee_plan = plan.clone());
    world
}

fn at(world: &World, moment: &str) {
    world.now.set(Timestamp::parse_rfc3339(moment).unwrap().as_millis());
}

async fn pay(world: &World, name: &str, number: &str, minor: u64) -> Payment {
    let id = world.open(name, number, minor, CaptureMethod::Automatic);
    bring_to_rest(world, &id).await;
    world.payment(&id)
}

fn settled(payment: &Payment) -> Settlement {
    payment.operations[0].settlement.clone().unwrap()
}

async fn refund(world: &World, id: &PaymentId, amount: u64) -> Payment {
    world.runs.set(true);
    let answer = post(world, id, Posted::Refund(Some(amount)), &format!("refund-{amount}")).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    world.payment(id)
}

#[tokio::test]
async fn the_acquirer_s_own_tariff_comes_to_what_we_post() {
    for first in APPROVED {
        let world = World::new();
        for minor in [1, 99, 1_000, 1_999, 49_999] {
            let payment = pay(&world, &format!("p{minor}"), &number(first), minor).await;
            assert_eq!(payment.captured().minor(), minor, "a line of the tariff has no card");
        }
        world.keep_books();
        let holds = world.holds.borrow();
        let paid: u64 = holds.values().flat_map(|hold| &hold.bookings).map(|booking| booking.cost).sum();
        assert!(paid > 0);
    }
}

#[tokio::test]
async fn a_plan_that_changes_in_mid_month_prices_each_day_by_its_own_period() {
    let world = priced(json!({ "periods": [
        { "before": "2026-11-16", "rules": [{ "basis_points": 290, "fixed_minor": { "EUR": 30 } }] },
        { "from": "2026-11-16", "rules": [
            { "basis_points": 250, "fixed_minor": { "EUR": 25 } },
            { "brand": "visa", "region": "domestic", "basis_points": 140, "minimum_minor": { "EUR": 20 } },
        ] },
    ] }));
    let rows = [
        ("2026-11-15T23:59:59.999Z", "4242424242424242", 10_000, 320, "2026-11-17"),
        ("2026-11-16T00:00:00Z", "4242424242424242", 10_000, 140, "2026-11-18"),
        ("2026-11-16T00:00:00Z", "4242424242424242", 1_000, 20, "2026-11-18"),
        ("2026-11-20T12:00:00Z", "5555555555554444", 10_000, 275, "2026-11-24"),
        ("2026-12-24T12:00:00Z", "4242424242424242", 10_000, 140, "2026-12-29"),
    ];
    for (place, (moment, number, minor, fee, date)) in rows.into_iter().enumerate() {
        at(&world, moment);
        let settlement = settled(&pay(&world, &format!("p{place}"), number, minor).await);
        assert_eq!((settlement.fee, settlement.date.as_str()), (fee, date), "{moment} {number}");
        assert_eq!(settlement.gross, settlement.fee + settlement.net);
    }
    world.keep_books();
    let fees: Vec<u64> = world.kept.fee_lines.borrow().iter().map(|line| line.fee).collect();
    assert_eq!(fees, [320, 140, 20, 275, 140]);
}

#[tokio::test]
async fn a_tier_goes_by_the_volume_of_the_month_before() {
    let plan = json!({ "periods": [{ "rules": [{ "basis_points": 300, "tiers": [
        { "volume_from": { "EUR": 100_000 }, "basis_points": 200 },
        { "volume_from": { "EUR": 500_000 }, "basis_points": 100 },
    ] }] }] });
    let month = |text: &str| text.parse::<Month>().unwrap();
    let volume = |minor| BTreeMap::from([(euro(), minor)]);
    let rows = [
        ("2026-11-20T00:00:00Z", vec![], 300),
        ("2026-11-20T00:00:00Z", vec![("2026-10", 99_999)], 300),
        ("2026-11-20T00:00:00Z", vec![("2026-10", 100_000)], 200),
        ("2026-11-20T00:00:00Z", vec![("2026-10", 500_000)], 100),
        ("2026-11-20T00:00:00Z", vec![("2026-11", 500_000)], 300), // its own month does not count
        ("2026-11-01T00:10:00Z", vec![("2026-09", 100_000)], 200), // October is not invoiced yet
        ("2026-11-01T00:40:00Z", vec![("2026-09", 100_000), ("2026-10", 500_000)], 100),
        ("2026-11-03T00:00:00Z", vec![("2026-09", 100_000)], 300), // October had no volume
        ("2027-01-05T00:00:00Z", vec![("2026-12", 100_000)], 200),
    ];
    for (moment, volumes, basis_points) in rows {
        let world = priced(plan.clone());
        at(&world, moment);
        *world.volumes.borrow_mut() = volumes.iter().map(|(text, minor)| (month(text), volume(*minor))).collect();
        let settlement = settled(&pay(&world, "p", "4242424242424242", 10_000).await);
        assert_eq!(settlement.terms.basis_points, basis_points, "{moment} after {volumes:?}");
        world.keep_books();
    }
}

#[tokio::test]
async fn refunds_have_a_fee_and_a_day_and_give_no_fee_back() {
    let world = priced(json!({ "periods": [{
        "rules": [{ "basis_points": 250, "fixed_minor": { "EUR": 25 } }], "refund_minor": { "EUR": 15 },
    }] }));
    at(&world, "2026-11-20T12:00:00Z"); // Friday
    let paid = pay(&world, "p", "4242424242424242", 10_000).await;
    at(&world, "2026-11-23T12:00:00Z");
    refund(&world, &paid.payment_id, 4_000).await;
    let payment = refund(&world, &paid.payment_id, 6_000).await;
    let deductions: Vec<_> = payment.operations.iter().filter_map(|it| it.deduction.clone()).collect();
    let found: Vec<_> = deductions.iter().map(|it| (it.fee, it.date.as_str())).collect();
    assert_eq!(found, [(15, "2026-11-25"), (15, "2026-11-25")]);
    world.keep_books();
    let lines: Vec<_> =
        world.kept.fee_lines.borrow().iter().map(|line| (line.kind.to_string(), line.gross, line.fee)).collect();
    let kind = |kind: &str, gross, fee| (kind.to_owned(), gross, fee);
    assert_eq!(lines, [kind("capture", 10_000, 275), kind("refund", 4_000, 15), kind("refund", 6_000, 15)]);
    let settlements = call(&world, &Call { resource: "/v1/settlements", ..Call::default() }).await.json();
    let nets: Vec<_> =
        settlements["data"].as_array().unwrap().iter().map(|line| (&line["date"], &line["net"])).collect();
    let (on, back) = (json!("2026-11-24"), json!("2026-11-25"));
    assert_eq!(nets.len(), 3);
    assert!(nets[..2].iter().all(|(date, _)| **date == back) && nets[2] == (&on, &json!(9_725)), "{nets:?}");
}

#[tokio::test]
async fn a_reserve_is_held_back_and_released_on_its_day() {
    let world = priced(json!({ "periods": [{
        "rules": [{ "basis_points": 250 }], "reserve": { "basis_points": 1_000, "days": 40 },
    }] }));
    at(&world, "2026-11-16T12:00:00Z");
    let payment = pay(&world, "p", "4242424242424242", 10_000).await;
    let settlement = settled(&payment);
    assert_eq!((settlement.fee, settlement.reserve, settlement.net), (250, 1_000, 8_750));
    assert_eq!(settlement.reserve_release_date.as_deref(), Some("2026-12-28")); // the 26th is a Saturday
    world.keep_books();
    let page = |query: Value| Call { resource: "/v1/settlements", query, ..Call::default() };
    let first = call(&world, &page(json!({ "limit": "1" }))).await.json();
    assert_eq!(first["data"][0]["type"], "reserve_release");
    assert_eq!((&first["data"][0]["reserve"], &first["data"][0]["net"]), (&json!(-1_000), &json!(1_000)));
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = call(&world, &page(json!({ "limit": "1", "cursor": cursor }))).await.json();
    assert_eq!((&second["data"][0]["net"], second.get("next_cursor")), (&json!(8_750), None));
    for (merchant, mode) in [("mer_other", "test"), ("mer_test", "live")] {
        let foreign = |query| Call { merchant, mode, ..page(query) };
        assert_eq!(call(&world, &foreign(json!({}))).await.json()["data"], json!([]));
        assert_eq!(call(&world, &foreign(json!({ "cursor": cursor }))).await.status, 400, "{merchant} {mode}");
    }
}

/// Numbers that follow from a seed (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn price(&mut self) -> Value {
        let (fixed, least) = (self.below(60), self.below(120));
        json!({ "basis_points": self.below(4_000), "fixed_minor": { "EUR": fixed }, "minimum_minor": { "EUR": least } })
    }

    fn period(&mut self, from: Option<&str>, before: Option<&str>) -> Value {
        let mut rules = vec![self.price()];
        for (brand, region) in [("visa", None), ("mastercard", Some("domestic")), ("visa", Some("other"))] {
            if self.below(2) == 0 {
                let mut rule = self.price();
                rule["brand"] = json!(brand);
                if let Some(region) = region {
                    rule["region"] = json!(region);
                }
                rules.push(rule);
            }
        }
        let mut tier = self.price();
        tier["volume_from"] = json!({ "EUR": 1 + self.below(1_000) });
        rules[0]["tiers"] = json!([tier]);
        let mut period = json!({ "rules": rules, "refund_minor": { "EUR": self.below(40) } });
        if self.below(3) > 0 {
            period["reserve"] = json!({ "basis_points": 1 + self.below(9_000), "days": 1 + self.below(200) });
        }
        for (name, day) in [("from", from), ("before", before)] {
            if let Some(day) = day {
                period[name] = json!(day);
            }
        }
        period
    }
}

#[tokio::test]
async fn under_any_plan_the_parts_make_the_gross_and_the_lines_make_the_account() {
    for seed in 1..=150 {
        let mut chance = Chance(u64::wrapping_mul(seed, 0x9E37_79B9_7F4A_7C15));
        let day = "2026-11-20";
        let periods = json!([chance.period(None, Some(day)), chance.period(Some(day), None)]);
        let world = priced(json!({ "periods": periods }));
        world.volumes.borrow_mut().insert("2026-10".parse().unwrap(), BTreeMap::from([(euro(), chance.below(1_000))]));
        for place in 0..4 {
            at(&world, ["2026-11-19T10:00:00Z", "2026-11-20T10:00:00Z"][usize::from(chance.below(2) == 0)]);
            let number = number(APPROVED[usize::try_from(chance.below(16)).unwrap()]);
            let digits = chance.below(5);
            let minor = 1 + chance.below(10u64.pow(u32::try_from(digits).unwrap()) * 4);
            let id = world.open(&format!("p{place}"), &number, minor, CaptureMethod::Automatic);
            run(&world, &id, &OperationId::pay()).await;
            let payment = world.payment(&id);
            assert!(settled(&payment).adds_up(payment.amount), "seed {seed}: {payment:?}");
            if chance.below(2) == 0 {
                refund(&world, &id, 1 + chance.below(minor)).await;
            }
        }
        world.keep_books();
    }
    assert_eq!(owner().mode.as_str(), "test");
}
