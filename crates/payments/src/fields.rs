//! The fields of a JSON document from outside: read one by one, so that every error names its field. It knows no document.

use crate::card::CardNumber;
use crate::problem::FieldError;
use crate::secret::Secret;
use serde_json::{Map, Value};

/// The document as an object.
pub(crate) fn object(body: &Value) -> Result<&Map<String, Value>, Vec<FieldError>> {
    body.as_object().ok_or_else(|| vec![FieldError::new("(body)", "expected a JSON object")])
}

/// Reads fields of a JSON object and remembers what was wrong.
pub(crate) struct Fields<'a> {
    object: &'a Map<String, Value>,
    prefix: String,
    /// What was wrong so far.
    pub(crate) errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// The fields of `object`, whose path is `prefix`; each that is not `known` is wrong already.
    pub(crate) fn of(object: &'a Map<String, Value>, prefix: &str, known: &[&str]) -> Self {
        let unknown = object.keys().filter(|name| !known.contains(&name.as_str()));
        let expected = match known {
            [] => "unknown field: expected none".to_owned(),
            known => format!("unknown field: expected {}", known.join(", ")),
        };
        let errors = unknown.map(|name| FieldError::new(format!("{prefix}{}", shown(name)), &expected)).collect();
        Self { object, prefix: prefix.to_owned(), errors }
    }

    /// The field read by `read`; an error saying `expected` if it is missing or not read.
    pub(crate) fn required<T>(&mut self, name: &str, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let value = self.object.get(name).filter(|value| !value.is_null()).and_then(read);
        if value.is_none() {
            self.errors.push(FieldError::new(format!("{}{name}", self.prefix), expected));
        }
        value
    }

    /// What was read, if nothing was wrong.
    pub(crate) fn finish<T>(self, read: T) -> Result<T, Vec<FieldError>> {
        if self.errors.is_empty() { Ok(read) } else { Err(self.errors) }
    }

    /// The same for a field that may be missing.
    pub(crate) fn optional<T>(&mut self, name: &str, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        match self.object.get(name) {
            None => None,
            // A null too is read, and refused: API Gateway's validator, where there is one, knows no null.
            Some(_) => self.required(name, expected, read),
        }
    }
}

/// A name that a client made up, cut short: it may hold anything, a card number too.
pub(crate) fn shown(name: &str) -> &str {
    let harmless = name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if harmless { name } else { "(another field)" }
}

/// Whether a free text holds a run of digits that could be a card number (PCI DSS 3.5.1: it must not be stored so).
pub(crate) fn holds_card_number(text: &str) -> bool {
    let digits: String = text.chars().filter(|sign| !matches!(sign, ' ' | '-' | '.')).collect();
    digits
        .split(|sign: char| !sign.is_ascii_digit())
        .any(|run| CardNumber::try_new(Secret::new(run.to_owned())).is_ok())
}
