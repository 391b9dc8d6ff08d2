//! What one payment costs in the tables, counted by DynamoDB's own rules.

use crate::shop::{Shop, healthy, until};
use serde_json::{Value, json};

/// A write unit covers this much of an item.
const WRITE_UNIT_BYTES: usize = 1024;
/// Writes to the payments table and its indexes that one payment may cost.
const MOST_PAYMENT_UNITS: u64 = 10;

/// An item's size: names and values (Developer Guide, "DynamoDB item sizes and formats").
fn size(fields: &Value) -> usize {
    fields.as_object().unwrap().iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(attribute: &Value) -> usize {
    let (kind, value) = attribute.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "S" => value.as_str().unwrap().len(),
        "N" => value.as_str().unwrap().trim_start_matches('-').len().div_ceil(2) + 1,
        "M" => 3 + value.as_object().unwrap().len() + size(value),
        "L" => 3 + value.as_array().unwrap().iter().map(|item| 1 + value_size(item)).sum::<usize>(),
        _ => 1,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_payment_is_under_a_kilobyte_and_costs_few_writes() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let id = shop.sell(1999).await;
    let item = shop.tables.typed("Payments", json!({ "payment_id": id })).await.unwrap();
    let bytes = size(&item);
    assert!(bytes < WRITE_UNIT_BYTES, "the payment's item has {bytes} bytes");
    let versions: u64 = item["version"]["N"].as_str().unwrap().parse().unwrap();
    assert_eq!(versions, 6, "created, authorizing, authorized, capturing, captured, succeeded");

    let event = format!("{id}:{versions}");
    until("the journal entry", 60, || async { shop.tables.get("Journal", json!({ "event_id": event })).await }).await;
    let line = json!({ "merchant_id": shop.owner.merchant_id, "line_id": event });
    until("the fee line", 60, || async { shop.tables.get("FeeLines", line.clone()).await }).await;

    // Every version fits one unit; `due_at` enters its index once and leaves it once, the owner enters its own once; a
    // transactional write counts twice.
    let (indexes, journal, fee_line) = (3, 2, 1);
    let payment_units = versions + indexes;
    assert!(payment_units <= MOST_PAYMENT_UNITS, "{payment_units} write units for the payment");
    eprintln!(
        "footprint: {bytes} bytes, {payment_units} write units for the payment and its indexes, {journal} for the \
         journal, {fee_line} for the fee line: {} in all",
        payment_units + journal + fee_line
    );
}
