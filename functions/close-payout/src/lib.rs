//! Closes what is due to one merchant in one mode until a day: one payout per currency, of which one conditional put decides.
//! What is not above zero stays in the balance.

use gateways::bank::Rail;
use payments::bank_account::{BankAccount, OwnAccount, OwnAccounts};
use payments::calendar::is_business_day;
use payments::currency::Currency;
use payments::failure::Unavailable;
use payments::id::{MerchantId, Mode, Owner, PayoutId};
use payments::ledger::Account;
use payments::payout::Payout;
use payments::payout::item::{Due, NoPayout, Owed};
use payments::payout::listing::is_day;
use payments::ports::{Clock, DueBalances, OpenPayout, PostedEvents, Profiles, Saved};
use payments::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// How often a payout is begun anew because another run came first.
const MAX_TRIES: u32 = 4;

/// Whom, until when: a line of the list of payees.
#[derive(Debug, Deserialize)]
pub struct Request {
    /// The merchant.
    pub merchant_id: MerchantId,
    /// In which world.
    pub mode: Mode,
    /// The day, `YYYY-MM-DD`.
    pub day: String,
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Response {
    /// The payouts of that day, new or there before.
    pub payouts: Vec<PayoutId>,
    /// Currencies in which nothing is paid: nothing is due, or it is a holiday, or a later day is closed.
    pub left: Vec<Currency>,
}

/// What closing needs.
pub struct Ports<'a, Settings, Ledger, Journal, Store, System> {
    /// Merchants' settings.
    pub profiles: &'a Settings,
    /// Balances by due date.
    pub balances: &'a Ledger,
    /// What is posted.
    pub posted: &'a Journal,
    /// Payouts.
    pub payouts: &'a Store,
    /// Our own accounts.
    pub accounts: &'a OwnAccounts,
    /// The clock.
    pub clock: &'a System,
}

/// Why nothing was closed.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the state machine sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// The day is none.
    #[error("day: expected YYYY-MM-DD")]
    InvalidDay,
    /// What is due does not fit one payout.
    #[error("{currency}: {reason}")]
    PayoutTooLarge {
        /// In which currency.
        currency: Currency,
        /// Why.
        reason: NoPayout,
    },
    /// The payout before is not posted yet: the balances still have what it takes.
    #[error("payout {0} is not in the ledger yet")]
    EarlierPayoutNotPosted(PayoutId),
    /// A table did not answer, or others are closing the same merchant's payouts.
    #[error("the payout was not closed")]
    StoreUnavailable(#[from] Unavailable),
}
payments::failure!(
    Error, ErrorName,
    transient: [EarlierPayoutNotPosted, StoreUnavailable],
    permanent: [InvalidDay, PayoutTooLarge],
);

/// Closes each currency for which the merchant and we have an account.
pub async fn handle<Settings, Ledger, Journal, Store, System>(
    ports: &Ports<'_, Settings, Ledger, Journal, Store, System>,
    request: Request,
) -> Result<Response, Error>
where
    Settings: Profiles,
    Ledger: DueBalances,
    Journal: PostedEvents,
    Store: OpenPayout,
    System: Clock,
{
    let Some(date) = date(&request.day) else { return Err(Error::InvalidDay) };
    let owner = Owner { merchant_id: request.merchant_id, mode: request.mode };
    let mut response = Response::default();
    let Some(merchant) = ports.profiles.profile(&owner).await? else { return Ok(response) };
    for (currency, to) in &merchant.bank_accounts {
        let own = ports.accounts.of(owner.mode, *currency).filter(|own| Rail::of(own).reaches(to));
        let Some(own) = own.filter(|_| is_business_day(*currency, date)) else {
            response.left.push(*currency);
            continue;
        };
        match close(ports, &owner, own, to, &request.day).await? {
            Some(payout_id) => response.payouts.push(payout_id),
            None => response.left.push(*currency),
        }
    }
    Ok(response)
}

async fn close<Settings, Ledger, Journal, Store, System>(
    ports: &Ports<'_, Settings, Ledger, Journal, Store, System>,
    owner: &Owner,
    own: &OwnAccount,
    to: &BankAccount,
    day: &str,
) -> Result<Option<PayoutId>, Error>
where
    Ledger: DueBalances,
    Journal: PostedEvents,
    Store: OpenPayout,
    System: Clock,
{
    let (currency, rail) = (own.currency, Rail::of(own));
    for _ in 0..MAX_TRIES {
        let latest = ports.payouts.latest_payout(owner, currency).await?;
        match &latest {
            Some(latest) if latest.day == day => return Ok(Some(latest.payout_id.clone())),
            // A day that is closed stays closed: the later payout has its dues.
            Some(latest) if latest.day.as_str() > day => return Ok(None),
            Some(latest) if !ports.posted.is_posted(&latest.event_id(1)).await? => {
                return Err(Error::EarlierPayoutNotPosted(latest.payout_id.clone()));
            }
            Some(_) | None => {}
        }
        let number = latest.map_or(1, |latest| latest.key.number + 1);
        let owed = owed(ports.balances, owner, currency, day).await?;
        let (max_minor, reference_length) = (rail.max_minor(), rail.reference_length());
        let due = Due { owner, currency, day, number, owed, to, max_minor, reference_length };
        let payout = match Payout::create(&due, ports.clock.now()) {
            Ok(payout) => payout,
            Err(NoPayout::CarriedForward(minor)) => {
                tracing::info!(target: "florin", %owner, %currency, day, minor, "nothing is paid out");
                return Ok(None);
            }
            Err(reason @ (NoPayout::TooManyLines(_) | NoPayout::TooMuch(_))) => {
                return Err(Error::PayoutTooLarge { currency, reason });
            }
        };
        if ports.payouts.open_payout(&payout).await? == Saved::Done {
            tracing::info!(target: "florin", payout_id = %payout.payout_id, %owner, day, "a payout was created");
            return Ok(Some(payout.payout_id));
        }
    }
    Err(Unavailable::new("the payouts table", "others are closing this merchant's payouts").into())
}

/// What the merchant is to get, by account and due date. The ledger writes a debt of ours as a negative number.
async fn owed(
    balances: &impl DueBalances,
    owner: &Owner,
    currency: Currency,
    day: &str,
) -> Result<Vec<Owed>, Unavailable> {
    let (merchant_id, mode) = (owner.merchant_id.clone(), owner.mode);
    let payable = Account::MerchantPayable { merchant_id: merchant_id.clone(), mode }.to_string();
    let reserve = Account::MerchantReserve { merchant_id, mode }.to_string();
    let mut owed = Vec::new();
    for account in [payable, reserve] {
        for (due, minor) in balances.due_until(&account, currency, day).await? {
            owed.push(Owed { account: account.clone(), due, minor: -minor });
        }
    }
    Ok(owed)
}

fn date(day: &str) -> Option<time::Date> {
    let moment = Timestamp::parse_rfc3339(&format!("{day}T00:00:00Z")).ok();
    moment.filter(|_| is_day(day)).map(Timestamp::date)
}
