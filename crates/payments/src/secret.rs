//! Bytes that must not be seen: no `Serialize`, a `Debug` that prints nothing, zeroed on drop.

use std::fmt;
use zeroize::Zeroizing;

/// Runs of digits at least this long are blotted out of messages: a card number has 12 or more.
const LONGEST_SHOWN_DIGITS: usize = 11;

/// A secret text, such as a card number. It is read by [`Secret::expose`] only, so that every reader can be found.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. The caller sees to it that it goes nowhere but to where it is needed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Blots out long runs of digits, so that no message can carry a card number that someone put in the wrong place.
pub fn blot_digits(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut run = String::new();
    for sign in text.chars().chain(std::iter::once('\n')) {
        if sign.is_ascii_digit() {
            run.push(sign);
            continue;
        }
        shown.push_str(if run.len() > LONGEST_SHOWN_DIGITS { "[digits]" } else { &run });
        run.clear();
        shown.push(sign);
    }
    shown.pop();
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_of_digits_are_blotted_out() {
        let check = |text: &str, shown: &str| assert_eq!(blot_digits(text), shown);
        check("card 4242424242424242 at 12345678901", "card [digits] at 12345678901");
        check("4242424242424242", "[digits]");
        check("", "");
    }
}
