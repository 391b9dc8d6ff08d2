//! Takes payouts to the bank: one file per account, each decided by one conditional put and from then on the same for ever.
//! The next file is begun only when the bank has the one before, so no payout is ever in two.

use gateways::bank::{CreditTransfer, MAX_TRANSFERS, PaymentOrder, Rail, Unwritable, file_name_at_the_bank, write};
use payments::bank_account::{OwnAccount, OwnAccounts};
use payments::failure::Unavailable;
use payments::payout::bank_file::BankFile;
use payments::payout::item::Told;
use payments::payout::listing::is_day;
use payments::payout::{Payout, PayoutKey, PayoutStatus};
use payments::ports::{BankFiles, BankOut, Clock, Documents, HandedOver, LoadPayout, PayoutsToSend, SavePayout, Saved};
use serde::{Deserialize, Serialize};

/// Files that one run sends for one account; the rest is the next run's.
const MAX_FILES: usize = 20;
/// How often a payout's version is read anew because someone else saved one first.
const MAX_TRIES: u32 = 8;

/// The day on which the money is to leave.
#[derive(Debug, Deserialize)]
pub struct Request {
    /// `YYYY-MM-DD`.
    pub day: String,
}

/// What was sent.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Response {
    /// The files that the bank has now, by the names that its answers use.
    pub files: Vec<String>,
}

/// What sending needs.
pub struct Ports<'a, Store, Files, Bucket, Bank, System> {
    /// Payouts.
    pub payouts: &'a Store,
    /// Files.
    pub files: &'a Files,
    /// Where files are kept.
    pub documents: &'a Bucket,
    /// The bank.
    pub bank: &'a Bank,
    /// Our own accounts.
    pub accounts: &'a OwnAccounts,
    /// The clock.
    pub clock: &'a System,
}

/// Why a run broke off. What it began, the next run ends first.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the state machine sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// The day is none.
    #[error("day: expected YYYY-MM-DD")]
    InvalidDay,
    /// A file cannot be written: our own account's settings are wrong, or a payout is not what its rail carries.
    #[error("file {name} cannot be written")]
    FileUnwritable {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: Unwritable,
    },
    /// A payout of the file is gone, or in another file.
    #[error("payout {0} is not what its file says")]
    PayoutContradictsFile(PayoutKey),
    /// A table, the bucket or the bank did not answer.
    #[error("the payouts were not sent")]
    StoreUnavailable(#[from] Unavailable),
}
payments::failure!(
    Error, ErrorName,
    transient: [StoreUnavailable],
    permanent: [InvalidDay, FileUnwritable, PayoutContradictsFile],
);

/// Ends each account's open file, then sends what else is there.
pub async fn handle<Store, Files, Bucket, Bank, System>(
    ports: &Ports<'_, Store, Files, Bucket, Bank, System>,
    request: Request,
) -> Result<Response, Error>
where
    Store: LoadPayout + SavePayout + PayoutsToSend,
    Files: BankFiles,
    Bucket: Documents,
    Bank: BankOut,
    System: Clock,
{
    if !is_day(&request.day) {
        return Err(Error::InvalidDay);
    }
    let mut response = Response::default();
    for own in ports.accounts.iter() {
        for _ in 0..MAX_FILES {
            match send_next(ports, own, &request.day).await? {
                Sent::File(name) => response.files.push(name),
                Sent::Nothing => break,
                Sent::Overtaken => {}
            }
        }
    }
    Ok(response)
}

/// What one round did.
enum Sent {
    /// The bank has this file.
    File(String),
    /// There is nothing to send.
    Nothing,
    /// Another run began the same file: look again.
    Overtaken,
}

async fn send_next<Store, Files, Bucket, Bank, System>(
    ports: &Ports<'_, Store, Files, Bucket, Bank, System>,
    own: &OwnAccount,
    day: &str,
) -> Result<Sent, Error>
where
    Store: LoadPayout + SavePayout + PayoutsToSend,
    Files: BankFiles,
    Bucket: Documents,
    Bank: BankOut,
    System: Clock,
{
    let latest = ports.files.latest_file(own.mode, own.currency).await?;
    let file = match latest {
        Some(open) if open.handed_over_at.is_none() => open,
        latest => {
            // Read after the latest file: a payout that is still to be sent now is in no file up to that one.
            let number = latest.map_or(1, |latest| latest.number + 1);
            let payouts = unsent(ports.payouts, own).await?;
            if payouts.is_empty() {
                return Ok(Sent::Nothing);
            }
            let keys = payouts.iter().map(|payout| payout.key.clone()).collect();
            let mut file = BankFile {
                account: BankFile::account(own.mode, own.currency),
                number,
                name: String::new(),
                day: day.to_owned(),
                created_at: ports.clock.now(),
                payouts: keys,
                handed_over_at: None,
            };
            let order = order(own, &file, &payouts);
            file.name = file_name_at_the_bank(&order).map_err(|source| unwritable(&order, source))?;
            // A file that cannot be written is not begun.
            write(&order).map_err(|source| unwritable(&order, source))?;
            if ports.files.begin_file(&file).await? == Saved::Conflict {
                return Ok(Sent::Overtaken);
            }
            file
        }
    };
    finish(ports, own, file).await
}

/// Marks the file's payouts, keeps the file and hands it over. Everything here may be done twice.
async fn finish<Store, Files, Bucket, Bank, System>(
    ports: &Ports<'_, Store, Files, Bucket, Bank, System>,
    own: &OwnAccount,
    mut file: BankFile,
) -> Result<Sent, Error>
where
    Store: LoadPayout + SavePayout,
    Files: BankFiles,
    Bucket: Documents,
    Bank: BankOut,
    System: Clock,
{
    let mut payouts = Vec::with_capacity(file.payouts.len());
    for key in &file.payouts {
        payouts.push(mark(ports.payouts, ports.clock, key, &file.name).await?);
    }
    let order = order(own, &file, &payouts);
    let rail = Rail::of(own);
    let bytes = write(&order).map_err(|source| unwritable(&order, source))?;
    let key = format!("out/{}/{}/{}.{}", own.mode, file.day, order.message_id, rail.extension());
    ports.documents.put_document(&key, rail.media_type(), &bytes).await?;
    let handed_over = ports.bank.hand_over(rail.media_type(), &bytes).await?;
    file.handed_over_at = Some(ports.clock.now());
    ports.files.end_file(&file).await?;
    let again = handed_over == HandedOver::SeenBefore;
    tracing::info!(target: "florin", file = file.name, payouts = payouts.len(), again, "the bank has a file of payouts");
    Ok(Sent::File(file.name))
}

/// The payouts that are in no file: the index may be behind, the payouts themselves are not.
async fn unsent(store: &(impl LoadPayout + PayoutsToSend), own: &OwnAccount) -> Result<Vec<Payout>, Unavailable> {
    let mut unsent = Vec::new();
    for key in store.payouts_to_send(own.mode, own.currency, MAX_TRANSFERS).await? {
        let payout = store.payout(&key).await?;
        unsent.extend(payout.filter(|payout| payout.stage.status() == PayoutStatus::Created));
    }
    unsent.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(unsent)
}

async fn mark(
    store: &(impl LoadPayout + SavePayout),
    clock: &impl Clock,
    key: &PayoutKey,
    file: &str,
) -> Result<Payout, Error> {
    for _ in 0..MAX_TRIES {
        let payout = store.payout(key).await?.ok_or_else(|| Error::PayoutContradictsFile(key.clone()))?;
        match payout.clone().send(file, clock.now()) {
            Told::Known => return Ok(payout),
            Told::Impossible => return Err(Error::PayoutContradictsFile(key.clone())),
            Told::Next(next) => {
                if store.save_payout(&next).await? == Saved::Done {
                    return Ok(*next);
                }
            }
        }
    }
    Err(Unavailable::new("the payouts table", "others are changing this payout").into())
}

fn order(own: &OwnAccount, file: &BankFile, payouts: &[Payout]) -> PaymentOrder {
    let transfer = |payout: &Payout| CreditTransfer {
        reference: payout.reference.clone(),
        amount: payout.amount,
        to: payout.to.clone(),
        remittance: format!("Payout {} {}", payout.day, payout.owner.merchant_id),
    };
    PaymentOrder {
        number: file.number,
        message_id: BankFile::message_id(own.mode, own.currency, &file.day, file.number),
        created_at: file.created_at,
        day: file.day.clone(),
        from: own.clone(),
        transfers: payouts.iter().map(transfer).collect(),
    }
}

fn unwritable(order: &PaymentOrder, source: Unwritable) -> Error {
    Error::FileUnwritable { name: order.message_id.clone(), source }
}
