//! What the outside must be able to do for us: one trait per need, about one IAM statement each.
//!
//! Nothing here says how. Failures are [`Unavailable`]: asked, and not known whether it was done.
#![allow(async_fn_in_trait, reason = "every caller runs on a current-thread runtime; no future crosses a thread")]

use crate::bank::BookedMovement;
use crate::billing::{FeeLine, SettlementLine};
use crate::card::{CardNumber, Cvc};
use crate::currency::Currency;
use crate::event::Event;
use crate::failure::Unavailable;
use crate::gateway::{
    Authorization, AuthorizeOrder, CaptureAnswer, CaptureOrder, Effect, GatewayKey, GatewayName, NoAnswer,
    RefundAnswer, RefundOrder, VoidAnswer, VoidOrder,
};
use crate::id::{
    BankMovementId, CardFingerprint, DeliveryId, EndpointId, InvoiceId, KeyId, Mode, OperationId, Owner, PaymentId,
    TokenId,
};
use crate::invoice::Invoice;
use crate::key::{ApiKey, KeyRing};
use crate::ledger::block::{Block, Place, PlacedEntry};
use crate::ledger::{Account, BalanceKey, Dead, Delta, JournalEntry};
use crate::listing::{Cursor, ListFilter};
use crate::merchant::Merchant;
use crate::month::Month;
use crate::outbox::Stretch;
use crate::payment::Payment;
use crate::payment_request::PaymentAnswer;
use crate::payout::bank_file::BankFile;
use crate::payout::listing::{PayoutCursor, PayoutFilter};
use crate::payout::message::{ReadMessage, Waiting};
use crate::payout::{Payout, PayoutKey};
use crate::reconcile::{BankCredit, Book, Day, DayRecord, Exception, ExceptionId};
use crate::secret::Secret;
use crate::timestamp::Timestamp;
use crate::token::{SealedCard, Token};
use crate::webhook::{Endpoints, SealedSecret};
use crate::webhook_delivery::{Delivery, DeliveryReference, Outcome};
use crate::webhook_url::WebhookUrl;
use crate::webhook_view::EndpointEvent;
use std::collections::BTreeMap;

/// What time it is.
pub trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Fresh randomness, for names only.
pub trait Randomness {
    /// 128 bits that nobody can guess.
    fn bits(&self) -> [u8; 16];
}

/// What came of opening a payment.
#[derive(Debug)]
pub enum Opened {
    /// It is new.
    New,
    /// A payment of that id was there: untouched, as it is now.
    Existing(Box<Payment>),
}

/// Opens payments.
pub trait OpenPayment {
    /// Stores the payment unless one of its id exists.
    async fn open(&self, payment: &Payment) -> Result<Opened, Unavailable>;
}

/// Reads payments.
pub trait LoadPayment {
    /// The latest version (strongly consistent), if there is one.
    async fn load(&self, payment_id: &PaymentId) -> Result<Option<Payment>, Unavailable>;
}

/// What came of saving a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is the latest now.
    Done,
    /// Someone else saved a version first; nothing was written.
    Conflict,
}

/// Saves payments.
pub trait SavePayment {
    /// Stores the payment on condition that the stored version is the one before.
    async fn save(&self, payment: &Payment) -> Result<Saved, Unavailable>;
}

/// A page of an owner's payments, and where the next one begins.
#[derive(Debug)]
pub struct Page {
    /// The payments, the newest first.
    pub payments: Vec<Payment>,
    /// After which of them the next page begins; `None` if nothing is left.
    pub next: Option<Cursor>,
}

/// Lists payments. The list may be a moment behind; each payment in it is as it is now.
pub trait ListPayments {
    /// The owner's payments that match the filter, after `after` in the list, at most `filter.limit`. A page may be
    /// short, or empty, with more to come: it stops after having looked at a bounded number of payments.
    async fn list(&self, owner: &Owner, filter: &ListFilter, after: Option<&Cursor>) -> Result<Page, Unavailable>;
}

/// A page of the whole table.
#[derive(Debug)]
pub struct ScanPage {
    /// Payments, in no order that means anything.
    pub payments: Vec<Payment>,
    /// After which of them the next page begins; `None` if nothing is left.
    pub last: Option<PaymentId>,
}

/// Goes over every payment there is, whoever owns it.
pub trait ScanPayments {
    /// At most `limit` payments behind `after`, each as it is now.
    async fn scan(&self, after: Option<&PaymentId>, limit: usize) -> Result<ScanPage, Unavailable>;
}

/// Puts stretches of time that are not told again yet before those who do that.
pub trait Stretches {
    /// Brings the stretch, at least once.
    async fn enqueue(&self, stretch: &Stretch) -> Result<(), Unavailable>;
}

/// Reads balances.
pub trait Balances {
    /// The account's balance by currency: debits positive, credits negative, minor units.
    async fn balances(&self, account: &Account) -> Result<BTreeMap<Currency, i64>, Unavailable>;
}

/// Finds payments that are past their time.
pub trait DuePayments {
    /// At most `limit` payments due at or before `now`, the longest due first within each shard.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<PaymentId>, Unavailable>;
}

/// Reads merchants' settings; they may be a minute old.
pub trait Merchants {
    /// The settings of that owner.
    async fn merchant(&self, owner: &Owner) -> Result<Option<Merchant>, Unavailable>;
}

/// Reads what merchants took in whole months; it may be a minute old.
pub trait Volumes {
    /// What the owner captured in that month, by currency, as its invoice has it; `None` if the month is not invoiced.
    async fn volume(&self, owner: &Owner, month: Month) -> Result<Option<BTreeMap<Currency, u64>>, Unavailable>;
}

/// Reads API keys.
pub trait ApiKeys {
    /// The key of that hash.
    async fn api_key(&self, key_hash: &str) -> Result<Option<ApiKey>, Unavailable>;
}

/// Keeps merchants' settings for operators: never from memory.
pub trait Profiles {
    /// The settings of that owner as they are now.
    async fn profile(&self, owner: &Owner) -> Result<Option<Merchant>, Unavailable>;
    /// Stores the settings over whatever is there.
    async fn save_profile(&self, merchant: &Merchant) -> Result<(), Unavailable>;
    /// At most `limit` settings in the order of their ids, from behind `after` on; a moment old.
    async fn profiles(&self, after: Option<&Owner>, limit: usize) -> Result<Vec<Merchant>, Unavailable>;
}

/// Keeps owners' sets of API keys. A key opens something only if it is in its owner's set: saving the set decides.
pub trait KeyRings {
    /// The set of that owner, empty if it has none.
    async fn key_ring(&self, owner: &Owner) -> Result<KeyRing, Unavailable>;
    /// Lets the owner of a key be found by the key's hash. Alone, it opens nothing.
    async fn index_key(&self, key: &ApiKey) -> Result<(), Unavailable>;
    /// Stores the set on condition that the stored version is the one before.
    async fn save_key_ring(&self, ring: &KeyRing) -> Result<Saved, Unavailable>;
}

/// Whether a request may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is within its key's limit, and counted.
    Admitted,
    /// It is beyond the limit, and not counted.
    Exceeded,
}

/// Counts requests by key.
pub trait RateLimit {
    /// Whether one more request of that key is within its limit: so many at once, and so many per second from then on.
    async fn admit(&self, key_id: &KeyId, limit_per_second: u32) -> Result<Admission, Unavailable>;
}

/// Reads tokens' public halves.
pub trait Tokens {
    /// The token of that id, whoever owns it.
    async fn token(&self, token_id: &TokenId) -> Result<Option<Token>, Unavailable>;
}

/// Stores tokens' public halves.
pub trait StoreToken {
    /// Stores a new token.
    async fn store(&self, token: &Token) -> Result<(), Unavailable>;
}

/// A card, sealed for the vault.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The number, for the vault.
    pub card: SealedCard,
    /// The verification code under the same data key, base64.
    pub verification: Option<String>,
    /// The keyed MAC of the number.
    pub fingerprint: CardFingerprint,
}

/// Seals cards: the only port that is handed a card number.
pub trait SealCard {
    /// Encrypts number and code for that token of that owner, and works out the number's fingerprint.
    async fn seal(
        &self,
        token_id: &TokenId,
        owner: &Owner,
        number: &CardNumber,
        cvc: Option<&Cvc>,
    ) -> Result<Sealed, Unavailable>;
}

/// Stores sealed cards.
pub trait StoreCard {
    /// Stores a sealed card until `delete_at`.
    async fn store(&self, card: &SealedCard, delete_at: Timestamp) -> Result<(), Unavailable>;
}

/// Reads sealed cards, still sealed.
pub trait LoadCard {
    /// The sealed card of that token.
    async fn load(&self, token_id: &TokenId) -> Result<Option<SealedCard>, Unavailable>;
}

/// Keeps sealed verification codes in memory, for minutes, never on disk.
pub trait VerificationCodes {
    /// Keeps the sealed code for [`VERIFICATION_SECONDS`].
    async fn keep(&self, token_id: &TokenId, sealed: &str) -> Result<(), Unavailable>;
    /// The sealed code, if it is still there.
    async fn find(&self, token_id: &TokenId) -> Result<Option<String>, Unavailable>;
    /// Forgets it. Forgetting twice is harmless.
    async fn forget(&self, token_id: &TokenId) -> Result<(), Unavailable>;
}

/// How long a sealed verification code is kept: 15 minutes.
pub const VERIFICATION_SECONDS: u64 = 15 * 60;

/// A card gateway.
pub trait Gateway {
    /// Its name.
    fn name(&self) -> GatewayName;
    /// Places a hold.
    async fn authorize(&self, order: &AuthorizeOrder) -> Result<Authorization, NoAnswer>;
    /// Takes money of a hold.
    async fn capture(&self, order: &CaptureOrder) -> Result<CaptureAnswer, NoAnswer>;
    /// Lets a hold, or what is left of it, go, and sees to it that none will ever be placed under its key.
    async fn void(&self, order: &VoidOrder) -> Result<VoidAnswer, NoAnswer>;
    /// Gives captured money back.
    async fn refund(&self, order: &RefundOrder) -> Result<RefundAnswer, NoAnswer>;
    /// What the order of that key did; `None` if the gateway never saw it.
    async fn look_up(&self, key: &GatewayKey) -> Result<Option<Effect>, NoAnswer>;
}

/// Asks a gateway what it booked.
pub trait ReportDay {
    /// The gateway's name.
    fn name(&self) -> GatewayName;
    /// Its report of a day, as it wrote it: [`crate::reconcile::DailyReport`] reads it.
    async fn daily_report(&self, mode: Mode, day: Day) -> Result<String, NoAnswer>;
}

/// Reads the journal by account and day.
pub trait LedgerDay {
    /// Every entry that moves the account and whose event happened on that day, in UTC.
    async fn entries(&self, account: &Account, day: Day) -> Result<Vec<JournalEntry>, Unavailable>;
}

/// Money that came to our bank account, and whose it is if that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credited {
    /// The gateway that paid it.
    pub gateway: Option<GatewayName>,
    /// The line of the statement.
    pub credit: BankCredit,
}

/// Reads bank statements by day.
pub trait BankDay {
    /// Every credit that the bank booked on that day, but for payouts that came back.
    async fn credits(&self, mode: Mode, day: Day) -> Result<Vec<Credited>, Unavailable>;
}

/// Keeps reconciled days and their exceptions.
pub trait Reconciliations {
    /// The record of that day.
    async fn day(&self, book: &Book, day: Day) -> Result<Option<DayRecord>, Unavailable>;
    /// The latest day that has a record, and is reconciled.
    async fn latest_day(&self, book: &Book) -> Result<Option<Day>, Unavailable>;
    /// Stores the record over whatever is there.
    async fn save_day(&self, record: &DayRecord) -> Result<(), Unavailable>;
    /// Every exception of the book, the oldest first.
    async fn exceptions(&self, book: &Book) -> Result<Vec<Exception>, Unavailable>;
    /// The exception as it is now.
    async fn exception(&self, book: &Book, id: &ExceptionId) -> Result<Option<Exception>, Unavailable>;
    /// Stores the exception on condition that the stored revision is the one before; revision 1: that there is none.
    async fn save_exception(&self, exception: &Exception) -> Result<Saved, Unavailable>;
}

/// Keeps reports for people and programs.
pub trait StoreReport {
    /// Stores the text under that name, over whatever is there.
    async fn store_report(&self, name: &str, media_type: &str, text: &str) -> Result<(), Unavailable>;
}

/// Counts a card's payments.
pub trait Velocity {
    /// Counts the payment once, however often it is asked, and returns its place among those of its card at its merchant
    /// within the window before it: 1 for the first.
    async fn count(&self, owner: &Owner, card: &CardFingerprint, payment_id: &PaymentId) -> Result<u32, Unavailable>;
}

/// Runs the payment workflow.
pub trait Workflow {
    /// Runs the operation and returns when the run is over, or after the caller's patience; how it ended is read from
    /// the payment.
    async fn run(
        &self,
        payment_id: &PaymentId,
        operation: &OperationId,
        patience: std::time::Duration,
    ) -> Result<(), Unavailable>;
    /// Starts the operation and returns at once.
    async fn start(&self, payment_id: &PaymentId, operation: &OperationId) -> Result<(), Unavailable>;
}

/// Answers requests that came over Kafka.
pub trait Answers {
    /// Sends the answer, at least once.
    async fn answer(&self, answer: &PaymentAnswer) -> Result<(), Unavailable>;
}

/// Lets one of many callers carry a payment on.
pub trait Turns {
    /// Whether the caller is the first to ask for that payment's turn since the last one was over. It lasts that long.
    async fn take_turn(&self, payment_id: &PaymentId, lasts: std::time::Duration) -> Result<bool, Unavailable>;
}

/// Sends events to the bus and to the topic.
pub trait Events {
    /// Sends all, in order per payment. The answer has one entry per event, in their order: whether it was taken.
    async fn send(&self, events: &[Event]) -> Vec<Result<(), Unavailable>>;
}

/// What came of putting an entry into the journal.
#[derive(Debug)]
pub enum EntryPut {
    /// It is there, and names the block that was wanted.
    Done,
    /// An entry of its event was there, and not as the condition wants it; nothing was written.
    Refused(Box<PlacedEntry>),
}

/// Puts entries into the journal. An entry counts only if the block that it names exists and lists it.
pub trait JournalEntries {
    /// Puts the entry unless one of its event is there.
    async fn put_entry(&self, entry: &PlacedEntry) -> Result<EntryPut, Unavailable>;
    /// Puts the entry over the one of its event, on condition that that one names the block `was`.
    async fn put_entry_over(&self, entry: &PlacedEntry, was: Place) -> Result<EntryPut, Unavailable>;
}

/// Reads the journal's blocks (strongly consistent).
pub trait LedgerBlocks {
    /// The last block of the chain, if it has one.
    async fn head(&self, chain: u32) -> Result<Option<Block>, Unavailable>;
    /// The block of that place, if it exists.
    async fn block(&self, place: Place) -> Result<Option<Block>, Unavailable>;
}

/// Commits blocks: the only writer of blocks and balances.
pub trait CommitBlock {
    /// Puts the block, unless one is at its place, and adds the changes to its partition's shards of the balances: all of
    /// it or nothing, each item once.
    async fn commit(&self, block: &Block, changes: &BTreeMap<BalanceKey<'_>, Delta>) -> Result<Saved, Unavailable>;
}

/// Takes what cannot be read, with the reason.
pub trait DeadLetters {
    /// Puts the record on its topic's dead-letter topic.
    async fn bury(&self, record: &Dead) -> Result<(), Unavailable>;
}

/// Keeps fee lines.
pub trait FeeLines {
    /// Stores the line unless it is there.
    async fn add(&self, line: &FeeLine) -> Result<(), Unavailable>;
}

/// Keeps settlement lines.
pub trait SettlementLines {
    /// Stores the line unless it is there.
    async fn add(&self, line: &SettlementLine) -> Result<(), Unavailable>;
}

/// Reads fee lines.
pub trait Bills {
    /// Every fee line of the owner in that month (strongly consistent).
    async fn bill(&self, owner: &Owner, month: Month) -> Result<Vec<FeeLine>, Unavailable>;
}

/// Reads settlement lines.
pub trait ListSettlements {
    /// At most `limit` lines of the owner, the latest day first, from behind `after` (a line's id).
    async fn settlements(
        &self,
        owner: &Owner,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<SettlementLine>, Unavailable>;
}

/// Reads from the ledger what fees earned.
pub trait EarnedFees {
    /// What the fee account earned from the events of that month, by the owner of each event and by currency.
    async fn earned(&self, month: Month) -> Result<BTreeMap<Owner, BTreeMap<Currency, i64>>, Unavailable>;
}

/// Reads invoices.
pub trait LoadInvoice {
    /// The owner's invoice of that id (strongly consistent).
    async fn invoice(&self, owner: &Owner, invoice_id: &InvoiceId) -> Result<Option<Invoice>, Unavailable>;
}

/// Lists invoices.
pub trait ListInvoices {
    /// At most `limit` invoices of the owner, the latest month first, from behind `after`.
    async fn invoices(
        &self,
        owner: &Owner,
        after: Option<&InvoiceId>,
        limit: usize,
    ) -> Result<Vec<Invoice>, Unavailable>;
}

/// Makes invoices.
pub trait IssueInvoice {
    /// The number of the owner's last invoice in the order of making; 0 if it has none.
    async fn last_sequence(&self, owner: &Owner) -> Result<u32, Unavailable>;
    /// Stores the invoice on condition that there is none of its id and that its number is the next; both or nothing.
    async fn issue(&self, invoice: &Invoice) -> Result<Saved, Unavailable>;
}

/// A file of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvoiceFile {
    /// The invoice as its merchant sees it.
    Json,
    /// The same on paper.
    Pdf,
}

/// Keeps invoices' files.
pub trait InvoiceFiles {
    /// Stores a file of that invoice over whatever is there.
    async fn put(&self, invoice: &Invoice, file: InvoiceFile, bytes: Vec<u8>) -> Result<(), Unavailable>;
}

/// Hands invoices' files out.
pub trait InvoiceLinks {
    /// A link to the invoice's PDF that opens it for that many seconds, to whoever has it.
    async fn link(&self, invoice: &Invoice, seconds: u32) -> Result<String, Unavailable>;
}

/// Reads webhook endpoints.
pub trait LoadEndpoints {
    /// Every endpoint of that owner (strongly consistent).
    async fn endpoints(&self, owner: &Owner) -> Result<Endpoints, Unavailable>;
}

/// Saves webhook endpoints.
pub trait SaveEndpoints {
    /// Stores the owner's endpoints on condition that the stored version is the one before.
    async fn save_endpoints(&self, endpoints: &Endpoints) -> Result<Saved, Unavailable>;
}

/// Seals signing secrets.
pub trait SealSecret {
    /// Encrypts the secret for that endpoint of that owner.
    async fn seal(&self, owner: &Owner, endpoint_id: &EndpointId, secret: &Secret)
    -> Result<SealedSecret, Unavailable>;
}

/// Opens signing secrets.
pub trait OpenSecret {
    /// Decrypts what was sealed for that endpoint of that owner.
    async fn open(&self, owner: &Owner, endpoint_id: &EndpointId, sealed: &SealedSecret)
    -> Result<Secret, Unavailable>;
}

/// Opens webhook deliveries.
pub trait OpenDelivery {
    /// Stores the delivery unless it exists: then it is a conflict, and nothing is written.
    async fn open_delivery(&self, delivery: &Delivery) -> Result<Saved, Unavailable>;
}

/// Reads webhook deliveries.
pub trait LoadDelivery {
    /// The latest version (strongly consistent), if there is one.
    async fn delivery(&self, reference: &DeliveryReference) -> Result<Option<Delivery>, Unavailable>;
}

/// Saves webhook deliveries.
pub trait SaveDelivery {
    /// Stores the delivery on condition that the stored version is the one before.
    async fn save_delivery(&self, delivery: &Delivery) -> Result<Saved, Unavailable>;
}

/// Lists webhook deliveries.
pub trait ListDeliveries {
    /// At most `limit` deliveries of the endpoint, the latest event first, from behind `after`.
    async fn deliveries(
        &self,
        endpoint_id: &EndpointId,
        after: Option<&DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, Unavailable>;
}

/// Finds webhook deliveries that are past their time.
pub trait DueDeliveries {
    /// At most `limit` deliveries due at or before `now`, the longest due first within each shard.
    async fn due_deliveries(&self, now: Timestamp, limit: usize) -> Result<Vec<DeliveryReference>, Unavailable>;
}

/// Brings webhook deliveries to those who attempt them.
pub trait DeliveryQueue {
    /// Brings the delivery after so many seconds, at most
    /// [`QUEUE_SECONDS`](crate::webhook_delivery::QUEUE_SECONDS), at least once.
    async fn enqueue(&self, reference: &DeliveryReference, delay_seconds: u16) -> Result<(), Unavailable>;
}

/// Sends webhooks.
pub trait Courier {
    /// One POST of JSON, within its time, to an address of the public internet only.
    async fn post(&self, url: &WebhookUrl, headers: &[(&'static str, String)], body: &str) -> Outcome;
}

/// Tells the bus about webhook endpoints.
pub trait Announce {
    /// Sends the event.
    async fn announce(&self, event: &EndpointEvent) -> Result<(), Unavailable>;
}

/// Reads balances by the days on which they are due.
pub trait DueBalances {
    /// The account's balance in that currency by due date, of all that is due until `day` (`YYYY-MM-DD`): debits
    /// positive, credits negative, minor units.
    async fn due_until(
        &self,
        account: &str,
        currency: Currency,
        day: &str,
    ) -> Result<BTreeMap<String, i64>, Unavailable>;
}

/// Knows what is posted.
pub trait PostedEvents {
    /// Whether the event's entry is in the journal for good, and its balances are changed.
    async fn is_posted(&self, event_id: &str) -> Result<bool, Unavailable>;
}

/// Opens payouts.
pub trait OpenPayout {
    /// The owner's latest payout in that currency (strongly consistent), if there is one.
    async fn latest_payout(&self, owner: &Owner, currency: Currency) -> Result<Option<Payout>, Unavailable>;
    /// Stores the payout unless one of its number is there: then it is a conflict, and nothing is written.
    async fn open_payout(&self, payout: &Payout) -> Result<Saved, Unavailable>;
}

/// Reads payouts.
pub trait LoadPayout {
    /// The latest version (strongly consistent), if there is one.
    async fn payout(&self, key: &PayoutKey) -> Result<Option<Payout>, Unavailable>;
}

/// Saves payouts.
pub trait SavePayout {
    /// Stores the payout on condition that the stored version is the one before.
    async fn save_payout(&self, payout: &Payout) -> Result<Saved, Unavailable>;
}

/// Finds payouts that are in no file yet.
pub trait PayoutsToSend {
    /// At most `limit` of that mode and currency; a moment old.
    async fn payouts_to_send(
        &self,
        mode: Mode,
        currency: Currency,
        limit: usize,
    ) -> Result<Vec<PayoutKey>, Unavailable>;
}

/// Finds payouts by what the bank calls them.
pub trait FindPayout {
    /// The payout of that reference; a moment old.
    async fn find_payout(&self, reference: &str) -> Result<Option<PayoutKey>, Unavailable>;
}

/// A page of an owner's payouts, and where the next one begins.
#[derive(Debug)]
pub struct PayoutPage {
    /// The payouts, the newest first.
    pub payouts: Vec<Payout>,
    /// After which of them the next page begins; `None` if nothing is left.
    pub next: Option<PayoutCursor>,
}

/// Lists payouts.
pub trait ListPayouts {
    /// The owner's payouts that match the filter, after `after` in the list, at most `filter.limit`; a moment old. A page
    /// may be short, or empty, with more to come.
    async fn payouts(
        &self,
        owner: &Owner,
        filter: &PayoutFilter,
        after: Option<&PayoutCursor>,
    ) -> Result<PayoutPage, Unavailable>;
}

/// Keeps the files for the bank.
pub trait BankFiles {
    /// The latest file of that mode and currency (strongly consistent), if there is one.
    async fn latest_file(&self, mode: Mode, currency: Currency) -> Result<Option<BankFile>, Unavailable>;
    /// Stores the file unless one of its number is there: then it is a conflict, and nothing is written.
    async fn begin_file(&self, file: &BankFile) -> Result<Saved, Unavailable>;
    /// Stores that the bank has the file.
    async fn end_file(&self, file: &BankFile) -> Result<(), Unavailable>;
}

/// Finds files by what the bank calls them.
pub trait FindBankFile {
    /// The file of that name; a moment old.
    async fn find_file(&self, name: &str) -> Result<Option<BankFile>, Unavailable>;
}

/// Keeps documents, encrypted.
pub trait Documents {
    /// Stores the document under that key, over whatever is there.
    async fn put_document(&self, key: &str, media_type: &str, bytes: &[u8]) -> Result<(), Unavailable>;
}

/// What came of handing a file over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandedOver {
    /// The bank has it now.
    Taken,
    /// The bank had it already.
    SeenBefore,
}

/// Takes files to the bank.
pub trait BankOut {
    /// Hands the file over. The bank takes each name once: a second time changes nothing.
    async fn hand_over(&self, media_type: &str, bytes: &[u8]) -> Result<HandedOver, Unavailable>;
}

/// Fetches what the bank sends.
pub trait BankIn {
    /// The messages that wait, oldest first.
    async fn waiting(&self) -> Result<Vec<Waiting>, Unavailable>;
    /// The message of that name.
    async fn fetch(&self, message_id: &str) -> Result<Vec<u8>, Unavailable>;
}

/// Knows what was read of the bank.
pub trait ReadMessages {
    /// What became of the message, if it was read.
    async fn read_message(&self, message_id: &str) -> Result<Option<ReadMessage>, Unavailable>;
    /// Keeps what became of it.
    async fn close_message(&self, message: &ReadMessage) -> Result<(), Unavailable>;
    /// Claims a name, such as a statement's, for that message: false if another message has it.
    async fn claim_name(&self, name: &str, message_id: &str) -> Result<bool, Unavailable>;
}

/// Keeps movements on our bank accounts.
pub trait BankMovements {
    /// Whether the movement is kept already.
    async fn has_movement(&self, movement_id: &BankMovementId) -> Result<bool, Unavailable>;
    /// Stores the movement unless it is there.
    async fn add_movement(&self, movement: &BookedMovement) -> Result<(), Unavailable>;
}
