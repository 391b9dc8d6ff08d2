//! `fault`: tells a gateway's proxy on the local stack how to break the calls that functions make to it.
//!
//! It knows what is said to a proxy, and not how a call is broken.

use std::fmt;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::control;
use crate::state::{Server, State};

/// A gateway that is somebody else's program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Gateway {
    /// Stripe, by localstripe.
    Stripe,
    /// An acquirer, by iso8583sim.
    Iso8583,
}

impl Gateway {
    /// Each.
    pub const ALL: [Self; 2] = [Self::Stripe, Self::Iso8583];

    /// Its name, on a command line and in `GatewayName`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Iso8583 => "iso8583",
        }
    }

    /// What functions talk to.
    pub fn proxy(self) -> Server {
        match self {
            Self::Stripe => Server::StripeProxy,
            Self::Iso8583 => Server::Iso8583Proxy,
        }
    }

    /// What stands for it.
    pub fn peer(self) -> Server {
        match self {
            Self::Stripe => Server::Localstripe,
            Self::Iso8583 => Server::Iso8583sim,
        }
    }
}

/// How every call is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// Not at all.
    None,
    /// Connections are refused, and those that are open end.
    Down,
    /// Carried out, and the answer comes when nobody waits for it any more.
    Slow,
    /// The connection ends before the request arrives.
    CutBefore,
    /// Carried out, and the connection ends instead of an answer.
    CutAfter,
    /// Carried out, and the connection ends in the middle of the answer.
    CutWithin,
    /// The request arrives twice, and the second answer is the one that is given.
    Duplicate,
}

impl Fault {
    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Down => "down",
            Self::Slow => "slow",
            Self::CutBefore => "cut-before",
            Self::CutAfter => "cut-after",
            Self::CutWithin => "cut-within",
            Self::Duplicate => "duplicate",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Breaks the gateway's calls so from now on: it is in force when this returns. Calls that are under way end as they began.
pub async fn set(state: &State, gateway: Gateway, fault: Fault) -> Result<Fault> {
    let now = tell(state, gateway, fault.name()).await?;
    if now != fault {
        bail!("{} breaks calls by {now} instead of {fault}", gateway.name());
    }
    Ok(now)
}

/// How the gateway's calls are broken now.
pub async fn read(state: &State, gateway: Gateway) -> Result<Fault> {
    tell(state, gateway, "").await
}

async fn tell(state: &State, gateway: Gateway, words: &str) -> Result<Fault> {
    let name = gateway.name();
    let answer = control::tell(state, gateway.proxy(), words).await?;
    let fault = Fault::from_str(answer.trim(), false);
    fault.map_err(|error| anyhow::anyhow!("the proxy of {name} says {answer:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        let named = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| value().unwrap().get_name().to_owned();
        for fault in Fault::value_variants() {
            assert_eq!(named(&|| fault.to_possible_value()), fault.name());
        }
        for gateway in Gateway::ALL {
            assert_eq!(named(&|| gateway.to_possible_value()), gateway.name());
        }
    }
}
