//! Bodies as Stripe takes them, `application/x-www-form-urlencoded`. One may hold a card number: it is zeroed when it was
//! sent, and never shown.

use hyper::body::Bytes;
use zeroize::Zeroizing;

/// Room for every body of ours: a string that grows would leave copies of its beginning behind.
const ROOM: usize = 2048;

/// A body. It has no `Debug`.
pub(super) struct Form(Zeroizing<String>);

impl Form {
    pub(super) fn new() -> Self {
        Self(Zeroizing::new(String::with_capacity(ROOM)))
    }

    pub(super) fn field(mut self, name: &str, value: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.write(name);
        self.0.push('=');
        self.write(value);
        self
    }

    fn write(&mut self, text: &str) {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                self.0.push(char::from(byte));
            } else {
                self.0.push('%');
                self.0.push(char::from(DIGITS[usize::from(byte >> 4)]));
                self.0.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }

    pub(super) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plain_sign_is_escaped() {
        let form = Form::new().field("card[number]", "4242").field("metadata[florin_key]", "pay_1:cap_2:1&é");
        let expected = "card%5Bnumber%5D=4242&metadata%5Bflorin_key%5D=pay_1%3Acap_2%3A1%26%C3%A9";
        assert_eq!(form.into_bytes(), expected);
    }
}
