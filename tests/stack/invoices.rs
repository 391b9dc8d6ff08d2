//! Invoices on the deployed stack, of months that were over long ago: made and opened on paper, or refused with an exception.
//!
//! A month leaves fee lines and posted events. Here the lines are put, and the events go the ledger's own way, as if they
//! had happened then. Each test has a month of its own.

use crate::numbers::unique;
use crate::operator::{exceptions, invoke};
use crate::shop::{Answer, Shop, healthy, send, until};
use crate::topics::write;
use krafka::Record;
use payments::billing::{FeeLine, lines};
use payments::event::Event;
use payments::id::InvoiceId;
use payments::ledger::Position;
use payments::ledger::block::Place;
use payments::month::Month;
use payments::payment::Payment;
use payments::posting::journal_entry;
use serde_json::{Value, json};

/// From an event's record to its block.
const LEDGER_SECONDS: u64 = 60;

/// A payment of that month, of which nobody knows but who put it there.
struct Past {
    event: Event,
    line: FeeLine,
}

impl Past {
    async fn of(shop: &Shop, month: &str, amount: u64) -> Self {
        let sold = shop.tables.payment(&shop.sell(amount).await).await.unwrap();
        let mut payment: Payment = serde_json::from_value(sold).unwrap();
        payment.payment_id = shop.payment_id(&unique()).parse().unwrap();
        let mut event = Event::of(&payment);
        event.occurred_at = format!("{month}-15T12:00:00Z");
        let line = lines(&event).unwrap().fee.unwrap();
        Self { event, line }
    }

    /// Its fee line is on the bill.
    async fn bill(&self, shop: &Shop) {
        shop.tables.put("FeeLines", &serde_json::to_value(&self.line).unwrap()).await;
    }

    /// The ledger has its event; in which block.
    async fn post(&self, shop: &Shop) -> Place {
        let value = serde_json::to_string(&self.event).unwrap();
        write(&shop.stack, Record::new("payment-events", value).key(self.line.payment_id.to_string())).await;
        until("the event in a block", LEDGER_SECONDS, || async {
            let entry = shop.tables.get("Journal", json!({ "event_id": self.event.id })).await?;
            let place: Place = serde_json::from_value(entry).unwrap();
            let block = json!({ "chain": place.chain, "number": place.block });
            let block = shop.tables.get("LedgerBlocks", block).await?;
            block["event_ids"].as_array().unwrap().contains(&json!(self.event.id)).then_some(place)
        })
        .await
    }

    /// A batch that broke off left its entry: it names a block that does not list it.
    async fn leave(&self, shop: &Shop, place: Place) {
        let entry = journal_entry(&self.event, Position { partition: place.chain, offset: 0 }).unwrap().unwrap();
        let mut entry = serde_json::to_value(&entry).unwrap();
        (entry["chain"], entry["block_number"]) = (json!(place.chain), json!(place.block));
        shop.tables.put("Journal", &entry).await;
    }
}

async fn get(shop: &Shop, path: &str) -> Answer {
    send(shop.get(path)).await.unwrap()
}

fn invoice_id(shop: &Shop, month: &str) -> String {
    InvoiceId::derive(&shop.owner, month.parse::<Month>().unwrap()).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_is_over_has_an_invoice_that_its_merchant_alone_can_open() {
    const MONTH: &str = "2019-03";
    let _healthy = healthy().await;
    let (shop, other) = (Shop::open().await, Shop::open().await);
    let mut fees = 0;
    for amount in [10_000, 2_500] {
        let past = Past::of(&shop, MONTH, amount).await;
        past.bill(&shop).await;
        past.post(&shop).await;
        fees += past.line.fee;
    }
    assert_eq!(get(&shop, "/v1/invoices").await.body["data"], json!([]));
    let id = invoice_id(&shop, MONTH);
    // As the schedule asks: for all merchants. Again, there is the same one.
    for _ in 0..2 {
        let made = invoke(&shop.stack, "invoice", &json!({ "month": MONTH })).await.unwrap();
        assert!(made["invoices"].as_array().unwrap().contains(&json!(id)), "{made}");
    }

    let list = get(&shop, "/v1/invoices").await;
    assert_eq!((list.status, list.body["data"].as_array().map(Vec::len)), (200, Some(1)), "{}", list.text);
    let one = get(&shop, &format!("/v1/invoices/{id}")).await;
    assert_eq!((one.status, &one.body), (200, &list.body["data"][0]), "{}", one.text);
    assert_eq!(one.body["totals"], json!([{ "currency": "EUR", "captured": 12_500, "refunded": 0, "fee": fees }]));
    assert_eq!((&one.body["month"], &one.body["mode"]), (&json!(MONTH), &json!("test")));
    let link = get(&shop, &format!("/v1/invoices/{id}/pdf")).await;
    assert_eq!(link.status, 200, "{}", link.text);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let paper = client.get(link.body["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!((paper.status().as_u16(), &paper.headers()["Content-Type"]), (200, &"application/pdf".parse().unwrap()));
    let bytes = paper.bytes().await.unwrap();
    assert!(bytes.starts_with(b"%PDF-") && bytes.trim_ascii_end().ends_with(b"%%EOF"), "{} bytes", bytes.len());

    for path in [format!("/v1/invoices/{id}"), format!("/v1/invoices/{id}/pdf")] {
        let refused = get(&other, &path).await;
        assert_eq!(refused.status, 404, "{path}: {}", refused.text);
    }
    assert_eq!(get(&other, "/v1/invoices").await.body["data"], json!([]));
}

/// The owner's month, asked for; how many invoices there are, and for what reasons there are none.
async fn ask_for(shop: &Shop, month: &str) -> (usize, Vec<Value>) {
    let request = json!({ "month": month, "owner": shop.owner });
    let answer = invoke(&shop.stack, "invoice", &request).await.unwrap();
    let refused = answer["refused"].as_array().unwrap().iter().map(|it| it["reason"].clone());
    (answer["invoices"].as_array().unwrap().len(), refused.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fee_line_that_the_ledger_does_not_have_is_an_exception_until_it_has() {
    const MONTH: &str = "2019-04";
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let (posted, left) = (Past::of(&shop, MONTH, 10_000).await, Past::of(&shop, MONTH, 2_500).await);
    posted.bill(&shop).await;
    left.bill(&shop).await;
    let place = posted.post(&shop).await;
    left.leave(&shop, place).await;
    let id = invoice_id(&shop, MONTH);
    let ours = async |all| {
        let found = exceptions(&shop.stack, all).await;
        found.into_iter().filter(|it| it["reference"] == json!(id)).collect::<Vec<_>>()
    };
    let (billed, earned) = (posted.line.fee + left.line.fee, posted.line.fee);
    let reason = format!("EUR: the fee lines sum to {billed}, the ledger's fee account earned {earned}");
    for _ in 0..2 {
        assert_eq!(ask_for(&shop, MONTH).await, (0, vec![json!(reason)]));
        let open = ours(false).await;
        assert_eq!(open.len(), 1, "{open:?}");
        assert_eq!((&open[0]["kind"], &open[0]["gateway"]), (&json!("refused_invoice"), &json!("own")));
        assert_eq!((&open[0]["first_seen"], &open[0]["revision"]), (&json!("2019-04-30"), &json!(1)));
        assert!(open[0]["detail"].as_str().unwrap().ends_with(&reason), "{open:?}");
    }
    assert_eq!(get(&shop, &format!("/v1/invoices/{id}")).await.status, 404);

    // Its record comes again, as from the dead-letter topic.
    left.post(&shop).await;
    assert_eq!(ask_for(&shop, MONTH).await, (1, vec![]));
    assert_eq!(get(&shop, &format!("/v1/invoices/{id}")).await.body["totals"][0]["fee"], json!(billed));
    assert_eq!(ours(false).await, Vec::<Value>::new());
    let closed = ours(true).await;
    assert_eq!((closed.len(), &closed[0]["withdrawn"]), (1, &json!(true)), "{closed:?}");
}
