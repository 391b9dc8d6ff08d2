//! The network's own tariff: what it takes of a capture, by the card's first digits. Written apart from what the rest of the
//! project expects it to cost, so that a comparison of the two books means something.

use payments::secret::Secret;

/// Ten-thousandths of each capture, by how a number begins; the first line that fits counts.
const LINES: [(&str, u32); 16] = [
    // Issued at home.
    ("4000", 35),
    ("4242", 35),
    ("510510", 35),
    ("5555", 35),
    // Issued in the Economic Area.
    ("4012", 55),
    ("411111", 55),
    ("49", 55),
    ("52", 55),
    ("34", 210),
    ("37", 210),
    // The rest of Visa and Mastercard, and of everyone.
    ("4", 175),
    ("51", 175),
    ("53", 175),
    ("54", 175),
    ("55", 175),
    ("", 190),
];

/// What is taken of each capture from that card, in ten-thousandths.
pub(crate) fn rate(number: &Secret) -> u32 {
    let digits = number.expose();
    if let Some(rate) = second_series(digits) {
        return rate;
    }
    let line = LINES.iter().find(|(start, _)| digits.starts_with(start));
    line.map_or(0, |(_, rate)| *rate)
}

/// Mastercard's numbers from 2221 to 2720: those of the Economic Area end with 2299.
fn second_series(digits: &str) -> Option<u32> {
    match digits.get(..4)?.parse::<u16>().ok()? {
        2221..=2299 => Some(55),
        2300..=2720 => Some(175),
        _ => None,
    }
}

/// So many ten-thousandths of a capture, to the nearest minor unit; between two, the even one.
pub(crate) fn cost(captured: u64, rate: u32) -> u64 {
    let taken = u128::from(captured) * u128::from(rate);
    let (down, twice) = (taken / 10_000, 2 * (taken % 10_000));
    let nearest = if twice > 10_000 || (twice == 10_000 && !down.is_multiple_of(2)) { down + 1 } else { down };
    u64::try_from(nearest).unwrap_or(captured)
}
