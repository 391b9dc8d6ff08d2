//! Messages on the wire: ISO 8583:1987 in ASCII, with binary bitmaps, and exactly the fields that we send or read. A message
//! with another field cannot be read, for nobody agreed on that field's length.

use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// The longest message: ours have some 200 bytes.
pub const MAX_MESSAGE: usize = 1024;
/// The first field of the second bitmap.
const SECOND: u8 = 65;
/// Where a bitmap ends.
const LAST: u8 = 128;

/// How a field is written.
#[derive(Clone, Copy)]
enum Form {
    /// So many digits.
    Digits(usize),
    /// So many letters, digits and spaces; spaces at the end are filling.
    Text(usize),
    /// Up to so many digits, behind their number in two digits.
    UpToDigits(usize),
}

/// The fields there are.
fn form(field: u8) -> Option<Form> {
    Some(match field {
        2 => Form::UpToDigits(19),
        3 | 11 | 12 => Form::Digits(6),
        4 => Form::Digits(12),
        7 => Form::Digits(10),
        13 | 14 => Form::Digits(4),
        22 | 49 | 70 => Form::Digits(3),
        32 => Form::UpToDigits(11),
        37 => Form::Text(12),
        38 => Form::Text(6),
        39 => Form::Text(2),
        41 => Form::Text(8),
        42 => Form::Text(15),
        90 => Form::Digits(42),
        _ => return None,
    })
}

/// What is wrong with a message. A field's value is never named: it may be a card number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    /// It does not begin with four digits.
    #[error("a message without its type")]
    Type,
    /// Nobody agreed on that field.
    #[error("field {0} is not agreed")]
    Unknown(u8),
    /// The field has not its form.
    #[error("field {0} has not its form")]
    Field(u8),
    /// It ends before its last field does.
    #[error("the message is cut short")]
    Short,
    /// It goes on after its last field, or is longer than any.
    #[error("the message is too long")]
    Long,
}

/// A message: its type, such as 100 for `0100`, and its fields.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    kind: u16,
    fields: BTreeMap<u8, Zeroizing<String>>,
}

impl fmt::Debug for Message {
    /// The type and which fields there are, never what they say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04} {:?}", self.kind, self.fields.keys())
    }
}

impl Message {
    /// Of that type, without fields.
    pub fn new(kind: u16) -> Self {
        Self { kind, fields: BTreeMap::new() }
    }

    /// With that field.
    pub fn with(mut self, field: u8, value: &str) -> Self {
        self.fields.insert(field, Zeroizing::new(value.to_owned()));
        self
    }

    /// The type.
    pub fn kind(&self) -> u16 {
        self.kind
    }

    /// A field.
    pub fn field(&self, field: u8) -> Option<&str> {
        self.fields.get(&field).map(|value| value.as_str())
    }

    /// The same message, said to be a repeat.
    pub fn repeated(mut self) -> Self {
        self.kind += 1;
        self
    }

    /// Its bytes.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, InvalidMessage> {
        let second = self.fields.keys().any(|field| *field >= SECOND);
        let mut bitmap = u128::from(second) << (LAST - 1);
        // As long as any: no half-written card number is left behind by growing.
        let mut body = Zeroizing::new(Vec::with_capacity(MAX_MESSAGE));
        for (field, value) in &self.fields {
            bitmap |= 1 << (LAST - field);
            write(*field, value, &mut body)?;
        }
        let bitmap = &bitmap.to_be_bytes()[..if second { 16 } else { 8 }];
        let kind = format!("{:04}", self.kind);
        if kind.len() != 4 {
            return Err(InvalidMessage::Type);
        }
        if 4 + bitmap.len() + body.len() > MAX_MESSAGE {
            return Err(InvalidMessage::Long);
        }
        Ok(Zeroizing::new([kind.as_bytes(), bitmap, &body].concat()))
    }

    /// Reads a whole message.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidMessage> {
        if bytes.len() > MAX_MESSAGE {
            return Err(InvalidMessage::Long);
        }
        let mut rest = bytes;
        let kind = take(&mut rest, 4)?.filter(|kind| fits(Form::Digits(4), kind)).ok_or(InvalidMessage::Type)?;
        let mut message = Self::new(kind.parse().map_err(|_| InvalidMessage::Type)?);
        let mut bitmap = u128::from(take_bitmap(&mut rest)?) << 64;
        if bitmap >> (LAST - 1) == 1 {
            bitmap |= u128::from(take_bitmap(&mut rest)?);
        }
        for field in (2..=LAST).filter(|field| bitmap >> (LAST - field) & 1 == 1) {
            message.fields.insert(field, Zeroizing::new(read(field, &mut rest)?.to_owned()));
        }
        if rest.is_empty() { Ok(message) } else { Err(InvalidMessage::Long) }
    }
}

fn write(field: u8, value: &str, to: &mut Vec<u8>) -> Result<(), InvalidMessage> {
    let form = form(field).ok_or(InvalidMessage::Unknown(field))?;
    if !fits(form, value) {
        return Err(InvalidMessage::Field(field));
    }
    match form {
        Form::Digits(_) => to.extend_from_slice(value.as_bytes()),
        Form::Text(length) => {
            to.extend_from_slice(value.as_bytes());
            to.resize(to.len() + length - value.len(), b' ');
        }
        Form::UpToDigits(_) => {
            to.extend_from_slice(format!("{:02}", value.len()).as_bytes());
            to.extend_from_slice(value.as_bytes());
        }
    }
    Ok(())
}

fn read<'a>(field: u8, rest: &mut &'a [u8]) -> Result<&'a str, InvalidMessage> {
    let form = form(field).ok_or(InvalidMessage::Unknown(field))?;
    let invalid = InvalidMessage::Field(field);
    let length = match form {
        Form::Digits(length) | Form::Text(length) => length,
        Form::UpToDigits(_) => {
            let length = take(rest, 2)?.filter(|length| fits(Form::Digits(2), length)).ok_or(invalid)?;
            length.parse().map_err(|_| invalid)?
        }
    };
    let value = take(rest, length)?.ok_or(invalid)?;
    let value = if matches!(form, Form::Text(_)) { value.trim_end_matches(' ') } else { value };
    if fits(form, value) { Ok(value) } else { Err(invalid) }
}

/// Whether the value can be written so.
fn fits(form: Form, value: &str) -> bool {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    match form {
        Form::Digits(length) => digits && value.len() == length,
        Form::Text(length) => {
            let printed = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ');
            printed && value.len() <= length && !value.ends_with(' ')
        }
        Form::UpToDigits(length) => digits && (1..=length).contains(&value.len()),
    }
}

/// So many bytes; `None` if they are no text.
fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<Option<&'a str>, InvalidMessage> {
    let (taken, after) = rest.split_at_checked(length).ok_or(InvalidMessage::Short)?;
    *rest = after;
    Ok(std::str::from_utf8(taken).ok())
}

fn take_bitmap(rest: &mut &[u8]) -> Result<u64, InvalidMessage> {
    let (taken, after) = rest.split_first_chunk::<8>().ok_or(InvalidMessage::Short)?;
    *rest = after;
    Ok(u64::from_be_bytes(*taken))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn messages_are_written_as_agreed_and_read_back() {
        let check = |message: Message, expected: &[&[u8]]| {
            let written = message.encode().expect("a message");
            assert_eq!(*written, bytes(expected), "{message:?}");
            assert_eq!(Message::decode(&written), Ok(message));
        };
        // 7 and 11 in the first half; 70 in the second, which the very first bit announces.
        let echo = Message::new(800).with(7, "1125035108").with(11, "000042").with(70, "301");
        let (first, second) = ([0x82, 0x20, 0, 0, 0, 0, 0, 0], [0x04, 0, 0, 0, 0, 0, 0, 0]);
        check(echo, &[b"0800", &first, &second, b"1125035108000042301"]);
        let hold = Message::new(100).with(2, "4242424242424242").with(4, "000000001999").with(41, "TERM1");
        check(hold, &[b"0100", &[0x50, 0, 0, 0, 0, 0x80, 0, 0], b"164242424242424242000000001999TERM1   "]);
        check(Message::new(110).with(39, "1A"), &[b"0110", &[0, 0, 0, 0, 2, 0, 0, 0], b"1A"]);
        check(Message::new(420).with(32, "123").repeated(), &[b"0421", &[0, 0, 0, 1, 0, 0, 0, 0], b"03123"]);
    }

    #[test]
    fn what_has_not_its_form_is_not_written() {
        let check = |field: u8, value: &str, expected: InvalidMessage| {
            assert_eq!(Message::new(100).with(field, value).encode(), Err(expected), "{field}");
        };
        check(2, "", InvalidMessage::Field(2));
        check(2, "42424242424242424242", InvalidMessage::Field(2));
        check(4, "1999", InvalidMessage::Field(4));
        check(4, "00000000199x", InvalidMessage::Field(4));
        check(41, "TERMINAL1", InvalidMessage::Field(41));
        check(37, "a-b", InvalidMessage::Field(37));
        check(90, "1", InvalidMessage::Field(90));
        check(52, "1", InvalidMessage::Unknown(52));
        assert_eq!(Message::new(12345).encode(), Err(InvalidMessage::Type));
    }

    #[test]
    fn what_has_not_its_form_is_not_read() {
        let none = [0; 8];
        let check = |parts: &[&[u8]], expected: InvalidMessage| {
            assert_eq!(Message::decode(&bytes(parts)), Err(expected), "{parts:?}");
        };
        check(&[], InvalidMessage::Short);
        check(&[b"0110"], InvalidMessage::Short);
        check(&[b"01x0", &none], InvalidMessage::Type);
        check(&[b"0110", &none, b"1"], InvalidMessage::Long);
        check(&[b"0110", &[0x80, 0, 0, 0, 0, 0, 0, 0], b"1"], InvalidMessage::Short);
        check(&[b"0110", &[0, 0, 0, 0, 0, 0, 0, 1], b"12345678"], InvalidMessage::Unknown(64));
        check(&[b"0110", &[0x10, 0, 0, 0, 0, 0, 0, 0], b"00000000199"], InvalidMessage::Short);
        check(&[b"0110", &[0x10, 0, 0, 0, 0, 0, 0, 0], b"00000000199x"], InvalidMessage::Field(4));
        check(&[b"0110", &[0x40, 0, 0, 0, 0, 0, 0, 0], b"+11"], InvalidMessage::Field(2));
        check(&[b"0110", &[0x40, 0, 0, 0, 0, 0, 0, 0], b"2012345678901234567890"], InvalidMessage::Field(2));
        check(&[b"0110", &[0x40, 0, 0, 0, 0, 0, 0, 0], b"991"], InvalidMessage::Short);
        check(&[b"0110", &[0, 0, 0, 0, 2, 0, 0, 0], &[0xff, 0xff]], InvalidMessage::Field(39));
        check(&[&[b'0'; MAX_MESSAGE + 1]], InvalidMessage::Long);
    }

    #[test]
    fn a_card_number_is_not_shown() {
        let message = Message::new(100).with(2, "4242424242424242");
        assert_eq!(format!("{message:?}"), "0100 [2]");
        let error = Message::new(100).with(2, "4242x").encode().expect_err("no number");
        assert!(!format!("{error} {error:?}").contains("4242"));
    }
}
