//! What field 39 says, in our words. A code that is not listed is a hard no to a hold: an unknown no is not tried again.

use payments::gateway::{Authorization, CaptureAnswer, Checks, DeclineCode, NoAnswer, RefundAnswer, VoidAnswer};

/// Done, as it was asked.
const DONE: [&str; 3] = ["00", "11", "16"];
/// Something was approved, but not what was asked: with identification, in part, without cash.
const OTHERWISE: [&str; 5] = ["08", "10", "32", "85", "87"];
/// The order was seen, and what it did is not said: it is being carried out, its answer came too late, or it is a duplicate.
const UNSAID: [&str; 3] = ["09", "68", "94"];
/// It could not be carried out now.
const NOT_NOW: [&str; 10] = ["06", "19", "20", "22", "23", "28", "90", "91", "92", "96"];
/// There is nothing to undo.
const NO_RECORD: &str = "25";
/// It cannot be undone any more.
const NO_ACTION: &str = "21";

/// The issuer's answer to a hold, which the gateway will know by that reference.
pub(super) fn authorization(code: &str, reference: impl FnOnce() -> String) -> Result<Authorization, NoAnswer> {
    if DONE.contains(&code) {
        return Ok(Authorization::Approved { reference: reference(), checks: Checks::default() });
    }
    if OTHERWISE.contains(&code) || UNSAID.contains(&code) {
        return Err(unsaid(code));
    }
    Ok(Authorization::Declined { code: decline(code) })
}

/// The answer to an advice of a capture.
pub(super) fn capture(code: &str, reference: &str) -> Result<CaptureAnswer, NoAnswer> {
    Ok(if done(code)? { CaptureAnswer::Captured { reference: reference.to_owned() } } else { CaptureAnswer::Refused })
}

/// The answer to a refund.
pub(super) fn refund(code: &str, reference: &str) -> Result<RefundAnswer, NoAnswer> {
    Ok(if done(code)? { RefundAnswer::Refunded { reference: reference.to_owned() } } else { RefundAnswer::Refused })
}

/// The answer to a reversal. Nothing else lets a hold go: any other no is asked again.
pub(super) fn void(code: &str, reference: &str) -> Result<VoidAnswer, NoAnswer> {
    match code {
        NO_ACTION => Ok(VoidAnswer::AlreadyCaptured { reference: reference.to_owned() }),
        NO_RECORD => Ok(VoidAnswer::Voided),
        code if DONE.contains(&code) => Ok(VoidAnswer::Voided),
        code => Err(unsaid(code)),
    }
}

/// Done, or refused for good.
fn done(code: &str) -> Result<bool, NoAnswer> {
    if OTHERWISE.contains(&code) || UNSAID.contains(&code) || NOT_NOW.contains(&code) {
        return Err(unsaid(code));
    }
    Ok(DONE.contains(&code))
}

fn unsaid(code: &str) -> NoAnswer {
    NoAnswer::Unknown(format!("response code {code}"))
}

fn decline(code: &str) -> DeclineCode {
    match code {
        "51" | "61" => DeclineCode::InsufficientFunds,
        "41" => DeclineCode::LostCard,
        "04" | "07" | "34" | "43" => DeclineCode::StolenCard,
        "33" | "54" => DeclineCode::ExpiredCard,
        "82" | "N7" => DeclineCode::IncorrectCvc,
        "1A" | "65" => DeclineCode::AuthenticationRequired,
        code if NOT_NOW.contains(&code) => DeclineCode::ProcessingError,
        _ => DeclineCode::DoNotHonor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is tried again, declined softly or hard, or done.
    #[test]
    fn every_code_of_a_hold_has_a_word_and_is_soft_or_hard() {
        use DeclineCode::*;
        const SOFT: bool = true;
        const HARD: bool = false;
        let rows: &[(DeclineCode, bool, &str)] = &[
            (InsufficientFunds, SOFT, "51 61"),
            (ProcessingError, SOFT, "06 19 20 22 23 28 90 91 92 96"),
            (AuthenticationRequired, SOFT, "1A 65"),
            (LostCard, HARD, "41"),
            (StolenCard, HARD, "04 07 34 43"),
            (ExpiredCard, HARD, "33 54"),
            (IncorrectCvc, HARD, "82 N7"),
            (
                DoNotHonor,
                HARD,
                "01 02 03 05 12 13 14 15 17 18 21 24 25 26 27 29 30 31 35 36 37 38 39 40 42 44 52 53 55 56 57 58 59 60 62 \
                 63 64 66 67 75 76 77 78 79 93 95 97 98 99 R0 R1 R3 Z9",
            ),
        ];
        for (ours, soft, codes) in rows {
            for code in codes.split_ascii_whitespace() {
                let answer = authorization(code, String::new).expect(code);
                assert_eq!(answer, Authorization::Declined { code: *ours }, "{code}");
                assert_eq!(ours.is_soft(), *soft, "{code}");
            }
        }
        for code in DONE {
            assert!(matches!(authorization(code, String::new), Ok(Authorization::Approved { .. })), "{code}");
        }
        for code in OTHERWISE.iter().chain(&UNSAID) {
            assert!(matches!(authorization(code, String::new), Err(NoAnswer::Unknown(_))), "{code}");
        }
    }

    /// Done, refused, captured already (for a void), or unknown, for a capture, a refund and a void.
    #[test]
    fn every_code_of_what_follows_a_hold_is_done_refused_or_asked_again() {
        let words = |code: &str| {
            let capture = match capture(code, "") {
                Ok(CaptureAnswer::Captured { .. }) => "done",
                Ok(CaptureAnswer::Refused) => "refused",
                Err(_) => "unknown",
            };
            let refund = match refund(code, "") {
                Ok(RefundAnswer::Refunded { .. }) => "done",
                Ok(RefundAnswer::Refused) => "refused",
                Err(_) => "unknown",
            };
            let void = match void(code, "") {
                Ok(VoidAnswer::Voided) => "done",
                Ok(VoidAnswer::AlreadyCaptured { .. }) => "captured",
                Err(_) => "unknown",
            };
            [capture, refund, void]
        };
        let check = |codes: &str, expected: [&str; 3]| {
            codes.split_ascii_whitespace().for_each(|code| assert_eq!(words(code), expected, "{code}"));
        };
        check("00 11 16", ["done"; 3]);
        check("21", ["refused", "refused", "captured"]);
        check("25", ["refused", "refused", "done"]);
        check("05 12 13 14 30 51 61 Z9", ["refused", "refused", "unknown"]);
        check("06 08 09 10 19 20 22 23 28 32 68 85 87 90 91 92 94 96", ["unknown"; 3]);
    }
}
