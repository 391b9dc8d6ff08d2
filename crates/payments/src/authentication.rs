//! What is kept of a cardholder's authentication (3-D Secure): where they are sent, where they come back to, and who bears
//! a fraud afterwards. Nobody here calls these addresses: a browser does.

use crate::gateway::GatewayName;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// How long a cardholder may take. A gateway's page rarely lasts longer, and nothing is held meanwhile.
pub const AUTHENTICATION_SECONDS: i64 = 60 * 60;
/// The longest address, in bytes.
pub const MAX_REDIRECT_URL: usize = 2048;

/// Where a browser may be sent: `https`, a host, no user, in signs that need no quoting anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String")]
pub struct RedirectUrl(#[cfg_attr(feature = "schema", schemars(url, length(max = MAX_REDIRECT_URL)))] String);

/// The text is no address that a browser may be sent to. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected https:// with a host, no user name, at most {MAX_REDIRECT_URL} visible ASCII characters")]
pub struct NoRedirectUrl;

impl RedirectUrl {
    /// Takes the text if it keeps every rule.
    pub fn parse(text: &str) -> Result<Self, NoRedirectUrl> {
        let sign = |byte: u8| {
            byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
        };
        let rest = text.strip_prefix("https://").ok_or(NoRedirectUrl)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let of_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
        let has_host = authority.starts_with(|sign: char| sign.is_ascii_alphanumeric() || sign == '[');
        let good = has_host && authority.bytes().all(of_host) && text.len() <= MAX_REDIRECT_URL;
        if good && text.bytes().all(sign) { Ok(Self(text.to_owned())) } else { Err(NoRedirectUrl) }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RedirectUrl {
    type Error = NoRedirectUrl;

    fn try_from(text: String) -> Result<Self, NoRedirectUrl> {
        Self::parse(&text)
    }
}

/// What the cardholder was asked for, once: kept for ever, because the first answer to the payment's request shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// Whose page asks.
    pub gateway: GatewayName,
    /// The page.
    pub url: RedirectUrl,
    /// Until when it may be answered.
    pub until: Timestamp,
}

/// Who bears a fraud on an authenticated card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("x-extensible" = true)))]
#[serde(rename_all = "snake_case")]
pub enum Liability {
    /// The card's issuer: the cardholder authenticated, or the issuer did not want to ask.
    Issuer,
    /// The merchant: authentication was tried, and shifted nothing.
    Merchant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_over_tls_to_a_host_and_to_nobody_s_account() {
        let good = [
            "https://shop.example/return?order=7#done",
            "https://hooks.stripe.com/3d_secure_2/hosted?merchant=acct_1&payment_intent=pi_1",
            "https://[::1]:8443/",
            "https://shop.example",
        ];
        for text in good {
            assert_eq!(RedirectUrl::parse(text).map(|url| url.as_str().to_owned()), Ok(text.to_owned()));
        }
        let long = format!("https://shop.example/{}", "a".repeat(MAX_REDIRECT_URL));
        let bad = [
            "",
            "https://",
            "https:///path",
            "http://shop.example/",
            "javascript:alert(1)",
            "//shop.example",
            "https://user:secret@shop.example/",
            "https://shop.example@other.example/",
            "https://shop.example\\@other.example/",
            "https://shop.example/a b",
            "https://shop.example/\n",
            "https://shöp.example/",
            "https://shop.example/\"><script>",
            &long,
        ];
        for text in bad {
            assert_eq!(RedirectUrl::parse(text), Err(NoRedirectUrl), "{text}");
        }
    }
}
