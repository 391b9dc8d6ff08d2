//! `invoice`: one invoice per closed month, whatever fails and however often it runs; and what merchants see of it.

use crate::machine::{Call, bring_to_rest, call};
use crate::world::{Fault, World, euro, owner};
use invoice::{Ports, Request, Response};
use payments::id::InvoiceId;
use payments::invoice::Seller;
use payments::payment::CaptureMethod;
use payments::timestamp::Timestamp;
use serde_json::{Value, json};

pub async fn make(world: &World, request: Value) -> Result<Response, invoice::Error> {
    let seller = Seller {
        lines: ["Florin Payments", "Example Street 1", "1000 Example City", "VAT ID XX000000000"]
            .map(str::to_owned)
            .to_vec(),
        vat_note: "VAT: exempt, payment services (Article 135(1)(d) of Directive 2006/112/EC).".to_owned(),
    };
    let ports = Ports {
        profiles: world,
        bills: world,
        ledger: world,
        invoices: world,
        files: world,
        exceptions: world,
        clock: world,
        seller: &seller,
    };
    let request: Request = serde_json::from_value(request).unwrap();
    invoice::handle(&ports, request).await
}

pub fn at(world: &World, moment: &str) {
    world.now.set(Timestamp::parse_rfc3339(moment).unwrap().as_millis());
}

/// A world with three payments in November and one in December, on the day after.
pub async fn world() -> World {
    let world = World::new();
    let rows = [
        ("2026-11-02T10:00:00Z", "4242424242424242", 10_000),
        ("2026-11-30T23:59:00Z", "4242424242424242", 2_000),
        ("2026-11-30T23:59:00Z", "5555555555554444", 3_000),
        ("2026-12-01T00:00:00Z", "4242424242424242", 4_000),
    ];
    for (place, (moment, number, minor)) in rows.into_iter().enumerate() {
        at(&world, moment);
        let id = world.open(&format!("p{place}"), number, minor, CaptureMethod::Automatic);
        bring_to_rest(&world, &id).await;
    }
    world.keep_books();
    at(&world, "2026-12-02T00:30:00Z");
    world.calls.set(0);
    world
}

#[tokio::test]
async fn a_closed_month_is_invoiced_once_with_both_files() {
    let world = world().await;
    for made in [1, 0] {
        let answer = make(&world, json!({})).await.unwrap();
        assert_eq!((answer.month.to_string().as_str(), answer.made, answer.invoices.len()), ("2026-11", made, 1));
        assert!(answer.refused.is_empty());
    }
    let invoices = world.kept.invoices.borrow();
    let invoice = invoices.values().next().unwrap();
    let totals: Vec<_> = invoice.totals.iter().map(|total| (total.currency, total.captured, total.fee)).collect();
    assert_eq!(totals, [(euro(), 15_000, 275 + 75 + 100)]);
    assert_eq!(invoice.lines.iter().map(|line| line.count).collect::<Vec<_>>(), [2, 1]);
    let files = world.kept.files.borrow();
    assert_eq!(files.len(), 2);
    let pdf = &files[&format!("{}.Pdf", invoice.invoice_id)];
    assert!(pdf.starts_with(b"%PDF-1.7") && pdf.len() < 10_000, "{} bytes", pdf.len());
    let json: Value = serde_json::from_slice(&files[&format!("{}.Json", invoice.invoice_id)]).unwrap();
    assert_eq!((&json["number"], &json["id"]), (&json!("TEST-TEST-0001"), &json!(invoice.invoice_id)));
}

#[tokio::test]
async fn a_failure_before_or_after_any_call_leaves_one_invoice_and_no_gap() {
    for fault in [Fault::Before, Fault::After] {
        for call in 0.. {
            let world = world().await;
            world.fault.set(Some((call, 1, fault)));
            let first = make(&world, json!({ "month": "2026-11" })).await;
            let reached = world.calls.get() > call;
            world.fault.set(None);
            let second = make(&world, json!({ "month": "2026-11" })).await.unwrap();
            assert_eq!((second.invoices.len(), second.refused.len()), (1, 0), "call {call} {fault:?}: {first:?}");
            at(&world, "2027-01-01T00:30:00Z");
            assert_eq!(make(&world, json!({})).await.unwrap().made, 1);
            let sequences: Vec<u32> = world.kept.invoices.borrow().values().map(|invoice| invoice.sequence).collect();
            assert_eq!(sequences, [1, 2], "call {call} {fault:?}");
            assert_eq!(world.kept.files.borrow().len(), 4, "call {call} {fault:?}");
            if !reached {
                break;
            }
        }
    }
}

#[tokio::test]
async fn an_open_month_is_refused_and_so_is_a_merchant_that_is_not_there() {
    let world = world().await;
    for month in ["2026-12", "2027-01"] {
        let refused = make(&world, json!({ "month": month })).await.unwrap_err();
        assert!(matches!(refused, invoice::Error::MonthOpen(_)), "{refused}");
    }
    let refused = make(&world, json!({ "owner": "mer_nobody#test" })).await.unwrap_err();
    assert!(matches!(refused, invoice::Error::MerchantNotFound(_)), "{refused}");
    assert!(world.kept.invoices.borrow().is_empty() && world.kept.files.borrow().is_empty());
}

#[tokio::test]
async fn a_bill_that_is_not_the_ledger_s_is_refused_whole() {
    let lost = |world: &World| drop(world.kept.fee_lines.borrow_mut().remove(0));
    let wrong = |world: &World| world.kept.fee_lines.borrow_mut()[0].fee += 1;
    let unposted = |world: &World| drop(world.kept.entries.borrow_mut().remove(0));
    for (plant, difference) in [
        (&lost as &dyn Fn(&World), "EUR: the fee lines sum to 175, the ledger's fee account earned 450"),
        (&wrong, "EUR: the fee lines sum to 451, the ledger's fee account earned 450"),
        (&unposted, "EUR: the fee lines sum to 450, the ledger's fee account earned 175"),
    ] {
        let world = world().await;
        plant(&world);
        let answer = make(&world, json!({})).await.unwrap();
        assert_eq!((answer.made, answer.refused.len()), (0, 1));
        assert_eq!(answer.refused[0].reason, difference);
        assert!(world.kept.invoices.borrow().is_empty() && world.kept.files.borrow().is_empty());
        // Mended, the month is invoiced with the number that was not used.
        world.keep_books();
        assert_eq!(make(&world, json!({})).await.unwrap().made, 1);
        assert_eq!(world.kept.invoices.borrow().values().next().unwrap().sequence, 1);
    }
}

#[tokio::test]
async fn a_merchant_sees_its_own_invoices_only() {
    let world = world().await;
    make(&world, json!({ "month": "2026-11" })).await.unwrap();
    at(&world, "2027-01-02T00:00:00Z");
    make(&world, json!({ "month": "2026-12" })).await.unwrap();
    let list = |query: Value| Call { resource: "/v1/invoices", query, ..Call::default() };
    let first = call(&world, &list(json!({ "limit": "1" }))).await.json();
    assert_eq!((first["data"].as_array().unwrap().len(), &first["data"][0]["month"]), (1, &json!("2026-12")));
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = call(&world, &list(json!({ "cursor": cursor }))).await.json();
    assert_eq!((&second["data"][0]["month"], second.get("next_cursor")), (&json!("2026-11"), None));
    let id = InvoiceId::derive(&owner(), "2026-11".parse().unwrap());
    for resource in ["/v1/invoices/{invoice_id}", "/v1/invoices/{invoice_id}/pdf"] {
        let one = |merchant, mode| Call { resource, invoice: Some(id.as_str()), merchant, mode, ..Call::default() };
        assert_eq!(call(&world, &one("mer_test", "test")).await.status, 200);
        for (merchant, mode) in [("mer_other", "test"), ("mer_test", "live")] {
            assert_eq!(call(&world, &one(merchant, mode)).await.status, 404, "{resource} {merchant} {mode}");
        }
        let wrong = Call { resource, invoice: Some("inv_1"), ..Call::default() };
        assert_eq!(call(&world, &wrong).await.status, 404);
    }
    let link = Call { resource: "/v1/invoices/{invoice_id}/pdf", invoice: Some(id.as_str()), ..Call::default() };
    let link = call(&world, &link).await.json();
    assert_eq!(
        (&link["url"], &link["expires_at"]),
        (&json!(format!("https://files/{id}?300")), &json!("2027-01-02T00:05:00Z"))
    );
    for query in [json!({ "limit": "0" }), json!({ "cursor": "x" }), json!({ "month": "2026-11" })] {
        assert_eq!(call(&world, &list(query.clone())).await.status, 400, "{query}");
    }
}

/// The paper has to be looked at: `pdftoppm -png` of what this leaves in the target folder.
#[tokio::test]
async fn a_long_invoice_goes_on_over_pages() {
    let world = world().await;
    make(&world, json!({})).await.unwrap();
    let mut invoice = world.kept.invoices.borrow().values().next().unwrap().clone();
    let (line, total) = (invoice.lines[0].clone(), invoice.totals[0].clone());
    invoice.buyer = "Café Zürich & Söhne – €".to_owned();
    for code in ["USD", "JPY", "KWD"] {
        let currency = code.parse().unwrap();
        invoice.totals.push(payments::invoice::Total { currency, ..total.clone() });
        invoice.lines.extend((1..=22).map(|basis_points| {
            let terms = payments::fee::FeeTerms { basis_points: basis_points * 17, fixed_minor: 30, minimum_minor: 45 };
            payments::invoice::InvoiceLine { currency, terms, ..line.clone() }
        }));
    }
    let pdf = invoice::pdf::pdf(&invoice);
    assert_eq!(pdf, invoice::pdf::pdf(&invoice), "the same invoice makes the same bytes");
    let pages = pdf.windows(11).filter(|bytes| bytes == b"/Type /Page").count();
    assert!(pages >= 3, "the pages and their tree: {pages}");
    std::fs::write(format!("{}/invoice.pdf", env!("CARGO_TARGET_TMPDIR")), pdf).unwrap();
}

#[tokio::test]
async fn the_sample_event_is_taken() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../events/invoice.json");
    let sample: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let answer = make(&world().await, sample).await.unwrap();
    assert_eq!((answer.made, answer.invoices.len()), (0, 0));
}
