//! A cardholder's authentication (3-D Secure): the stage in which a payment waits for it, where they are sent, where they come
//! back to, and who bears a fraud afterwards. Nobody here calls these addresses: a browser does.

use crate::gateway::GatewayName;
use crate::operation::{Action, Refusal, Wanted};
use crate::payment::{Actor, MAX_HISTORY, Payment};
use crate::stage::{Authorizing, Stage, VoidReason, Voiding};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// How long a cardholder may take. A gateway's page rarely lasts longer, and nothing is held meanwhile.
pub const AUTHENTICATION_SECONDS: i64 = 60 * 60;
/// The most of a payment's operations that may be confirmations: whoever asks again and again leaves room for what moves money.
pub const MAX_CONFIRMATIONS: usize = 10;
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

/// At rest until the cardholder has authenticated: the gateway's page asks them, and nothing is held before. Where the page
/// is and how long it waits stands in the payment ([`Authentication`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authenticating {
    /// The intent that waits for it.
    pub intent: Authorizing,
    /// The gateway's name for what waits.
    pub reference: String,
}

impl Authenticating {
    /// The intent again: the gateway is asked what became of it.
    pub fn resume(self) -> Authorizing {
        self.intent
    }

    /// The merchant does not want to wait any longer.
    pub fn cancel(self) -> Voiding {
        let Authorizing { gateway, attempt: hold_attempt, .. } = self.intent;
        let draft = Some(self.reference);
        let because = VoidReason::Requested;
        Voiding { gateway, hold_attempt, draft, hold: None, screening: None, because, attempt: 1 }
    }
}

impl Payment {
    /// The gateway wants the cardholder to authenticate, on the page at `url`. What they were asked for first stays; nothing is
    /// noted of one who could not be sent there and back.
    pub fn ask(mut self, gateway: &GatewayName, url: Option<&str>, now: Timestamp) -> Self {
        if self.authentication.is_none() && self.return_url.is_some() {
            let until = now.plus_seconds(AUTHENTICATION_SECONDS);
            let page = url.and_then(|url| RedirectUrl::parse(url).ok());
            self.authentication = page.map(|url| Authentication { gateway: gateway.clone(), url, until });
        }
        self
    }

    /// Whether the cardholder was asked to authenticate and still has time.
    pub fn awaits_cardholder(&self, now: Timestamp) -> bool {
        self.authentication.as_ref().is_some_and(|asked| now < asked.until)
    }

    /// The gateway let hear something of a payment that waits for its cardholder: the intent to ask it what is true. `None` for
    /// any other payment, and for one that was asked about so often that its history would forget how it began.
    pub fn ask_again(self, by: Actor, now: Timestamp) -> Option<Self> {
        let Stage::Authenticating(rest) = self.stage.clone() else { return None };
        let room = self.history.len() < MAX_HISTORY / 2;
        room.then(|| self.begin(Stage::Authorizing(rest.resume()), by, now))
    }

    /// Where the cardholder is sent, if they ever were.
    pub(crate) fn next_action(&self) -> Option<NextAction> {
        let asked = self.authentication.as_ref()?;
        let redirect_to_url = RedirectToUrl { url: asked.url.clone(), return_url: self.return_url.clone() };
        Some(NextAction { kind: NextActionType::RedirectToUrl, redirect_to_url, expires_at: asked.until.to_rfc3339() })
    }

    /// What comes of it when a client asks for something meanwhile.
    pub(crate) fn accept_on_cardholder(&self, on: Authenticating, wanted: Wanted) -> Result<(Action, Stage), Refusal> {
        let confirmations = self.operations.iter().filter(|operation| operation.action == Action::Confirm).count();
        match wanted {
            Wanted::Confirm if confirmations >= MAX_CONFIRMATIONS => Err(Refusal::TooManyConfirmations),
            Wanted::Confirm => Ok((Action::Confirm, Stage::Authorizing(on.resume()))),
            Wanted::Cancel => Ok((Action::Cancel, Stage::Voiding(on.cancel()))),
            Wanted::Capture { .. } | Wanted::Refund { .. } | Wanted::Review { .. } => {
                Err(Refusal::NotPossible { status: self.status(), expected: "confirm or cancel" })
            }
        }
    }
}

/// What the cardholder has to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NextAction {
    /// How.
    #[serde(rename = "type")]
    pub kind: NextActionType,
    /// Where their browser is sent.
    pub redirect_to_url: RedirectToUrl,
    /// Until when (RFC 3339, UTC).
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Moment"))]
    pub expires_at: String,
}

/// How a cardholder does what they have to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("x-extensible" = true)))]
#[serde(rename_all = "snake_case")]
pub enum NextActionType {
    /// Their browser is sent to a page of the gateway, which sends it back.
    RedirectToUrl,
}

/// A page of the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RedirectToUrl {
    /// The page.
    pub url: RedirectUrl,
    /// Where it sends the browser back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<RedirectUrl>,
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
