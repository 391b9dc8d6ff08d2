//! Card numbers that pass the check digit: random ones for each test, and the simulated network's own.

/// A number nobody used before; the network approves it.
pub fn fresh() -> String {
    let mut bytes = [0; 9];
    getrandom::fill(&mut bytes).unwrap();
    let digits: String = bytes.iter().map(|byte| char::from(b'0' + byte % 10)).collect();
    with_check_digit(&format!("411111{digits}"))
}

/// Fifteen digits and their check digit (Luhn).
pub fn with_check_digit(digits: &str) -> String {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            let weighed = if place % 2 == 0 { 2 * digit } else { digit };
            weighed / 10 + weighed % 10
        })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// A text nobody used before: 24 hexadecimal digits.
pub fn unique() -> String {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_check_digit_is_luhns() {
    assert_eq!(with_check_digit("555555555555444").as_bytes().last(), Some(&b'4'));
    assert_eq!(with_check_digit("400000000000000").as_bytes().last(), Some(&b'2'));
    assert_eq!(with_check_digit("555555555555444").as_bytes().last(), Some(&b'4'));
}
