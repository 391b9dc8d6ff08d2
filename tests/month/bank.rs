//! The bank: a process of PyPI's mock-bank, whose clock goes along with the month's.

use gateways::BankHost;
use payments::bank_account::OwnAccounts;
use payments::currency::Currency;
use payments::reconcile::{Day, Funding};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The account of the payee whose payouts the bank rejects for a day. It is at our own bank, which decides that.
pub const REJECTED_IBAN: &str = "NL07MOCK0000000031";
/// Its id at the bank.
const REJECTED: &str = "PAYEE";

/// The bank and what we have there.
pub struct Bank {
    /// Files go in and messages come out.
    pub host: BankHost,
    /// Our accounts.
    pub accounts: OwnAccounts,
    endpoint: String,
    client: reqwest::Client,
}

impl Bank {
    /// The bank that `BANK_ENDPOINT` names; `None` if it names none.
    pub async fn from_env() -> Option<Self> {
        let endpoint = std::env::var("BANK_ENDPOINT").ok()?;
        let accounts = OwnAccounts::read(&xtask::bank::own_accounts(), "Florin").unwrap();
        xtask::bank::open_accounts(&endpoint).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let bank = Self { host: BankHost::from_env().unwrap(), accounts, endpoint, client };
        let payee = json!({ "id": REJECTED, "name": "Atelier Roux", "iban": REJECTED_IBAN, "bic": "MOCKNL2A", "currency": "EUR" });
        bank.post("/_mock/accounts", &payee).await;
        Some(bank)
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.client.post(format!("{}{path}", self.endpoint)).json(body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    async fn patch(&self, account: &str, body: &Value) {
        let path = format!("{}/_mock/accounts/{account}", self.endpoint);
        let answer = self.client.patch(path).json(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{account}: {}", answer.text().await.unwrap());
    }

    /// Moves the bank's clock to midnight of that day; the days that it passes have their statements.
    pub async fn advance(&self, day: Day) {
        self.post(&format!("/_mock/advance?to={day}"), &json!({})).await;
    }

    /// The gateway's money arrives.
    pub async fn credit(&self, funding: &Funding) {
        let Funding { reference, amount, currency, .. } = funding;
        let credit = json!({
            "account": account(*currency), "amount": amount, "note": reference, "end_to_end_id": reference,
            "debtor": { "name": "Simulated Acquirer" },
        });
        self.post("/_mock/credits", &credit).await;
    }

    /// From now on, payouts to that payee are rejected, or not any more.
    pub async fn reject(&self, rejects: bool) {
        let behaviour = if rejects { "closed-account" } else { "accept" };
        self.patch(REJECTED, &json!({ "behaviour": behaviour })).await;
    }

    /// The payout of that reference will come back two business days after it was paid; `None`: no other will.
    pub async fn give_back(&self, reference: Option<&str>) {
        let change = match reference {
            Some(reference) => json!({
                "behaviour": "return-later",
                "parameters": { "days": 2, "reason": "AC04", "end_to_end_id": reference },
            }),
            None => json!({ "behaviour": "accept", "parameters": {} }),
        };
        self.patch("FLORIN-EUR", &change).await;
    }

    /// What the bank says that we have.
    pub async fn balances(&self) -> BTreeMap<Currency, i64> {
        let mut balances = BTreeMap::new();
        for own in self.accounts.iter() {
            let path = format!("{}/_mock/accounts/{}", self.endpoint, account(own.currency));
            let answer = self.client.get(path).send().await.unwrap().text().await.unwrap();
            let answer: Value = serde_json::from_str(&answer).unwrap();
            balances.insert(own.currency, answer["balance"].as_i64().unwrap());
        }
        balances.retain(|_, balance| *balance != 0);
        balances
    }
}

fn account(currency: Currency) -> String {
    format!("FLORIN-{currency}")
}
