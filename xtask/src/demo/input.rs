//! The demo's file: one payment per line, with the card that a client would type in. It refuses to show a card.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One payment to make. No `Debug`: it holds a card.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The Idempotency-Key.
    pub key: String,
    /// The merchant that sells.
    pub merchant: String,
    /// Minor units.
    pub amount: u64,
    /// ISO 4217 code.
    pub currency: String,
    /// `automatic` or `manual`; the API's own default if absent.
    #[serde(default)]
    pub capture_method: Option<String>,
    /// The merchant's own name for it.
    #[serde(default)]
    pub reference: Option<String>,
    /// The card.
    pub card: Card,
    /// What is done to the payment once it rests, in this order.
    #[serde(default)]
    pub then: Vec<Then>,
}

/// Something to do to a payment.
#[derive(Deserialize)]
pub struct Then {
    /// What.
    #[serde(rename = "do")]
    pub kind: Kind,
    /// The request's body, as it is.
    #[serde(flatten)]
    pub body: Map<String, Value>,
}

/// What can be done to a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Take money that is held.
    Capture,
    /// Let a hold go.
    Cancel,
    /// Give money back.
    Refund,
    /// Decide for the risk side.
    Review,
}

impl Kind {
    /// The end of its path in the API.
    pub fn path(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Cancel => "cancel",
            Self::Refund => "refunds",
            Self::Review => "review",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Capture => "capture",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
            Self::Review => "review",
        })
    }
}

/// A card as typed in. No `Debug`.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    number: String,
    exp_month: u8,
    exp_year: u16,
    cvc: String,
}

impl Line {
    /// What tells it apart from every other line: two merchants may use the same key.
    pub fn name(&self) -> String {
        format!("{}/{}", self.merchant, self.key)
    }
}

/// Reads the file; each line must be told apart from the others.
pub fn read(path: &Path) -> Result<Vec<Line>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    parse(&text).with_context(|| format!("in {}", path.display()))
}

fn parse(text: &str) -> Result<Vec<Line>> {
    let mut lines: Vec<Line> = Vec::new();
    let mut names = BTreeSet::new();
    for (place, line) in text.lines().enumerate() {
        // The parser's own message may quote a card: only the place is told.
        let line: Line = serde_json::from_str(line).map_err(|error| {
            let (number, column) = (place + 1, error.column());
            anyhow::anyhow!("line {number}, column {column}: not a payment of the demo")
        })?;
        if !names.insert(line.name()) {
            bail!("line {}: the key {} was used before", place + 1, line.name());
        }
        lines.push(line);
    }
    if lines.is_empty() {
        bail!("no payments");
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"key":"k","merchant":"mer_a","amount":1,"currency":"EUR","card":{"number":"4242424242424242","exp_month":1,"exp_year":2030,"cvc":"123"}}"#;

    #[test]
    fn what_is_done_to_a_payment_is_read_with_its_body() {
        let then = r#""then":[{"do":"capture","amount":5,"final_capture":false},{"do":"cancel"}],"card""#;
        let lines = parse(&LINE.replace("\"card\"", then)).map_err(|error| error.to_string()).unwrap();
        let [capture, cancel] = lines[0].then.as_slice() else { panic!("two operations") };
        assert_eq!((capture.kind, capture.kind.path()), (Kind::Capture, "capture"));
        assert_eq!(Value::from(capture.body.clone()), serde_json::json!({ "amount": 5, "final_capture": false }));
        assert_eq!((cancel.kind, cancel.body.len()), (Kind::Cancel, 0));
        assert!(parse(&LINE.replace("\"card\"", r#""then":[{"do":"capture_all"}],"card""#)).is_err());
    }

    #[test]
    fn lines_are_read_and_a_wrong_one_is_told_without_its_card() {
        assert_eq!(parse(LINE).map(|lines| lines.len()).unwrap(), 1);
        let check = |text: &str, expected: &str| {
            let error = parse(text).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("4242"), "{error}");
        };
        check("", "no payments");
        check(&format!("{LINE}\n{LINE}"), "line 2: the key mer_a/k was used before");
        check(&LINE.replace("\"4242424242424242\"", "4242424242424242"), "line 1, column");
    }
}
