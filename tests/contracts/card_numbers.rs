//! No file of the repository holds a card number that somebody could own.

use crate::files::{none, output, root};

/// Public test numbers, which no issuer gives out: number, what happens to a payment with it.
pub const PUBLIC: [(&str, &str); 13] = [
    ("4242424242424242", "approved, Visa"),
    ("5555555555554444", "approved, Mastercard"),
    ("2223003122003222", "approved, Mastercard of the second range"),
    ("378282246310005", "approved, American Express"),
    ("6011111111111117", "approved, Discover"),
    ("4000000000000002", "DoNotHonor"),
    ("4000000000009995", "InsufficientFunds"),
    ("4000000000009987", "LostCard"),
    ("4000000000009979", "StolenCard"),
    ("4000000000000069", "ExpiredCard"),
    ("4000000000000127", "IncorrectCvc"),
    ("4000000000000119", "ProcessingError"),
    ("4000002500003155", "Authenticates"),
];

/// A public test number of Stripe's that means nothing to the simulated network: declined when it is charged.
const STRIPES: &str = "4000000000000341";

/// The simulated network's own numbers, by their first fifteen digits.
pub const SIMULATED: [(&str, &str); 9] = [
    ("400000990000010", "LostAnswer"),
    ("400000990000020", "LateAnswer"),
    ("400000990000030", "Outage"),
    ("400000990000040", "Duplicate"),
    ("400000990000050", "Down"),
    ("400000990000060", "CaptureRefused"),
    ("400000990000070", "RefundRefused"),
    ("400000990000080", "Fails"),
    ("400000990000090", "StaysAway"),
];

/// Files whose numbers are made up in bulk or are no card numbers: path, why.
const EXCEPTIONS: [(&str, &str); 2] = [
    ("events/payments/demo.jsonl", "made-up numbers for test mode, several hundred of them"),
    ("Cargo.lock", "hexadecimal checksums have runs of digits"),
];

#[test]
fn no_tracked_file_holds_a_foreign_card_number() {
    let mut findings = Vec::new();
    // Also what is new and not ignored: a number must not get as far as a commit.
    let listed = output("git", &["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
    let paths = listed.split('\0').filter(|path| !path.is_empty());
    for path in paths.filter(|path| !EXCEPTIONS.iter().any(|(exception, _)| exception == path)) {
        // What is deleted is not there, and what is not text has no lines.
        let Ok(text) = std::fs::read_to_string(root().join(path)) else { continue };
        for (index, line) in text.lines().enumerate() {
            if runs(line).any(is_foreign) {
                findings.push(format!("{path}:{}", index + 1));
            }
        }
    }
    none(&findings, "use a public test number (see PUBLIC); the digits are not shown here, look in:");
}

#[test]
fn a_foreign_card_number_would_be_found() {
    // Twelve digits, so that this list holds no card number itself.
    let check = |first: &str, expected: bool| {
        let number = with_check_digit(first);
        let line = format!("card {number}, key 12345");
        assert_eq!(runs(&line).any(is_foreign), expected, "mend is_foreign() for numbers that start {}", &first[..2]);
        assert!(!runs(&format!("{line}{number}{number}")).skip(1).any(is_foreign), "a longer run is no card number");
    };
    check(&PUBLIC[0].0[..15], false);
    check(SIMULATED[0].0, false);
    check("455555555555", true);
    check("510510510510", true);
    check("371449635398", true);
    check("601100099013", true);
    check("955555555555", false);
}

/// The digits of a number and the one that makes it pass the check.
fn with_check_digit(first: &str) -> String {
    let mut numbers = ('0'..='9').map(|digit| format!("{first}{digit}"));
    numbers.find(|number| passes_check(number)).expect("one digit of ten passes")
}

fn runs(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character: char| !character.is_ascii_digit()).filter(|run| !run.is_empty())
}

fn is_foreign(run: &str) -> bool {
    let issued = ["4", "5", "37", "6011"].into_iter().any(|start| run.starts_with(start));
    let listed = run == STRIPES
        || PUBLIC.iter().any(|(number, _)| *number == run)
        || SIMULATED.iter().any(|(start, _)| run.starts_with(start));
    (13..=19).contains(&run.len()) && issued && passes_check(run) && !listed
}

/// Luhn's check: every second digit from the right counts twice, and the sum ends in 0.
fn passes_check(number: &str) -> bool {
    let digits = number.bytes().rev().map(|byte| u32::from(byte - b'0'));
    let sum: u32 = digits
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, double @ 0..=9) => double,
            (_, double) => double - 9,
        })
        .sum();
    sum.is_multiple_of(10)
}
