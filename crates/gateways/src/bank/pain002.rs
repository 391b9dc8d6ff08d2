//! ISO 20022 pain.002.001.10: what the bank says of a file of ours, whole or transfer by transfer.

use super::xml::{Element, FileError, Shape, document};

/// Its name.
pub const MESSAGE: &str = "pain.002.001.10";

const REPORT: Shape = "GrpHdr OrgnlGrpInfAndSts OrgnlPmtInfAndSts* SplmtryData*";
const HEADER: Shape = "MsgId CreDtTm InitgPty? FwdgAgt? DbtrAgt? CdtrAgt?";
const GROUP: Shape =
    "OrgnlMsgId OrgnlMsgNmId OrgnlCreDtTm? OrgnlNbOfTxs? OrgnlCtrlSum? GrpSts? StsRsnInf* NbOfTxsPerSts*";
const BLOCK: Shape = "OrgnlPmtInfId OrgnlNbOfTxs? OrgnlCtrlSum? PmtInfSts? StsRsnInf* NbOfTxsPerSts* TxInfAndSts*";
const TRANSFER: Shape = "StsId? OrgnlInstrId? OrgnlEndToEndId? OrgnlUETR? TxSts? StsRsnInf* ChrgsInf* AccptncDtTm? \
    AcctSvcrRef? ClrSysRef? OrgnlTxRef? SplmtryData*";
const REASON: Shape = "Orgtr? Rsn? AddtlInf*";

/// What the bank says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusReport {
    /// The bank's name for this report.
    pub message_id: String,
    /// The day on which it was made, `YYYY-MM-DD`.
    pub day: String,
    /// The file that it is about.
    pub original_message_id: String,
    /// What it says of the file as a whole, where it does.
    pub group: Option<Verdict>,
    /// What it says of single transfers.
    pub transfers: Vec<TransferStatus>,
}

/// What the bank says of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferStatus {
    /// The transfer's reference.
    pub reference: String,
    /// What.
    pub verdict: Verdict,
    /// The line on which it says so.
    pub line: usize,
}

/// A bank's word on a transfer or on a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It will be carried out.
    Accepted,
    /// Some of it will, or nothing is decided yet.
    Open,
    /// It will not.
    Rejected {
        /// An external status reason code of ISO 20022, such as `AC04`, or `NARR` if the bank gave none.
        code: String,
        /// In the bank's words, at most 105 characters.
        text: Option<String>,
    },
}

impl Verdict {
    /// Whether it refuses a file for having been received before: then the file of that name is the bank's already.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Rejected { code, .. } if code == "DUPL" || code == "AM05")
    }
}

/// Reads a report.
pub fn read(bytes: &[u8]) -> Result<StatusReport, FileError> {
    let root = document(bytes, MESSAGE)?;
    let report = root.shaped("CstmrPmtStsRpt")?.child("CstmrPmtStsRpt")?.shaped(REPORT)?;
    let header = report.child("GrpHdr")?.shaped(HEADER)?;
    let group = report.child("OrgnlGrpInfAndSts")?.shaped(GROUP)?;
    let mut transfers = Vec::new();
    for block in report.all("OrgnlPmtInfAndSts") {
        block.shaped(BLOCK)?.child("OrgnlPmtInfId")?.text(35)?;
        let common = block.optional("PmtInfSts").map(|status| verdict(status, block)).transpose()?;
        for element in block.all("TxInfAndSts") {
            transfers.push(transfer(element, common.as_ref())?);
        }
    }
    let mut references: Vec<_> = transfers.iter().map(|status| (&status.reference, status.line)).collect();
    references.sort();
    if let Some(twice) = references.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(FileError::new(twice[1].1, "OrgnlEndToEndId: the report says two things of one transfer"));
    }
    Ok(StatusReport {
        message_id: header.child("MsgId")?.text(35)?.to_owned(),
        day: header.child("CreDtTm")?.day()?,
        original_message_id: group.child("OrgnlMsgId")?.text(35)?.to_owned(),
        group: group.optional("GrpSts").map(|status| verdict(status, group)).transpose()?,
        transfers,
    })
}

fn transfer(element: &Element, common: Option<&Verdict>) -> Result<TransferStatus, FileError> {
    element.shaped(TRANSFER)?;
    let reference = element.child("OrgnlEndToEndId")?.text(35)?.to_owned();
    let own = element.optional("TxSts").map(|status| verdict(status, element)).transpose()?;
    let verdict = own.or_else(|| common.cloned()).ok_or_else(|| element.refuse("has no TxSts"))?;
    Ok(TransferStatus { reference, verdict, line: element.line })
}

/// The status, with the reason that stands beside it.
fn verdict(status: &Element, holder: &Element) -> Result<Verdict, FileError> {
    match status.text(4)? {
        "ACCP" | "ACSP" | "ACSC" | "ACCC" | "ACWC" | "ACWP" | "ACFC" => Ok(Verdict::Accepted),
        "ACTC" | "PDNG" | "RCVD" | "PART" | "PATC" => Ok(Verdict::Open),
        "RJCT" | "CANC" => {
            let mut code = None;
            let mut text = None;
            for reason in holder.all("StsRsnInf") {
                reason.shaped(REASON)?;
                let coded = reason.text_at(&["Rsn", "Cd"], 4)?.or(reason.text_at(&["Rsn", "Prtry"], 35)?);
                code = code.or(coded);
                text = text.or(reason.text_at(&["AddtlInf"], 105)?);
            }
            let code = code.unwrap_or("NARR").to_owned();
            Ok(Verdict::Rejected { code, text: text.map(str::to_owned) })
        }
        other => Err(status.refuse(&format!("{other} is no payment status that we know"))),
    }
}
