//! What each test card does. Every number that is not listed is approved.

use payments::gateway::DeclineCode;
use payments::secret::Secret;

/// How the network misbehaves for a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quirk {
    /// The first answer to each order is lost after its effect.
    LostAnswer,
    /// The first answer to the authorisation comes too late.
    LateAnswer,
    /// The first two authorisation orders are not taken.
    Outage,
    /// No authorisation order is ever taken.
    Down,
    /// Each order arrives twice.
    Duplicate,
    /// The hold is placed, and no capture of it is ever allowed.
    CaptureRefused,
    /// The hold is placed and captured, and no refund of it is ever allowed.
    RefundRefused,
}

/// What the holder of a card does who is asked to authenticate, some seconds after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cardholder {
    /// Authenticates: the hold is placed, and the issuer bears a fraud.
    Authenticates,
    /// Comes, and fails to.
    Fails,
    /// Never comes.
    StaysAway,
}

/// The public test numbers that are declined.
const DECLINED: [(&str, DeclineCode); 7] = [
    ("4000000000000002", DeclineCode::DoNotHonor),
    ("4000000000009995", DeclineCode::InsufficientFunds),
    ("4000000000009987", DeclineCode::LostCard),
    ("4000000000009979", DeclineCode::StolenCard),
    ("4000000000000069", DeclineCode::ExpiredCard),
    ("4000000000000127", DeclineCode::IncorrectCvc),
    ("4000000000000119", DeclineCode::ProcessingError),
];

/// The simulated network's own numbers, by their first fifteen digits; the sixteenth is the check digit.
const QUIRKS: [(&str, Quirk); 7] = [
    ("400000990000010", Quirk::LostAnswer),
    ("400000990000020", Quirk::LateAnswer),
    ("400000990000030", Quirk::Outage),
    ("400000990000040", Quirk::Duplicate),
    ("400000990000050", Quirk::Down),
    ("400000990000060", Quirk::CaptureRefused),
    ("400000990000070", Quirk::RefundRefused),
];

/// The numbers whose holders have to authenticate: a public one, whole, and our own by their first fifteen digits.
const CARDHOLDERS: [(&str, Cardholder); 3] = [
    ("4000002500003155", Cardholder::Authenticates),
    ("400000990000080", Cardholder::Fails),
    ("400000990000090", Cardholder::StaysAway),
];

/// What the holder of that number does, if they have to authenticate.
pub(crate) fn cardholder(number: &Secret) -> Option<Cardholder> {
    CARDHOLDERS.iter().find(|(listed, _)| number.expose().starts_with(listed)).map(|(_, cardholder)| *cardholder)
}

/// Why the issuer says no to that number, if it does.
pub(crate) fn decline(number: &Secret) -> Option<DeclineCode> {
    DECLINED.iter().find(|(listed, _)| *listed == number.expose()).map(|(_, code)| *code)
}

/// How the network misbehaves for that number, if it does.
pub(crate) fn quirk(number: &Secret) -> Option<Quirk> {
    QUIRKS.iter().find(|(listed, _)| number.expose().starts_with(listed)).map(|(_, quirk)| *quirk)
}
