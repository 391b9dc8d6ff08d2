//! A bank's XML as a tree of elements with their lines, held to the shapes of its schema: which children, in which order,
//! how often. Prefixes do not matter, namespaces and contents do.

use payments::amount::Amount;
use payments::currency::Currency;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// The longest file that we read: 8 MiB.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// How deep elements may be nested.
const MAX_DEPTH: usize = 32;

/// Why a file is refused, whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct FileError {
    /// Where, from 1.
    pub line: usize,
    /// Why.
    pub reason: String,
}

impl FileError {
    /// Refused at that line.
    pub fn new(line: usize, reason: impl Into<String>) -> Self {
        Self { line, reason: reason.into() }
    }
}

/// An element: its local name, its children or its text.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) line: usize,
    namespace: Option<String>,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

/// The children that an element may have, in their order: `Id Acct? Bal+ Ntry*`.
pub(super) type Shape = &'static str;

/// Parses a document and checks that it is the message wanted: its root is `Document` in the message's namespace.
pub(super) fn document(bytes: &[u8], message: &str) -> Result<Element, FileError> {
    if bytes.len() > MAX_BYTES {
        return Err(FileError::new(1, format!("the file is longer than {MAX_BYTES} bytes")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = error.valid_up_to();
        FileError::new(line_at(bytes, good), "not UTF-8")
    })?;
    let root = parse(text)?;
    let namespace = root.namespace.as_deref().unwrap_or_default();
    if root.name != "Document" || !namespace.ends_with(&format!(":{message}")) {
        let reason = format!("expected Document of {message}, found {} of {namespace:?}", root.name);
        return Err(FileError::new(root.line, reason));
    }
    Ok(root)
}

fn line_at(bytes: &[u8], position: usize) -> usize {
    bytes[..position.min(bytes.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

fn parse(text: &str) -> Result<Element, FileError> {
    let bytes = text.as_bytes();
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    // Where the next event begins, and how many lines were before it: counted once per event, not from the start.
    let (mut position, mut line) = (0, 1);
    loop {
        let begin = position;
        let event = reader.read_event().map_err(|error| {
            let at = usize::try_from(reader.error_position()).unwrap_or(begin);
            FileError::new(line_at(bytes, at), format!("not well formed: {error}"))
        })?;
        position = usize::try_from(reader.buffer_position()).unwrap_or(bytes.len());
        let began_at = line;
        line += bytes[begin..position.min(bytes.len())].iter().filter(|byte| **byte == b'\n').count();
        let malformed = |reason: String| FileError::new(began_at, format!("not well formed: {reason}"));
        match event {
            Event::Start(start) => {
                if root.is_some() || open.len() == MAX_DEPTH {
                    return Err(malformed("a second root, or elements nested too deep".to_owned()));
                }
                open.push(element(&start, began_at)?);
            }
            Event::Empty(start) => {
                let element = element(&start, began_at)?;
                close(element, &mut open, &mut root).map_err(|reason| malformed(reason.to_owned()))?;
            }
            Event::End(_) => {
                let element = open.pop().ok_or_else(|| malformed("an end without a start".to_owned()))?;
                close(element, &mut open, &mut root).map_err(|reason| malformed(reason.to_owned()))?;
            }
            Event::Text(text) => {
                let text = text.decode().map_err(|error| malformed(error.to_string()))?;
                append(&text, &mut open).map_err(|reason| malformed(reason.to_owned()))?;
            }
            Event::CData(text) => {
                let text = text.decode().map_err(|error| malformed(error.to_string()))?;
                append(&text, &mut open).map_err(|reason| malformed(reason.to_owned()))?;
            }
            Event::GeneralRef(reference) => {
                let text = match reference.resolve_char_ref().map_err(|error| malformed(error.to_string()))? {
                    Some(character) => character.to_string(),
                    None => named(&reference).ok_or_else(|| malformed("an unknown entity".to_owned()))?.to_owned(),
                };
                append(&text, &mut open).map_err(|reason| malformed(reason.to_owned()))?;
            }
            // A document type may name files and grow without bound: no bank's message has one.
            Event::DocType(_) => return Err(malformed("a document type is not taken".to_owned())),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if let Some(unclosed) = open.last() {
        return Err(FileError::new(line, format!("not well formed: {} is never closed", unclosed.name)));
    }
    root.ok_or_else(|| FileError::new(line, "not well formed: there is no element"))
}

fn named(reference: &[u8]) -> Option<&'static str> {
    match reference {
        b"amp" => Some("&"),
        b"lt" => Some("<"),
        b"gt" => Some(">"),
        b"quot" => Some("\""),
        b"apos" => Some("'"),
        _ => None,
    }
}

fn element(start: &BytesStart<'_>, line: usize) -> Result<Element, FileError> {
    let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
    let prefix = start.name().prefix().map(|prefix| String::from_utf8_lossy(prefix.as_ref()).into_owned());
    let declaration = prefix.map_or_else(|| "xmlns".to_owned(), |prefix| format!("xmlns:{prefix}"));
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| FileError::new(line, format!("not well formed: {error}")))?;
        let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        let value =
            attribute.unescape_value().map_err(|error| FileError::new(line, format!("not well formed: {error}")))?;
        attributes.push((key, value.into_owned()));
    }
    let namespace = attributes.iter().find(|(key, _)| *key == declaration).map(|(_, value)| value.clone());
    Ok(Element { name, line, namespace, attributes, children: Vec::new(), text: String::new() })
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) -> Result<(), &'static str> {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None if root.is_none() => *root = Some(element),
        None => return Err("a second root"),
    }
    Ok(())
}

fn append(text: &str, open: &mut [Element]) -> Result<(), &'static str> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err("text outside of the root"),
    }
    Ok(())
}

impl Element {
    /// Holds the element to its schema's shape.
    pub(super) fn shaped(&self, shape: Shape) -> Result<&Self, FileError> {
        if !self.text.trim().is_empty() {
            return Err(self.refuse("holds text where its schema has elements"));
        }
        let parts = || shape.split_ascii_whitespace().map(|part| part.trim_end_matches(['?', '*', '+']));
        if let Some(foreign) = self.children.iter().find(|child| !parts().any(|name| name == child.name)) {
            return Err(foreign.refuse(&format!("is not part of {}", self.name)));
        }
        let mut children = self.children.iter().peekable();
        for part in shape.split_ascii_whitespace() {
            let name = part.trim_end_matches(['?', '*', '+']);
            let mut count = 0;
            while let Some(child) = children.next_if(|child| child.name == name) {
                count += 1;
                if count > 1 && !part.ends_with(['*', '+']) {
                    return Err(child.refuse("stands here once too often"));
                }
            }
            if count == 0 && !part.ends_with(['?', '*']) {
                return Err(self.refuse(&format!("has no {name}, or not in its place")));
            }
        }
        match children.next() {
            Some(child) => Err(child.refuse(&format!("has another place in {}", self.name))),
            None => Ok(self),
        }
    }

    /// The child of that name, which must be there.
    pub(super) fn child(&self, name: &str) -> Result<&Self, FileError> {
        self.optional(name).ok_or_else(|| self.refuse(&format!("has no {name}")))
    }

    /// The child of that name.
    pub(super) fn optional(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of that name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The descendant on that path, each step the first of its name.
    pub(super) fn find(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.optional(name))
    }

    /// An attribute's value.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The text, 1 to `length` characters, without elements.
    pub(super) fn text(&self, length: usize) -> Result<&str, FileError> {
        let text = self.text.trim();
        if !self.children.is_empty() || !(1..=length).contains(&text.chars().count()) {
            return Err(self.refuse(&format!("expected text of 1 to {length} characters")));
        }
        Ok(text)
    }

    /// The text of the descendant on that path, if it is there.
    pub(super) fn text_at(&self, path: &[&str], length: usize) -> Result<Option<&str>, FileError> {
        self.find(path).map(|element| element.text(length)).transpose()
    }

    /// A whole number.
    pub(super) fn number(&self) -> Result<u64, FileError> {
        let text = self.text(15)?;
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits).ok_or_else(|| self.refuse("expected at most 15 digits"))
    }

    /// Minor units of a decimal in that currency; more decimals than it has are refused, zeros aside.
    pub(super) fn minor(&self, currency: Currency) -> Result<u64, FileError> {
        let text = self.text(19)?;
        let wrong = || self.refuse(&format!("expected an amount in {currency}, such as {}", sample(currency)));
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(part) || text.ends_with('.') {
            return Err(wrong());
        }
        let width = currency.exponent() as usize;
        let (kept, rest) = part.split_at(width.min(part.len()));
        if rest.bytes().any(|byte| byte != b'0') {
            return Err(wrong());
        }
        let minor = format!("{whole}{kept:0<width$}").parse().map_err(|_| wrong())?;
        Amount::try_new(minor, currency).map(|amount| amount.minor()).map_err(|_| wrong())
    }

    /// An amount that must be in that currency.
    pub(super) fn amount(&self, currency: Currency) -> Result<Amount, FileError> {
        if self.attribute("Ccy") != Some(currency.code()) {
            return Err(self.refuse(&format!("expected Ccy=\"{currency}\", the account's currency")));
        }
        let minor = self.minor(currency)?;
        Amount::try_new(minor, currency).map_err(|_| self.refuse("the amount is too large"))
    }

    /// The day of a date or of a moment.
    pub(super) fn day(&self) -> Result<String, FileError> {
        let text = self.text(40)?;
        let day = text.get(..10).unwrap_or_default();
        let dated = payments::timestamp::Timestamp::parse_rfc3339(&format!("{day}T00:00:00Z")).is_ok();
        let rest = text.get(10..).unwrap_or_default();
        if dated && (rest.is_empty() || rest.starts_with('T')) {
            return Ok(day.to_owned());
        }
        Err(self.refuse("expected a date, YYYY-MM-DD, or a moment"))
    }

    /// Why the element is refused.
    pub(super) fn refuse(&self, reason: &str) -> FileError {
        FileError::new(self.line, format!("{}: {reason}", self.name))
    }
}

fn sample(currency: Currency) -> &'static str {
    match currency.exponent() {
        0 => "12",
        3 => "12.345",
        _ => "12.34",
    }
}
