//! ISO 20022 camt.053.001.08 (statements of a day) and camt.054.001.08 (notifications of movements): what went through an
//! account of ours. Their sums are done again.

use super::xml::{Element, FileError, Shape, document};
use payments::amount::Amount;
use payments::currency::Currency;

/// A statement's name.
pub const STATEMENT: &str = "camt.053.001.08";
/// A notification's name.
pub const NOTIFICATION: &str = "camt.054.001.08";

const HEADER: Shape = "MsgId CreDtTm MsgRcpt? MsgPgntn? OrgnlBizQry? AddtlInf?";
const STATEMENT_SHAPE: Shape = "Id StmtPgntn? ElctrncSeqNb? RptgSeq? LglSeqNb? CreDtTm? FrToDt? CpyDplctInd? RptgSrc? \
    Acct RltdAcct? Intrst* Bal+ TxsSummry? Ntry* AddtlStmtInf?";
const NOTIFICATION_SHAPE: Shape = "Id NtfctnPgntn? ElctrncSeqNb? RptgSeq? LglSeqNb? CreDtTm? FrToDt? CpyDplctInd? \
    RptgSrc? Acct RltdAcct? Intrst* TxsSummry? Ntry* AddtlNtfctnInf?";
const ACCOUNT: Shape = "Id Tp? Ccy? Nm? Prxy? Ownr? Svcr?";
const BALANCE: Shape = "Tp CdtLine* Amt CdtDbtInd Dt Avlbty*";
const SUMMARY: Shape = "TtlNtries? TtlCdtNtries? TtlDbtNtries? TtlNtriesPerBkTxCd*";
const ENTRY: Shape = "NtryRef? Amt CdtDbtInd RvslInd? Sts BookgDt? ValDt? AcctSvcrRef? Avlbty* BkTxCd ComssnWvrInd? \
    AddtlInfInd? AmtDtls? Chrgs? TechInptChanl? Intrst? CardTx? NtryDtls* AddtlNtryInf?";
const DETAILS: Shape = "Btch? TxDtls*";
const TRANSACTION: Shape = "Refs? Amt? CdtDbtInd? AmtDtls? Avlbty* BkTxCd? Chrgs? Intrst? RltdPties? RltdAgts? \
    LclInstrm? Purp? RltdRmtInf* RmtInf? RltdDts? RltdPric? RltdQties* FinInstrmId? Tax? RtrInf? CorpActn? SfkpgAcct? \
    CshDpst* CardTx? AddtlTxInf? SplmtryData*";

/// Money that came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It came.
    Credit,
    /// It went.
    Debit,
}

/// What the bank says went through an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountReport {
    /// The bank's name for the file.
    pub message_id: String,
    /// The bank's name for this statement or notification.
    pub id: String,
    /// The account, by its IBAN or other number.
    pub account: String,
    /// Its currency.
    pub currency: Currency,
    /// A statement's balances; a notification has none.
    pub balances: Option<Balances>,
    /// What was booked, in the file's order. What is only announced is left out.
    pub entries: Vec<Entry>,
    /// The line on which it begins.
    pub line: usize,
}

/// The booked balances of a statement, in minor units; below zero we owe the bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balances {
    /// The day that the statement closes.
    pub day: String,
    /// Before its entries.
    pub opening: i64,
    /// After them.
    pub closing: i64,
}

/// One movement, of one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The bank's own name for it, the same in a notification and in the statement. One of several transactions booked
    /// together has its place behind a slash.
    pub bank_reference: String,
    /// Whether it came or went.
    pub direction: Direction,
    /// How much.
    pub amount: Amount,
    /// The day on which it was booked, `YYYY-MM-DD`.
    pub day: String,
    /// The end-to-end reference, if there is one.
    pub reference: Option<String>,
    /// Why a transfer of ours came back, if that is what it is: an external return reason code, `NARR` if none is given.
    pub returned: Option<String>,
    /// Who is on the other side, where the bank says.
    pub party: Option<String>,
    /// What the other side wrote.
    pub remittance: Option<String>,
    /// Its line.
    pub line: usize,
}

/// Reads a file of statements (camt.053).
pub fn read_statements(bytes: &[u8]) -> Result<Vec<AccountReport>, FileError> {
    let root = document(bytes, STATEMENT)?;
    let message = root.shaped("BkToCstmrStmt")?.child("BkToCstmrStmt")?.shaped("GrpHdr Stmt+ SplmtryData*")?;
    reports(message, "Stmt", STATEMENT_SHAPE)
}

/// Reads a file of notifications (camt.054).
pub fn read_notifications(bytes: &[u8]) -> Result<Vec<AccountReport>, FileError> {
    let root = document(bytes, NOTIFICATION)?;
    let message = root.shaped("BkToCstmrDbtCdtNtfctn")?.child("BkToCstmrDbtCdtNtfctn")?;
    reports(message.shaped("GrpHdr Ntfctn+ SplmtryData*")?, "Ntfctn", NOTIFICATION_SHAPE)
}

fn reports(message: &Element, name: &str, shape: Shape) -> Result<Vec<AccountReport>, FileError> {
    let header = message.child("GrpHdr")?.shaped(HEADER)?;
    header.child("CreDtTm")?.day()?;
    let message_id = header.child("MsgId")?.text(35)?;
    message.all(name).map(|element| report(element.shaped(shape)?, message_id)).collect()
}

fn report(element: &Element, message_id: &str) -> Result<AccountReport, FileError> {
    let account = element.child("Acct")?.shaped(ACCOUNT)?;
    let number = account.text_at(&["Id", "IBAN"], 34)?.or(account.text_at(&["Id", "Othr", "Id"], 34)?);
    let number = number.ok_or_else(|| account.refuse("has neither an IBAN nor another id"))?;
    let currency = currency(element, account)?;
    let mut entries = Vec::new();
    for entry in element.all("Ntry") {
        read_entry(entry.shaped(ENTRY)?, currency, &mut entries)?;
    }
    check_summary(element, currency)?;
    let balances = if element.optional("Bal").is_some() { Some(balances(element, currency, &entries)?) } else { None };
    Ok(AccountReport {
        message_id: message_id.to_owned(),
        id: element.child("Id")?.text(35)?.to_owned(),
        account: number.to_owned(),
        currency,
        balances,
        entries,
        line: element.line,
    })
}

/// The account's currency; where the bank leaves it out, that of the first amount.
fn currency(element: &Element, account: &Element) -> Result<Currency, FileError> {
    let named = account.optional("Ccy");
    let first = || element.optional("Bal").or(element.optional("Ntry"));
    let (holder, code) = match named {
        Some(named) => (named, Some(named.text(3)?)),
        None => (account, first().and_then(|holder| holder.optional("Amt")?.attribute("Ccy"))),
    };
    code.and_then(|code| code.parse().ok()).ok_or_else(|| holder.refuse("expected the account's currency"))
}

fn read_entry(entry: &Element, currency: Currency, entries: &mut Vec<Entry>) -> Result<(), FileError> {
    let amount = entry.child("Amt")?.amount(currency)?;
    let direction = direction(entry)?;
    let status = entry.child("Sts")?;
    let booked = status.text_at(&["Cd"], 4)?.ok_or_else(|| status.refuse("has no Cd"))? == "BOOK";
    if !booked {
        return Ok(());
    }
    let named = entry.optional("AcctSvcrRef").or(entry.optional("NtryRef"));
    let bank_reference = named.ok_or_else(|| entry.refuse("has no AcctSvcrRef to know it by"))?.text(35)?;
    let date = entry.child("BookgDt")?;
    let day = date.optional("Dt").or(date.optional("DtTm")).ok_or_else(|| date.refuse("has no date"))?.day()?;
    let mut transactions = Vec::new();
    for details in entry.all("NtryDtls") {
        transactions.extend(details.shaped(DETAILS)?.all("TxDtls"));
    }
    let whole = Entry {
        bank_reference: bank_reference.to_owned(),
        direction,
        amount,
        day,
        reference: None,
        returned: None,
        party: None,
        remittance: entry.text_at(&["AddtlNtryInf"], 500)?.map(str::to_owned),
        line: entry.line,
    };
    match transactions.as_slice() {
        [] => entries.push(whole),
        [one] => {
            let read = transaction(one, &whole, currency)?;
            if read.amount != amount {
                return Err(one.refuse("its amount is not the entry's"));
            }
            entries.push(read);
        }
        several => {
            let mut sum = Amount::zero(currency);
            for (index, one) in several.iter().enumerate() {
                let mut read = transaction(one, &whole, currency)?;
                one.child("Amt")?;
                read.bank_reference = format!("{bank_reference}/{}", index + 1);
                sum = sum.checked_add(read.amount).map_err(|_| entry.refuse("its sum is too large"))?;
                entries.push(read);
            }
            if sum != amount {
                return Err(entry.refuse("its transactions do not sum to its amount"));
            }
        }
    }
    Ok(())
}

fn transaction(element: &Element, whole: &Entry, currency: Currency) -> Result<Entry, FileError> {
    element.shaped(TRANSACTION)?;
    let amount = element.optional("Amt").map(|amount| amount.amount(currency)).transpose()?.unwrap_or(whole.amount);
    if element.optional("CdtDbtInd").is_some() && direction(element)? != whole.direction {
        return Err(element.refuse("goes the other way than its entry"));
    }
    let reference = element.text_at(&["Refs", "EndToEndId"], 35)?.filter(|text| *text != "NOTPROVIDED");
    let returned = match element.optional("RtrInf") {
        Some(information) => Some(information.text_at(&["Rsn", "Cd"], 4)?.unwrap_or("NARR").to_owned()),
        None => None,
    };
    let side = if whole.direction == Direction::Credit && returned.is_none() { "Dbtr" } else { "Cdtr" };
    let party = element.text_at(&["RltdPties", side, "Pty", "Nm"], 140)?;
    let remittance = element.text_at(&["RmtInf", "Ustrd"], 140)?.map(str::to_owned);
    Ok(Entry {
        amount,
        reference: reference.map(str::to_owned),
        returned,
        party: party.map(str::to_owned),
        remittance: remittance.or_else(|| whole.remittance.clone()),
        line: element.line,
        ..whole.clone()
    })
}

fn direction(holder: &Element) -> Result<Direction, FileError> {
    let element = holder.child("CdtDbtInd")?;
    match element.text(4)? {
        "CRDT" => Ok(Direction::Credit),
        "DBIT" => Ok(Direction::Debit),
        _ => Err(element.refuse("expected CRDT or DBIT")),
    }
}

/// Counts and sums that the bank states must be those of its entries.
fn check_summary(element: &Element, currency: Currency) -> Result<(), FileError> {
    let Some(summary) = element.optional("TxsSummry") else { return Ok(()) };
    summary.shaped(SUMMARY)?;
    for (name, wanted) in
        [("TtlNtries", None), ("TtlCdtNtries", Some(Direction::Credit)), ("TtlDbtNtries", Some(Direction::Debit))]
    {
        let Some(total) = summary.optional(name) else { continue };
        let (mut count, mut sum) = (0, 0);
        for entry in element.all("Ntry") {
            if wanted.is_none_or(|wanted| direction(entry) == Ok(wanted)) {
                count += 1;
                sum += entry.child("Amt")?.minor(currency)?;
            }
        }
        if let Some(stated) = total.optional("NbOfNtries")
            && stated.number()? != count
        {
            return Err(stated.refuse(&format!("there are {count} such entries")));
        }
        if let Some(stated) = total.optional("Sum")
            && stated.minor(currency)? != sum
        {
            return Err(stated.refuse("is not the sum of the entries"));
        }
    }
    Ok(())
}

fn balances(element: &Element, currency: Currency, entries: &[Entry]) -> Result<Balances, FileError> {
    let (mut opening, mut closing) = (None, None);
    for balance in element.all("Bal") {
        balance.shaped(BALANCE)?;
        let signed = signed(direction(balance)?, balance.child("Amt")?.amount(currency)?);
        match balance.text_at(&["Tp", "CdOrPrtry", "Cd"], 4)? {
            Some("OPBD" | "PRCD") => opening = Some(signed),
            Some("CLBD") => closing = Some((signed, balance)),
            // Interim, available and forward balances are not what was booked.
            _ => {}
        }
    }
    let opening = opening.ok_or_else(|| element.refuse("has no opening balance (OPBD)"))?;
    let (closing, last) = closing.ok_or_else(|| element.refuse("has no closing balance (CLBD)"))?;
    let date = last.child("Dt")?;
    let day = date.optional("Dt").or(date.optional("DtTm")).ok_or_else(|| date.refuse("has no date"))?.day()?;
    let moved: i128 = entries.iter().map(|entry| i128::from(signed(entry.direction, entry.amount))).sum();
    if i128::from(opening) + moved != i128::from(closing) {
        return Err(last.refuse("the closing balance is not the opening balance and the entries"));
    }
    Ok(Balances { day, opening, closing })
}

fn signed(direction: Direction, amount: Amount) -> i64 {
    let minor = i64::try_from(amount.minor()).expect("an amount is at most 2^53 - 1");
    match direction {
        Direction::Credit => minor,
        Direction::Debit => -minor,
    }
}
