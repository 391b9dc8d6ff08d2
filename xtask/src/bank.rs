//! The bank of the local stack: which accounts of ours it holds.
//!
//! It knows mock-bank's control plane, and nothing of payouts.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

/// One call of the control plane.
const CALL_BOUND: Duration = Duration::from_secs(10);
/// The bank's own routing number, which belongs to nobody.
const ROUTING_NUMBER: &str = "999999992";
/// The bank's own accounts, which are there from the start: closed, so that nothing is stated for them, and every payment
/// to one of them is rejected.
const SEEDED: [&str; 4] = ["ACME", "EURODIS", "GLOBEX", "INITECH"];

/// An account of ours: its id at the bank, its currency, its IBAN and its domestic number.
struct Account {
    id: &'static str,
    currency: &'static str,
    iban: &'static str,
    number: &'static str,
}

/// Ours, in the currencies of the sample merchants. Dollars leave by NACHA, all others by pain.001.
const ACCOUNTS: [Account; 4] = [
    Account { id: "FLORIN-EUR", currency: "EUR", iban: "NL62MOCK0000000011", number: "0000000011" },
    Account { id: "FLORIN-USD", currency: "USD", iban: "NL35MOCK0000000012", number: "1234567890" },
    Account { id: "FLORIN-JPY", currency: "JPY", iban: "NL08MOCK0000000013", number: "0000000013" },
    Account { id: "FLORIN-KWD", currency: "KWD", iban: "NL83MOCK0000000021", number: "0000000021" },
];

/// The template's parameter `OwnAccounts`.
pub fn own_accounts() -> String {
    let accounts = ACCOUNTS.map(|Account { currency, iban, number, .. }| match currency {
        "USD" => format!("test:USD:{ROUTING_NUMBER}:{number}:{number}:{iban}"),
        _ => format!("test:{currency}:{iban}:MOCKNL2A"),
    });
    accounts.join(",")
}

/// Opens our accounts and closes the bank's own. A second time nothing changes.
pub async fn open_accounts(endpoint: &str) -> Result<()> {
    for Account { id, currency, iban, number } in ACCOUNTS {
        let known = ask(endpoint, Method::GET, &format!("/_mock/accounts/{id}"), None).await?;
        if known.0 == StatusCode::OK {
            continue;
        }
        let account = json!({
            "id": id, "name": "Florin", "iban": iban, "bic": "MOCKNL2A", "currency": currency, "balance": 0,
            "account_number": number,
        });
        let (status, answer) = ask(endpoint, Method::POST, "/_mock/accounts", Some(account)).await?;
        if status != StatusCode::CREATED {
            bail!("the bank does not open {id}: {status} {answer}");
        }
    }
    for id in SEEDED {
        let (status, answer) =
            ask(endpoint, Method::PATCH, &format!("/_mock/accounts/{id}"), Some(json!({ "closed": true }))).await?;
        if status != StatusCode::OK {
            bail!("the bank does not close {id}: {status} {answer}");
        }
    }
    Ok(())
}

/// One call of the bank's control plane: status and answer.
pub async fn ask(endpoint: &str, method: Method, path: &str, body: Option<Value>) -> Result<(StatusCode, Value)> {
    let client = Client::builder().no_proxy().timeout(CALL_BOUND).build().context("making an HTTP client")?;
    let mut request = client.request(method, format!("{endpoint}{path}"));
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.with_context(|| format!("asking the bank for {path}"))?;
    let status = answer.status();
    let body = answer.bytes().await.context("reading the bank's answer")?;
    Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}
