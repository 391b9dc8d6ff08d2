//! Which URLs a webhook may be sent to. One strict spelling is taken and every other refused, so that no two readers of
//! the same text can disagree about its host.
//!
//! A name says nothing about its addresses: those are looked at again when it is resolved, by
//! [`crate::webhook_address::is_global`].

use crate::webhook_address::is_global;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest URL, in bytes.
pub const MAX_URL: usize = 1024;
/// The ports that may be named. Few, so that nobody probes other services through us.
const PORTS: [u16; 2] = [443, 8443];
/// The longest DNS name and label (RFC 1035).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Last labels of names that are not the internet's: special-use names (RFC 6761, 6762, 7686, 8375, 9476), and what is in
/// use inside of companies and clouds.
const PRIVATE_TOPS: [&str; 18] = [
    "alt",
    "arpa",
    "corp",
    "domain",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "mail",
    "onion",
    "private",
    "test",
    "workgroup",
];

/// Why a URL is refused. The sentence says what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefused {
    /// Too long, or signs that a URL does not have.
    #[error("expected at most {MAX_URL} visible ASCII characters without backslash, quotes and angle brackets")]
    Characters,
    /// Another scheme.
    #[error("expected https://")]
    Scheme,
    /// A user or a password.
    #[error("expected no user name and no password")]
    User,
    /// A fragment.
    #[error("expected no fragment (#...)")]
    Fragment,
    /// A port that is not served.
    #[error("expected port 443 or 8443")]
    Port,
    /// No host, or a spelling of one that is not taken.
    #[error("expected a DNS name with a dot, an IPv4 address as four decimal numbers, or an IPv6 address in brackets")]
    Host,
    /// A name of some private network.
    #[error("expected a name of the public DNS")]
    PrivateName,
    /// An address of some private network.
    #[error("expected an address of the public internet")]
    PrivateAddress,
}

/// Where a webhook is sent to: `https`, a public host, a port that is served.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct WebhookUrl(#[cfg_attr(feature = "schema", schemars(url, length(max = MAX_URL)))] String);

/// The one authority (`127.0.0.1:9300`) that may be spoken to without TLS and on the loopback: the local stack's tests'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestReceiver(String);

impl TestReceiver {
    /// An IPv4 loopback address with a port; `None` for an empty text, which allows nothing.
    pub fn parse(text: &str) -> Result<Option<Self>, UrlRefused> {
        if text.is_empty() {
            return Ok(None);
        }
        let address: std::net::SocketAddrV4 = text.parse().map_err(|_| UrlRefused::Host)?;
        if address.ip().is_loopback() { Ok(Some(Self(text.to_owned()))) } else { Err(UrlRefused::Host) }
    }

    fn allows(&self, text: &str) -> bool {
        let rest = text.strip_prefix("http://").and_then(|rest| rest.strip_prefix(self.0.as_str()));
        rest.is_some_and(|path| path.starts_with('/') && !path.contains('#'))
    }
}

impl WebhookUrl {
    /// Takes the text if it keeps every rule, or if it lies at the test receiver.
    pub fn parse(text: &str, receiver: Option<&TestReceiver>) -> Result<Self, UrlRefused> {
        let sign = |byte: u8| {
            byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
        };
        if text.len() > MAX_URL || !text.bytes().all(sign) {
            return Err(UrlRefused::Characters);
        }
        if receiver.is_some_and(|receiver| receiver.allows(text)) {
            return Ok(Self(text.to_owned()));
        }
        let rest = text.strip_prefix("https://").ok_or(UrlRefused::Scheme)?;
        if rest.contains('#') {
            return Err(UrlRefused::Fragment);
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let authority = &rest[..end];
        if authority.contains('@') {
            return Err(UrlRefused::User);
        }
        check_host(without_port(authority)?)?;
        Ok(Self(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The host of an authority whose port, if it names one, is served.
fn without_port(authority: &str) -> Result<&str, UrlRefused> {
    let after_host =
        if authority.starts_with('[') { authority.find(']').map_or(authority.len(), |end| end + 1) } else { 0 };
    let Some(colon) = authority[after_host..].find(':').map(|place| after_host + place) else {
        return Ok(authority);
    };
    let port = &authority[colon + 1..];
    // Compared as text: no second spelling of a number.
    if PORTS.iter().any(|known| known.to_string() == port) { Ok(&authority[..colon]) } else { Err(UrlRefused::Port) }
}

fn check_host(host: &str) -> Result<(), UrlRefused> {
    if let Some(inner) = host.strip_prefix('[') {
        let address: Ipv6Addr = inner.strip_suffix(']').and_then(|text| text.parse().ok()).ok_or(UrlRefused::Host)?;
        return check_address(IpAddr::V6(address));
    }
    // Four decimal numbers without leading zeros, and nothing else, are an address to `Ipv4Addr`.
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return check_address(IpAddr::V4(address));
    }
    check_name(host)
}

fn check_address(address: IpAddr) -> Result<(), UrlRefused> {
    if is_global(address) { Ok(()) } else { Err(UrlRefused::PrivateAddress) }
}

fn check_name(name: &str) -> Result<(), UrlRefused> {
    let name = name.to_ascii_lowercase();
    let labels: Vec<&str> = name.split('.').collect();
    let good = |label: &&str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > MAX_NAME || !labels.iter().all(good) {
        return Err(UrlRefused::Host);
    }
    let top = labels.last().copied().unwrap_or_default();
    if PRIVATE_TOPS.contains(&top) {
        return Err(UrlRefused::PrivateName);
    }
    // A top-level domain begins with a letter and is no number, of whatever base: `127.1`, `0x7f.1`, `1.2.3.4.5`.
    let letters = top.bytes().all(|byte| byte.is_ascii_alphabetic()) || top.starts_with("xn--");
    if labels.len() < 2 || top.len() < 2 || !letters {
        return Err(UrlRefused::Host);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const HOSTILE: &str = include_str!("webhook_url_refused.txt");
    const GOOD: &str = include_str!("webhook_url_accepted.txt");

    fn rows(text: &str) -> impl Iterator<Item = &str> {
        text.lines().filter(|line| !line.is_empty() && !line.starts_with("# "))
    }

    /// `\xNN` and `\u{...}` stand for what an editor would not show.
    fn unescaped(row: &str) -> String {
        let mut text = String::new();
        let mut rest = row;
        while let Some((before, after)) = rest.split_once("\\u{") {
            let (digits, after) = after.split_once('}').expect(row);
            text.push_str(before);
            text.push(u32::from_str_radix(digits, 16).ok().and_then(char::from_u32).expect(row));
            rest = after;
        }
        text + rest
    }

    #[test]
    fn every_hostile_url_is_refused_for_its_reason() {
        let receiver = TestReceiver::parse("127.0.0.1:9300").expect("a receiver");
        let mut seen = BTreeSet::new();
        for row in rows(HOSTILE) {
            let (reason, text) = row.split_once('\t').expect(row);
            let text = unescaped(text);
            for receiver in [None, receiver.as_ref()] {
                let refused = WebhookUrl::parse(&text, receiver).expect_err(&text);
                assert_eq!(format!("{refused:?}"), reason, "{text}");
            }
            assert!(seen.insert(text), "twice: {row}");
        }
        assert!(seen.len() >= 200, "{} hostile URLs", seen.len());
    }

    #[test]
    fn good_urls_are_taken_as_they_are() {
        for text in rows(GOOD) {
            assert_eq!(WebhookUrl::parse(text, None).map(|url| url.to_string()), Ok(text.to_owned()));
        }
        assert!(rows(GOOD).count() >= 15);
    }

    #[test]
    fn only_the_test_receivers_own_authority_goes_without_tls() {
        let receiver = TestReceiver::parse("127.0.0.1:9300").expect("a receiver");
        let check = |text: &str, taken: bool| {
            assert_eq!(WebhookUrl::parse(text, receiver.as_ref()).is_ok(), taken, "{text}");
            assert!(WebhookUrl::parse(text, None).is_err(), "{text}");
        };
        check("http://127.0.0.1:9300/a?b=c", true);
        check("http://127.0.0.1:9300", false);
        check("http://127.0.0.1:93000/", false);
        check("http://127.0.0.1:9300@evil.com/", false);
        check("http://127.0.0.1:9300.evil.com/", false);
        check("http://127.0.0.1:9301/", false);
        check("https://127.0.0.1:9300/", false);
        check("http://127.0.0.1:9300/#a", false);
        for text in ["10.0.0.1:80", "example.com:80", "127.0.0.1", "[::1]:80"] {
            assert!(TestReceiver::parse(text).is_err(), "{text}");
        }
        assert_eq!(TestReceiver::parse(""), Ok(None));
    }
}
