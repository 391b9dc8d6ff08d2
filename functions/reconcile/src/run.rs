//! Which days are worked through, and in which order: one after the other, since each begins with what the one before
//! left open. A day whose report is refused holds up those after it.

use crate::day::{self, Worked};
use crate::document::Document;
use crate::page;
use crate::{DayAnswer, Error, Ports, Run};
use payments::failure::Unavailable;
use payments::ports::{BankDay, Clock, LedgerDay, LoadPayment, Reconciliations, ReportDay, StoreReport};
use payments::reconcile::{Book, Closing, Day, DayRecord, DayState, Exception, change, raise, withdraw};

/// The most days of one run; the next run goes on.
const MAX_DAYS: usize = 62;

/// Works through what the run asks for.
pub(crate) async fn run<Gateway, Payments, Ledger, Bank, Kept, Files, System>(
    ports: &Ports<'_, Gateway, Payments, Ledger, Bank, Kept, Files, System>,
    book: &Book,
    run: &Run,
) -> Result<Vec<DayAnswer>, Error>
where
    Gateway: ReportDay,
    Payments: LoadPayment,
    Ledger: LedgerDay,
    Bank: BankDay,
    Kept: Reconciliations,
    Files: StoreReport,
    System: Clock,
{
    let today = Day::of(ports.clock.now());
    if run.preview {
        let day = run.day.unwrap_or(today);
        if day > today {
            return Err(Error::DayNotOver(day));
        }
        return Ok(vec![preview(ports, book, day).await?]);
    }
    let latest = ports.kept.latest_day(book).await?;
    let (mut day, last) = match run.day {
        None => (latest.map_or(today.previous(), Day::next), today.previous()),
        Some(day) if day >= today => return Err(Error::DayNotOver(day)),
        Some(day) => {
            in_order(ports.kept, book, day, latest).await?;
            (day, latest.map_or(day, |latest| latest.max(day)))
        }
    };
    let mut answers = Vec::new();
    while day <= last && answers.len() < MAX_DAYS {
        let answer = one(ports, book, day).await?;
        let goes_on = answer.document.state == DayState::Reconciled;
        answers.push(answer);
        if !goes_on {
            break;
        }
        day = day.next();
    }
    Ok(answers)
}

/// A day can be run that was reconciled before, or that comes next.
async fn in_order(kept: &impl Reconciliations, book: &Book, day: Day, latest: Option<Day>) -> Result<(), Error> {
    let Some(latest) = latest else { return Ok(()) };
    let next = latest.next();
    if day == next || day <= latest && kept.day(book, day).await?.is_some() {
        return Ok(());
    }
    Err(Error::DayOutOfOrder { day, next })
}

/// What the day before left open.
async fn opening(kept: &impl Reconciliations, book: &Book, day: Day) -> Result<Closing, Unavailable> {
    let before = kept.day(book, day.previous()).await?;
    let before = before.filter(|record| record.state == DayState::Reconciled);
    Ok(before.map(|record| record.closing).unwrap_or_default())
}

async fn preview<Gateway, Payments, Ledger, Bank, Kept, Files, System>(
    ports: &Ports<'_, Gateway, Payments, Ledger, Bank, Kept, Files, System>,
    book: &Book,
    day: Day,
) -> Result<DayAnswer, Error>
where
    Gateway: ReportDay,
    Payments: LoadPayment,
    Ledger: LedgerDay,
    Bank: BankDay,
    Kept: Reconciliations,
    Files: StoreReport,
    System: Clock,
{
    let opening = opening(ports.kept, book, day).await?;
    let Worked { mut record, raised, .. } = day::work(ports, book, day, &opening).await?;
    record.state = if record.refused.is_some() { record.state } else { DayState::Preview };
    let mut exceptions = ports.kept.exceptions(book).await?;
    let known: Vec<_> = exceptions.iter().map(|exception| exception.id.clone()).collect();
    exceptions.extend(raised.into_iter().filter(|exception| !known.contains(&exception.id)));
    publish(ports, &record, exceptions, "-preview").await
}

/// One day: its exceptions first, then its record, which says that it is done. A run that breaks off in between is made
/// good by the next, which finds the same exceptions.
async fn one<Gateway, Payments, Ledger, Bank, Kept, Files, System>(
    ports: &Ports<'_, Gateway, Payments, Ledger, Bank, Kept, Files, System>,
    book: &Book,
    day: Day,
) -> Result<DayAnswer, Error>
where
    Gateway: ReportDay,
    Payments: LoadPayment,
    Ledger: LedgerDay,
    Bank: BankDay,
    Kept: Reconciliations,
    Files: StoreReport,
    System: Clock,
{
    let opening = opening(ports.kept, book, day).await?;
    let Worked { record, raised, late } = day::work(ports, book, day, &opening).await?;
    for finding in &raised {
        raise(ports.kept, finding).await?;
    }
    let stored = ports.kept.exceptions(book).await?;
    for late in &late {
        let known = stored.iter().find(|exception| exception.id == late.id);
        if let Some(known) = known {
            change(ports.kept, book, &known.id, |there| there.map(|there| there.appeared(&late.item, day))).await?;
        }
    }
    // A refused report says nothing about the day's other exceptions.
    if record.refused.is_none() {
        let gone = |exception: &&Exception| exception.first_seen == day && !record.raised.contains(&exception.id);
        for exception in stored.iter().filter(gone) {
            withdraw(ports.kept, book, &exception.id).await?;
        }
    }
    let before = ports.kept.day(book, day).await?;
    let keeps = record.refused.is_some() && before.is_some_and(|before| before.state == DayState::Reconciled);
    if !keeps {
        ports.kept.save_day(&record).await?;
    }
    let exceptions = ports.kept.exceptions(book).await?;
    publish(ports, &record, exceptions, "").await
}

/// Puts down what is told of the day, as of now, and of what our own book has open by then.
async fn publish<Gateway, Payments, Ledger, Bank, Kept, Files, System>(
    ports: &Ports<'_, Gateway, Payments, Ledger, Bank, Kept, Files, System>,
    record: &DayRecord,
    exceptions: Vec<Exception>,
    suffix: &str,
) -> Result<DayAnswer, Error>
where
    Kept: Reconciliations,
    Files: StoreReport,
    System: Clock,
{
    let own = ports.kept.exceptions(&Book::own(record.book.mode)).await?;
    let document = Document::new(record, exceptions, own, Day::of(ports.clock.now()));
    let stem = format!("{}/{}/{}{suffix}", document.mode, document.gateway, document.day);
    let (document_name, page_name) = (format!("{stem}.json"), format!("{stem}.html"));
    let text = serde_json::to_string_pretty(&document).expect("a document is plain data");
    ports.files.store_report(&document_name, "application/json", &text).await?;
    ports.files.store_report(&page_name, "text/html; charset=utf-8", &page::page(&document)).await?;
    Ok(DayAnswer { document, document_name, page_name })
}
