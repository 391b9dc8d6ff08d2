//! ISO 20022 pain.001.001.09: one group, one payment information block (one currency, one day, one account), a transfer
//! per payout.

use super::text::plain;
use super::{CreditTransfer, PaymentOrder};
use payments::bank_account::BankAccount;
use quick_xml::escape::escape;
use std::fmt::Write;

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09";
/// How long a name may be.
const NAME: usize = 70;
/// How long the unstructured remittance information may be.
const REMITTANCE: usize = 140;

/// An XML document in the making: elements one behind the other, closed by the closure that opened them.
struct Document(String);

impl Document {
    fn element(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        let _ = write!(self.0, "<{name}>");
        content(self);
        let _ = write!(self.0, "</{name}>");
    }

    fn text(&mut self, name: &str, text: &str) {
        let _ = write!(self.0, "<{name}>{}</{name}>", escape(text));
    }

    /// Elements nested in one another around one text.
    fn nested(&mut self, names: &[&str], text: &str) {
        match names {
            [] => {}
            [name] => self.text(name, text),
            [name, inner @ ..] => self.element(name, |document| document.nested(inner, text)),
        }
    }
}

/// The file. The caller has held the order to the rail's limits.
pub(super) fn write(order: &PaymentOrder) -> Vec<u8> {
    let mut document =
        Document(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"{NAMESPACE}\">"));
    document.element("CstmrCdtTrfInitn", |document| {
        document.element("GrpHdr", |header| group_header(header, order));
        document.element("PmtInf", |block| payment_information(block, order));
    });
    document.0.push_str("</Document>\n");
    document.0.into_bytes()
}

fn group_header(header: &mut Document, order: &PaymentOrder) {
    header.text("MsgId", &order.message_id);
    header.text("CreDtTm", &order.created_at.to_rfc3339());
    totals(header, order);
    header.nested(&["InitgPty", "Nm"], &plain(own_name(order), NAME));
}

fn totals(element: &mut Document, order: &PaymentOrder) {
    let sum: u128 = order.transfers.iter().map(|transfer| u128::from(transfer.amount.minor())).sum();
    element.text("NbOfTxs", &order.transfers.len().to_string());
    element.text("CtrlSum", &decimal(sum, order.from.currency.exponent()));
}

fn payment_information(block: &mut Document, order: &PaymentOrder) {
    let euro = order.from.currency.code() == "EUR";
    block.text("PmtInfId", &order.message_id);
    block.text("PmtMtd", "TRF");
    // Each transfer is a line of the statement by itself, so that each payout is found there.
    block.text("BtchBookg", "false");
    totals(block, order);
    if euro {
        block.nested(&["PmtTpInf", "SvcLvl", "Cd"], "SEPA");
    }
    block.nested(&["ReqdExctnDt", "Dt"], &order.day);
    block.nested(&["Dbtr", "Nm"], &plain(own_name(order), NAME));
    if let BankAccount::Iban { iban, bic, .. } = &order.from.account {
        block.element("DbtrAcct", |account| {
            account.nested(&["Id", "IBAN"], iban.as_str());
            account.text("Ccy", order.from.currency.code());
        });
        match bic {
            Some(bic) => block.nested(&["DbtrAgt", "FinInstnId", "BICFI"], bic.as_str()),
            None => block.nested(&["DbtrAgt", "FinInstnId", "Othr", "Id"], "NOTPROVIDED"),
        }
    }
    block.text("ChrgBr", if euro { "SLEV" } else { "SHAR" });
    for transfer in &order.transfers {
        block.element("CdtTrfTxInf", |element| credit_transfer(element, transfer));
    }
}

fn credit_transfer(element: &mut Document, transfer: &CreditTransfer) {
    element.nested(&["PmtId", "EndToEndId"], &transfer.reference);
    let (code, exponent) = (transfer.amount.currency(), transfer.amount.currency().exponent());
    let amount = decimal(u128::from(transfer.amount.minor()), exponent);
    let _ = write!(element.0, "<Amt><InstdAmt Ccy=\"{code}\">{amount}</InstdAmt></Amt>");
    if let BankAccount::Iban { name, iban, bic } = &transfer.to {
        if let Some(bic) = bic {
            element.nested(&["CdtrAgt", "FinInstnId", "BICFI"], bic.as_str());
        }
        element.nested(&["Cdtr", "Nm"], &plain(name, NAME));
        element.nested(&["CdtrAcct", "Id", "IBAN"], iban.as_str());
    }
    element.nested(&["RmtInf", "Ustrd"], &plain(&transfer.remittance, REMITTANCE));
}

fn own_name(order: &PaymentOrder) -> &str {
    match &order.from.account {
        BankAccount::Iban { name, .. } | BankAccount::Ach { name, .. } => name,
    }
}

/// Minor units as the standard's decimal: `19.99`, `500`, `1.250`.
pub(super) fn decimal(minor: u128, exponent: u32) -> String {
    let unit = 10u128.pow(exponent);
    match exponent {
        0 => minor.to_string(),
        _ => format!("{}.{:0width$}", minor / unit, minor % unit, width = exponent as usize),
    }
}
