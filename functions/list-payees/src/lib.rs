//! Lists the owners whom a day may pay, as JSON lines for the state machine's Distributed Map. Who is owed what, it does
//! not know.

use payments::bank_account::OwnAccounts;
use payments::failure::Unavailable;
use payments::id::{MerchantId, Mode};
use payments::payout::listing::is_day;
use payments::ports::{Clock, Documents, Profiles};
use payments::timestamp::iso_date;
use serde::{Deserialize, Serialize};

/// Merchants of one page.
const PAGE: usize = 100;
/// The most owners that one day pays.
const MAX_OWNERS: usize = 100_000;

/// Which day.
#[derive(Debug, Default, Deserialize)]
pub struct Request {
    /// `YYYY-MM-DD`; today, if nothing is said.
    #[serde(default)]
    pub day: Option<String>,
}

/// Where the list is.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Response {
    /// The day.
    pub day: String,
    /// The list's key in the bucket of bank documents.
    pub key: String,
    /// How many owners are in it.
    pub count: usize,
}

/// A line of the list: what the state machine hands to `close-payout`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payee {
    /// The merchant.
    pub merchant_id: MerchantId,
    /// In which world.
    pub mode: Mode,
    /// The day.
    pub day: String,
}

/// What the list needs.
pub struct Ports<'a, Settings, Bucket, System> {
    /// Merchants' settings.
    pub profiles: &'a Settings,
    /// Where the list goes.
    pub documents: &'a Bucket,
    /// Our own accounts.
    pub accounts: &'a OwnAccounts,
    /// The clock.
    pub clock: &'a System,
}

/// Why there is no list.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the state machine sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// The day is none.
    #[error("day: expected YYYY-MM-DD")]
    InvalidDay,
    /// More owners than one run takes.
    #[error("there are more than {MAX_OWNERS} merchants with a bank account")]
    TooManyPayees,
    /// A table or the bucket did not answer.
    #[error("the list was not made")]
    StoreUnavailable(#[from] Unavailable),
}
payments::failure!(Error, ErrorName, transient: [StoreUnavailable], permanent: [InvalidDay, TooManyPayees]);

/// Writes the list of that day. A second time, it is written over.
pub async fn handle<Settings: Profiles, Bucket: Documents, System: Clock>(
    ports: &Ports<'_, Settings, Bucket, System>,
    request: Request,
) -> Result<Response, Error> {
    let today = iso_date(ports.clock.now().date());
    let day = request.day.unwrap_or_else(|| today.clone());
    if !is_day(&day) {
        return Err(Error::InvalidDay);
    }
    let mut lines = String::new();
    let (mut count, mut after) = (0, None);
    loop {
        let page = ports.profiles.profiles(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.owner());
        for merchant in &page {
            // In live mode nobody is paid before its day; in test mode no money moves, and days may be tried out.
            let early = merchant.mode == Mode::Live && day > today;
            let payable =
                merchant.bank_accounts.keys().any(|currency| ports.accounts.of(merchant.mode, *currency).is_some());
            if !payable || early {
                continue;
            }
            let payee = Payee { merchant_id: merchant.merchant_id.clone(), mode: merchant.mode, day: day.clone() };
            lines.push_str(&serde_json::to_string(&payee).expect("a payee is plain data"));
            lines.push('\n');
            count += 1;
        }
        if count > MAX_OWNERS {
            return Err(Error::TooManyPayees);
        }
        if page.len() < PAGE {
            break;
        }
    }
    let key = format!("payees/{day}.jsonl");
    ports.documents.put_document(&key, "application/jsonl", lines.as_bytes()).await?;
    Ok(Response { day, key, count })
}
