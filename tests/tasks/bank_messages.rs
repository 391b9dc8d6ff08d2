//! A bank's messages, as PyPI's mock-bank writes them.

use crate::payout_world::OURS;

/// A status report: of each reference, a status and perhaps a reason.
pub fn pain002(id: &str, file: &str, group: &str, transfers: &[(&str, &str, Option<&str>)]) -> String {
    let reason = |code: &Option<&str>| {
        code.map(|code| format!("<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn><AddtlInf>said the bank</AddtlInf></StsRsnInf>"))
            .unwrap_or_default()
    };
    let transfers: String = transfers
        .iter()
        .map(|(reference, status, code)| {
            format!(
                "<TxInfAndSts>\n<OrgnlEndToEndId>{reference}</OrgnlEndToEndId><TxSts>{status}</TxSts>{}</TxInfAndSts>\n",
                reason(code)
            )
        })
        .collect();
    let block = if transfers.is_empty() {
        String::new()
    } else {
        format!("<OrgnlPmtInfAndSts><OrgnlPmtInfId>1</OrgnlPmtInfId>\n{transfers}</OrgnlPmtInfAndSts>")
    };
    format!(
        "<?xml version='1.0' encoding='utf-8'?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\">\
         <CstmrPmtStsRpt><GrpHdr><MsgId>{id}</MsgId><CreDtTm>2026-11-24T10:00:00+00:00</CreDtTm></GrpHdr>\n\
         <OrgnlGrpInfAndSts><OrgnlMsgId>{file}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>{group}\
         </OrgnlGrpInfAndSts>\n{block}</CstmrPmtStsRpt></Document>\n"
    )
}

/// One movement of an account: the bank's name for it, the sign, cents, and what stands in its details.
pub struct Line<'a> {
    pub name: &'a str,
    pub sign: &'a str,
    pub cents: u64,
    pub details: String,
}

pub fn debit(name: &str, cents: u64, reference: &str) -> Line<'static> {
    let details = format!("<Refs><EndToEndId>{reference}</EndToEndId></Refs>");
    Line { name: name.to_owned().leak(), sign: "DBIT", cents, details }
}

pub fn back(name: &str, cents: u64, reference: &str) -> Line<'static> {
    let details = format!("<Refs><EndToEndId>{reference}</EndToEndId></Refs><RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>");
    Line { name: name.to_owned().leak(), sign: "CRDT", cents, details }
}

pub fn credit(name: &str, cents: u64, note: &str) -> Line<'static> {
    let details = format!("<RmtInf><Ustrd>{note}</Ustrd></RmtInf>");
    Line { name: name.to_owned().leak(), sign: "CRDT", cents, details }
}

fn decimal(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn entries(lines: &[Line<'_>]) -> String {
    let entry = |Line { name, sign, cents, details }: &Line<'_>| {
        format!(
            "<Ntry><Amt Ccy=\"EUR\">{}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>\
             <BookgDt><Dt>2026-11-25</Dt></BookgDt><AcctSvcrRef>{name}</AcctSvcrRef><BkTxCd></BkTxCd>\
             <NtryDtls><TxDtls>{details}</TxDtls></NtryDtls></Ntry>\n",
            decimal(*cents)
        )
    };
    lines.iter().map(entry).collect()
}

fn camt(message: &str, root: &str, element: &str, id: &str, account: &str, content: &str) -> String {
    format!(
        "<?xml version='1.0' encoding='utf-8'?>\n<b:Document xmlns:b=\"urn:iso:std:iso:20022:tech:xsd:{message}\">\
         <b:{root}><b:GrpHdr><b:MsgId>{id}</b:MsgId><b:CreDtTm>2026-11-25T10:00:00+00:00</b:CreDtTm></b:GrpHdr>\n\
         <{element}><Id>{id}</Id>\n<Acct><Id><IBAN>{account}</IBAN></Id><Ccy>EUR</Ccy></Acct>\n{content}</{element}>\
         </b:{root}></b:Document>\n"
    )
}

/// A notification of movements.
pub fn camt054(id: &str, account: &str, lines: &[Line<'_>]) -> String {
    camt("camt.054.001.08", "BkToCstmrDbtCdtNtfctn", "Ntfctn", id, account, &entries(lines))
}

/// A statement of our account, with the balances given in cents.
pub fn camt053(id: &str, opening: u64, closing: u64, lines: &[Line<'_>]) -> String {
    let balance = |code: &str, cents: u64| {
        format!(
            "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">{}</Amt><CdtDbtInd>CRDT</CdtDbtInd>\
             <Dt><Dt>2026-11-25</Dt></Dt></Bal>\n",
            decimal(cents)
        )
    };
    let content = format!("{}{}{}", balance("OPBD", opening), balance("CLBD", closing), entries(lines));
    camt("camt.053.001.08", "BkToCstmrStmt", "Stmt", id, OURS, &content)
}
