//! One day: the three witnesses are asked, and what they say is held against one another.

use crate::{Error, Ports};
use payments::failure::Unavailable;
use payments::ledger::Account;
use payments::ports::{BankDay, Clock, LedgerDay, LoadPayment, Reconciliations, ReportDay, StoreReport};
use payments::reconcile::{
    BadReport, BankCredit, Book, Closing, Counts, DailyReport, Day, DayRecord, DayState, Evidence, Exception, Late,
    Movement, completed_on, movement_reference, movements, reconcile, refused_report,
};
use std::collections::{BTreeMap, BTreeSet};

/// What a day comes to.
pub(crate) struct Worked {
    pub(crate) record: DayRecord,
    pub(crate) raised: Vec<Exception>,
    pub(crate) late: Vec<Late>,
}

/// Works the day out; writes nothing.
pub(crate) async fn work<Gateway, Payments, Ledger, Bank, Kept, Files, System>(
    ports: &Ports<'_, Gateway, Payments, Ledger, Bank, Kept, Files, System>,
    book: &Book,
    day: Day,
    opening: &Closing,
) -> Result<Worked, Error>
where
    Gateway: ReportDay,
    Payments: LoadPayment,
    Ledger: LedgerDay,
    Bank: BankDay,
    Kept: Reconciliations,
    Files: StoreReport,
    System: Clock,
{
    let at = ports.clock.now().to_rfc3339();
    let report = match DailyReport::read(&ports.gateway.daily_report(book.mode, day).await?, book, day) {
        Ok(report) => report,
        Err(bad) => return Ok(refused(book, day, bad, at)),
    };
    let account = Account::GatewayReceivable { gateway: book.gateway.clone(), mode: book.mode };
    let ledger = movements(book, &ports.ledger.entries(&account, day).await?);
    // What nobody claims is shown here too: a gateway's money under a wrong reference looks like that.
    let credited = ports.bank.credits(book.mode, day).await?.into_iter();
    let ours = credited.filter(|it| it.gateway.as_ref().is_none_or(|gateway| *gateway == book.gateway));
    let bank: Vec<BankCredit> = ours.map(|it| it.credit).collect();
    let completed = completed(ports.payments, &report, &ledger, opening, day).await?;
    let evidence = Evidence { report: &report, ledger: &ledger, bank: &bank, completed: &completed };
    let done = reconcile(book, day, evidence, opening)?;
    let counts = Counts {
        rows: report.rows.len(),
        fundings: report.fundings.len(),
        movements: ledger.len(),
        credits: bank.len(),
    };
    let record = DayRecord {
        book: book.clone(),
        day,
        state: DayState::Reconciled,
        refused: None,
        reconciled_at: at,
        counts,
        totals: done.totals,
        raised: done.raised.iter().map(|exception| exception.id.clone()).collect(),
        late: done.late.iter().map(|late| late.id.clone()).collect(),
        closing: done.closing,
    };
    Ok(Worked { record, raised: done.raised, late: done.late })
}

/// A refused report: one exception, and nothing of the day counts.
fn refused(book: &Book, day: Day, bad: BadReport, at: String) -> Worked {
    let exception = refused_report(book, day, &bad);
    tracing::error!(target: "florin", %book, %day, line = bad.line, "the report is refused: {}", bad.reason);
    let record = DayRecord {
        book: book.clone(),
        day,
        state: DayState::Refused,
        refused: Some(bad.into()),
        reconciled_at: at,
        counts: Counts::default(),
        totals: BTreeMap::new(),
        raised: vec![exception.id.clone()],
        late: Vec::new(),
        closing: Closing::default(),
    };
    Worked { record, raised: vec![exception], late: Vec::new() }
}

/// Of the rows for which the ledger has nothing today, those whose operation was over on an earlier day: they were in an
/// earlier report.
async fn completed(
    payments: &impl LoadPayment,
    report: &DailyReport,
    ledger: &[Movement],
    opening: &Closing,
    day: Day,
) -> Result<BTreeSet<String>, Unavailable> {
    let today = ledger.iter().map(|movement| movement.reference.as_str());
    let known: BTreeSet<&str> = today.chain(opening.open.iter().map(|open| open.reference.as_str())).collect();
    let mut completed = BTreeSet::new();
    for row in &report.rows {
        let (Some(payment_id), reference) = movement_reference(&row.key) else { continue };
        if known.contains(reference.as_str()) {
            continue;
        }
        let payment = payments.load(&payment_id).await?;
        let over = payment.and_then(|payment| completed_on(&payment, &reference));
        if over.is_some_and(|over| over < day) {
            completed.insert(reference);
        }
    }
    Ok(completed)
}
