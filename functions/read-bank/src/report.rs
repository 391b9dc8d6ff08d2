//! Status reports (pain.002): what the bank says of a file of ours becomes what its payouts are.

use crate::{MAX_TRIES, NotApplied, Ports, claim};
use gateways::bank::FileError;
use gateways::bank::pain002::{self, StatusReport, TransferStatus, Verdict};
use payments::failure::Unavailable;
use payments::payout::item::Told;
use payments::payout::message::Waiting;
use payments::payout::{Payout, PayoutFailure, PayoutKey};
use payments::ports::{Clock, FindBankFile, LoadPayout, ReadMessages, SavePayout, Saved};
use payments::timestamp::Timestamp;

pub(crate) async fn apply<Bank, Store, Files, Book, Bucket, Kept, System>(
    ports: &Ports<'_, Bank, Store, Files, Book, Bucket, Kept, System>,
    waiting: &Waiting,
    bytes: &[u8],
) -> Result<(), NotApplied>
where
    Store: LoadPayout + SavePayout,
    Files: FindBankFile,
    Book: ReadMessages,
    System: Clock,
{
    let report = pain002::read(bytes)?;
    let name = &report.original_message_id;
    let unknown = || FileError::new(1, format!("OrgnlMsgId: {name} is no file of ours"));
    let file = ports.files.find_file(name).await?.ok_or_else(unknown)?;
    let mut payouts = Vec::with_capacity(file.payouts.len());
    for key in &file.payouts {
        let missing = || Unavailable::new("the payouts table", format!("payout {key} of file {name} is missing"));
        payouts.push(ports.payouts.payout(key).await?.ok_or_else(missing)?);
    }
    let verdicts = verdicts(&report, &payouts)?;
    for (payout, verdict, line) in &verdicts {
        // Held against each payout before any is changed.
        if told((*payout).clone(), verdict, &report.day, ports.clock.now()) == Told::Impossible {
            let status = payout.stage.status();
            let reason = format!("OrgnlEndToEndId: {} is {status}, which this contradicts", payout.reference);
            return Err(FileError::new(*line, reason).into());
        }
    }
    claim(ports.read, &format!("message {}", report.message_id), waiting, 1).await?;
    for (payout, verdict, _) in &verdicts {
        change(ports.payouts, ports.clock, &payout.key, verdict, &report.day).await?;
    }
    Ok(())
}

/// What the report says of each payout that it speaks of. One that is not in the file is an error.
fn verdicts<'a>(report: &StatusReport, payouts: &'a [Payout]) -> Result<Vec<(&'a Payout, Verdict, usize)>, FileError> {
    let mut found = Vec::new();
    for TransferStatus { reference, verdict, line } in &report.transfers {
        let payout = payouts.iter().find(|payout| payout.reference == *reference);
        let unknown = || FileError::new(*line, "OrgnlEndToEndId: the file has no transfer of that reference");
        found.push((payout.ok_or_else(unknown)?, verdict.clone(), *line));
    }
    match &report.group {
        // The file came twice, and the bank has the first: this says nothing of its payouts.
        Some(group) if group.is_duplicate() => Ok(Vec::new()),
        Some(group @ (Verdict::Rejected { .. } | Verdict::Accepted)) if found.is_empty() => {
            Ok(payouts.iter().map(|payout| (payout, group.clone(), 1)).collect())
        }
        Some(_) | None => Ok(found),
    }
}

fn told(payout: Payout, verdict: &Verdict, day: &str, now: Timestamp) -> Told {
    match verdict {
        Verdict::Accepted => payout.accept(now),
        Verdict::Open => Told::Known,
        Verdict::Rejected { code, text } => {
            let detail = text.clone().unwrap_or_else(|| "the bank will not pay it".to_owned());
            payout.reject(PayoutFailure { code: code.clone(), detail, due_again: day.to_owned() }, now)
        }
    }
}

async fn change(
    store: &(impl LoadPayout + SavePayout),
    clock: &impl Clock,
    key: &PayoutKey,
    verdict: &Verdict,
    day: &str,
) -> Result<(), Unavailable> {
    for _ in 0..MAX_TRIES {
        let missing = || Unavailable::new("the payouts table", format!("payout {key} is missing"));
        let payout = store.payout(key).await?.ok_or_else(missing)?;
        match told(payout, verdict, day, clock.now()) {
            Told::Known => return Ok(()),
            Told::Next(next) => {
                if store.save_payout(&next).await? == Saved::Done {
                    return Ok(());
                }
            }
            // It was possible a moment ago: someone else changed it since. The message is held against it anew.
            Told::Impossible => break,
        }
    }
    Err(Unavailable::new("the payouts table", "others are changing this payout"))
}
